import type { CommandIo } from '../command.ts';
import { toJsonLine } from '../report/json.ts';
import type { GlobalOptions } from './options.ts';

/** The parts of the process that `main` needs. */
export interface MainIo extends CommandIo {
  /** Carries the answers to questions; without it none can be asked. */
  readonly stdin?: NodeJS.ReadStream;
}

/** The context of the engine's own commands. */
export interface Cli extends MainIo {
  /** The arguments of the command line. */
  readonly argv: readonly string[];
  /** Restricts the selection to these nodes; no restriction by default. */
  readonly only?: ReadonlySet<string>;
  /** Prints a line of the result. */
  readonly print: (line: string) => void;
  /** Sets the exit code of a command that ends without an error. */
  readonly finish: (exitCode: number) => void;
}

type Terminal = Pick<MainIo, 'stdin' | 'stderr' | 'signal'>;

/** Shows lines on the terminal and waits for yes or no; undefined if there is no terminal for lines or answers. */
export function askOn({
  stdin,
  stderr,
  signal,
}: Terminal): ((lines: readonly string[]) => Promise<boolean>) | undefined {
  if (!stdin?.isTTY || !('isTTY' in stderr && stderr.isTTY)) return undefined;
  return async (lines) => {
    const { createInterface } = await import('node:readline/promises');
    for (const line of lines) stderr.write(`${line}\n`);
    // Read as a plain stream: in terminal mode, readline would intercept Ctrl-C.
    const reader = createInterface({ input: stdin, output: stderr, terminal: false });
    let isAnswered = false;
    const ended = Promise.withResolvers<string>();
    reader.once('close', () => {
      if (!isAnswered) stderr.write('\n');
      ended.resolve('');
    });
    try {
      const answer = await Promise.race([reader.question('Continue? [y/N] ', { signal }), ended.promise]);
      isAnswered = true;
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      reader.close();
    }
  };
}

/** Writes a line of log to stderr. */
export type Note = (message: string, level?: 'info' | 'warn') => void;

/** Creates notes that respect `--quiet` and `--log-format`. */
export function createNotes(io: CommandIo, { quiet, logFormat }: Pick<GlobalOptions, 'quiet' | 'logFormat'>): Note {
  return (message, level = 'info') => {
    if (quiet) return;
    const record = () => toJsonLine({ ts: io.now().toISOString(), level, type: 'log', message });
    io.stderr.write(`${logFormat === 'json' ? record() : wrapped(message, widthOf(io.stderr))}\n`);
  };
}

/** The width of a terminal; unlimited for a file. */
const widthOf = (stream: CommandIo['stderr']): number =>
  'isTTY' in stream && stream.isTTY ? stream.columns : Number.POSITIVE_INFINITY;

/** Wraps a message between words at the width of the terminal. */
function wrapped(message: string, width: number): string {
  let used = 0;
  let text = '';
  for (const word of message.split(' ')) {
    const isFirst = text === '';
    const breaks = !isFirst && used + 1 + word.length > width;
    text += isFirst ? word : breaks ? `\n  ${word}` : ` ${word}`;
    used = isFirst ? word.length : (breaks ? 2 : used + 1) + word.length;
  }
  return text;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal sends Ctrl-C to every process of the group, and pnpm forwards its own; both count as one signal. */
const echoWithin = 250;
const endWithin = 900;

interface SignalSource {
  on(signal: (typeof signals)[number], listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * The first signal aborts and leaves 0.9 s to finish; the next one, or the end of that time, exits with 130. That is
 * safe, because the next run can continue after a kill at any moment.
 */
export function listenForSignals(source: SignalSource, now: () => number = () => performance.now()): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const onSignal = () => {
    if (first === undefined) {
      first = now();
      controller.abort();
      setTimeout(() => source.exit(130), endWithin).unref();
    } else if (now() - first > echoWithin) {
      source.exit(130);
    }
  };
  for (const signal of signals) source.on(signal, onSignal);
  return controller.signal;
}
