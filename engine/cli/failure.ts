import { CommanderError } from 'commander';
import { diskError } from '../disk-error.ts';
import { formatError, isAbort, PipelineError } from '../errors.ts';
import { toJsonLine } from '../report/json.ts';
import { createPaint, paintCode } from '../report/paint.ts';
import { terminalOf } from '../report/terminal.ts';
import type { Cli } from './cli.ts';
import { usageError } from './usage.ts';

/** Prints why a command ended and returns its exit code. Help that was asked for is no failure. */
export function reportFailure(error: unknown, cli: Pick<Cli, 'argv' | 'env' | 'now' | 'signal' | 'stderr'>): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // Without a command, commander has printed the help to stderr.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2;
  const failure = nameFailure(error, cli);
  // The options may be what is wrong, so they are looked for rather than parsed.
  const { argv } = cli;
  const debug = argv.includes('--debug');
  if (argv.some((word, i) => word === '--log-format=json' || (word === 'json' && argv[i - 1] === '--log-format'))) {
    const ts = cli.now().toISOString();
    cli.stderr.write(`${toJsonLine({ ts, level: 'error', type: 'error', error: failure }, { debug })}\n`);
  } else {
    const paint = createPaint(terminalOf(cli.stderr, cli.env).color);
    cli.stderr.write(`${paintCode(formatError(failure, { debug }), paint)}\n`);
  }
  return failure instanceof PipelineError ? failure.exitCode : 1;
}

function nameFailure(error: unknown, { argv, signal }: Pick<Cli, 'argv' | 'signal'>): unknown {
  if (error instanceof CommanderError) return usageError(error, argv);
  if (signal.aborted && isAbort(error) && !(error instanceof PipelineError)) {
    return new PipelineError('INTERRUPTED', 'interrupted', {
      hint: 'run the same command again to go on',
      cause: error,
    });
  }
  return diskError(error);
}
