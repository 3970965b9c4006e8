/** The parts that are read from the report of vitest's JSON reporter about one file. */
export interface GuardReport {
  readonly testResults: readonly {
    readonly status: string;
    /** Why the file as a whole failed. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export interface Verdict {
  readonly holds: boolean;
  readonly text: string;
}

/** Code that does not run proves nothing about a guard. */
const broken = /^(SyntaxError|ReferenceError)\b/;

const firstLine = (text: string): string => (text.split('\n')[0] as string).slice(0, 160);
const tests = (count: number): string => `${count} ${count === 1 ? 'test' : 'tests'}`;

/**
 * Judges if the tests of a case noticed that its guard was gone: at least one of them must have run and failed itself.
 * A file that does not load, a hook that fails or an empty selection does not count.
 */
export function judge(report: GuardReport | undefined): Verdict {
  const no = (text: string): Verdict => ({ holds: false, text });
  if (report === undefined) return no('vitest wrote no report');
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = results.filter(({ status }) => status === 'failed');
  const passed = results.filter(({ status }) => status === 'passed');
  const messages = failed.flatMap(({ failureMessages }) => failureMessages);
  const outside = report.testResults.find(({ status }) => status === 'failed');
  if (failed.length === 0 && outside !== undefined)
    return no(`no test fails by itself, but the file does: ${firstLine(outside.message)}`);
  if (failed.length + passed.length === 0) return no('no test of the case came to an end');
  if (failed.length === 0) return no(`unnoticed: ${tests(passed.length)} pass without it`);
  const error = messages.find((message) => broken.test(message));
  if (error !== undefined) return no(`the changed code does not run: ${firstLine(error)}`);
  return { holds: true, text: `fails as it should (${tests(failed.length)})` };
}
