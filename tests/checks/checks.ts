import { $ } from 'zx';
import { checkActions } from './actions.ts';
import { checkCases } from './cases.ts';
import { checkCycles } from './cycles.ts';
import { checkErrors } from './errors.ts';
import { checkGuards } from './guards.ts';
import { checkImports, checkWalls } from './imports.ts';
import { checkKernel } from './kernel.ts';
import { checkLinks } from './links.ts';
import { checkProjectWords } from './project-words.ts';
import { checkRawSql } from './raw-sql.ts';

/** Examines a tree and returns one line per problem. */
export type Check = (root: string) => Promise<readonly string[]>;

/** An installed program that prints its own findings and fails through its exit code. */
const program =
  (...command: readonly [string, ...string[]]): Check =>
  async (root) => {
    const { exitCode, stdout, stderr } = await $({
      cwd: root,
      nothrow: true,
      quiet: true,
      preferLocal: true,
    })`${command}`;
    return exitCode === 0 ? [] : `${stdout}${stderr}`.trimEnd().split('\n');
  };

export const checks: Readonly<Record<string, Check>> = {
  types: program('tsc', '--noEmit', '-p', '.'),
  biome: program('biome', 'check', '--error-on-warnings', '.'),
  knip: program('knip'),
  imports: async (root) => [...(await checkImports(root)), ...(await checkWalls(root))],
  cycles: checkCycles,
  'project-words': checkProjectWords,
  kernel: checkKernel,
  links: checkLinks,
  actions: checkActions,
  'raw-sql': checkRawSql,
  cases: checkCases,
  errors: (root) => checkErrors(root),
  guards: (root) => checkGuards(root),
};

export interface CheckResult {
  readonly name: string;
  readonly problems: readonly string[];
}

/** Runs checks in parallel and prints their results in order; a check that cannot run has failed. */
export async function runChecks(
  root: string,
  selected: readonly (readonly [string, Check])[],
  write: (line: string) => void,
): Promise<readonly CheckResult[]> {
  const running = selected.map(async ([name, check]): Promise<CheckResult> => {
    try {
      return { name, problems: await check(root) };
    } catch (error) {
      return { name, problems: [error instanceof Error ? error.message : String(error)] };
    }
  });
  const results: CheckResult[] = [];
  for (const next of running) {
    const result = await next;
    results.push(result);
    write(`${result.problems.length === 0 ? 'ok  ' : 'FAIL'} ${result.name}`);
    for (const problem of result.problems) write(`     ${problem}`);
  }
  return results;
}
