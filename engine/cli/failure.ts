import { CommanderError } from 'commander';
import { diskError } from '../disk-error.ts';
import { formatError, isAbort, PipelineError } from '../errors.ts';
import { toJsonLine } from '../report/json.ts';
import type { Cli } from './cli.ts';

/** Prints why a command ended and returns its exit code. Help that was asked for is no failure. */
export function reportFailure(error: unknown, cli: Cli): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // Without a command, commander has printed the help to stderr.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2;
  const failure = nameFailure(error, cli.signal.aborted);
  // The options may be what is wrong, so they are looked for rather than parsed.
  const { argv } = cli;
  const debug = argv.includes('--debug');
  if (argv.some((word, i) => word === '--log-format=json' || (word === 'json' && argv[i - 1] === '--log-format'))) {
    const ts = cli.now().toISOString();
    cli.stderr.write(`${toJsonLine({ ts, level: 'error', type: 'error', error: failure }, { debug })}\n`);
  } else {
    cli.stderr.write(`${formatError(failure, { debug })}\n`);
  }
  return failure instanceof PipelineError ? failure.exitCode : 1;
}

function nameFailure(error: unknown, interrupted: boolean): unknown {
  if (error instanceof CommanderError) return usageError(error);
  if (interrupted && isAbort(error) && !(error instanceof PipelineError)) {
    return new PipelineError('INTERRUPTED', 'interrupted', {
      hint: 'run the same command again to go on',
      cause: error,
    });
  }
  return diskError(error);
}

/** commander's `error: unknown option '--selct'\n(Did you mean --select?)`. */
function usageError(error: CommanderError): PipelineError {
  const [message = '', guess] = error.message.replace(/^error: /, '').split('\n');
  return new PipelineError('USAGE', message, {
    hint: guess?.replace(/^\(D(.*)\)$/, 'd$1') ?? 'add --help to the command to see what it takes',
  });
}
