import { formatError } from '../errors.ts';
import type { Reporter, RunEvent } from '../events.ts';
import { hideSecrets } from '../secrets.ts';
import { type Clock, systemClock } from './clock.ts';
import { createJsonReporter } from './json.ts';
import { createLineReporter, createLogFileReporter } from './lines.ts';
import { createSummaryReporter } from './summary.ts';
import { isLive, terminalOf } from './terminal.ts';

export interface ReporterOptions {
  /** The start of the first line: `shop run`. */
  readonly title: string;
  readonly format: 'text' | 'json';
  readonly quiet: boolean;
  readonly debug: boolean;
  /** Prints all nodes even if nothing changed. */
  readonly verbose: boolean;
  /** Determines the capabilities of the terminal: NO_COLOR, TERM. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes progress and log; a terminal gets live progress. */
  readonly stderr: NodeJS.WritableStream | NodeJS.WriteStream;
  /** Takes the result. */
  readonly stdout: NodeJS.WritableStream;
  readonly clock?: Clock;
}

/**
 * Creates everything that listens to a run: the progress in the appropriate form, the log file that `run_started`
 * names, and the summary, which `close` writes last.
 */
export async function createReporter(options: ReporterOptions): Promise<Reporter> {
  const { title, quiet, debug, verbose, stdout, env, clock = systemClock } = options;
  const isShort = !verbose && !debug;
  const progress = await createProgressReporter({ ...options, isShort }, clock);
  const log = createLogFileReporter({
    title,
    clock,
    onFailure: (message) => progress.report({ type: 'log', level: 'warn', message }),
  });
  const summary = createSummaryReporter({
    write: (line) => stdout.write(`${line}\n`),
    debug,
    quiet,
    color: terminalOf(stdout, env).color,
    isShort,
  });
  const all = [log, progress, summary];
  return {
    report(event) {
      const shown = withoutSecrets(event);
      for (const reporter of all) reporter.report(shown);
    },
    pause: (work) => progress.pause?.(work) ?? work(),
    async close() {
      for (const reporter of all) await reporter.close();
    },
  };
}

/** Errors hide their own secrets; a message may come from anywhere. */
const withoutSecrets = (event: RunEvent): RunEvent =>
  'message' in event ? { ...event, message: hideSecrets(event.message) } : event;

async function createProgressReporter(
  options: ReporterOptions & { readonly isShort: boolean },
  clock: Clock,
): Promise<Reporter> {
  const { title, format, quiet, debug, isShort, env, stderr } = options;
  const { width, color } = terminalOf(stderr, env);
  const write = (line: string) => stderr.write(`${line}\n`);
  if (format === 'json') return createJsonReporter({ write, clock, debug, quiet });
  if (quiet) return createErrorReporter({ write, debug });
  if (isLive(stderr, env)) {
    // listr2 takes a tenth of a second to load, and runs without a terminal do not need it.
    const { createTtyReporter } = await import('./tty.ts');
    return createTtyReporter({ title, terminal: stderr, clock, color, debug, isShort });
  }
  return createLineReporter({ title, clock, debug, write, width, isShort });
}

/** Reports only errors, for `--quiet`. */
function createErrorReporter(options: { write: (line: string) => void; debug: boolean }): Reporter {
  const { write, debug } = options;
  return {
    report(event) {
      if (event.type === 'log' && event.level === 'error') write(event.message);
      if (event.type === 'node_finished' && event.status === 'error') {
        write(
          `${event.node.kind} ${event.node.name}: ${event.error === undefined ? event.message : formatError(event.error, { debug })}`,
        );
      }
    },
    async close() {},
  };
}
