import { CommanderError } from 'commander';
import { formatError, isAbort, PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { toJsonLine } from '../report/json.ts';
import { createPaint, paintCode, terminalOf } from '../report/terminal.ts';
import type { Cli } from './io.ts';

/** Prints why a command ended and returns its exit code. Requested help is not a failure. */
export function reportFailure(error: unknown, cli: Pick<Cli, 'argv' | 'env' | 'now' | 'signal' | 'stderr'>): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // If there is no command, commander has printed the help to stderr.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2;
  const failure = nameFailure(error, cli);
  // The options may be invalid, so they are searched for rather than parsed.
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
      hint: 'run the same command again to continue',
      cause: error,
    });
  }
  return machineFault(error);
}

/** Commands that users of dbt type or guess, with the one to use here; pipeline.yaml adds more with `instead_of`. */
const elsewhere: Readonly<Record<string, string>> = {
  build: '`run` builds, tests and exports: pnpm pipeline run',
  clone: '`migrate restore` restores a backup: pnpm pipeline migrate restore FILE',
  debug: '`doctor` checks what a run needs: pnpm pipeline doctor',
  deps: 'packages are installed by npx -y pnpm@10 install',
  docs: 'the documentation is in docs/, the tables in docs/tables.md; commands: pnpm pipeline --help',
  download: '`run` fetches what the selection needs: pnpm pipeline run',
  export: '`run` writes the exports: pnpm pipeline run --select kind:export',
  fetch: '`run` fetches what the selection needs: pnpm pipeline run',
  freshness: 'a data test checks it: pnpm pipeline test',
  list: '`ls` lists the nodes: pnpm pipeline ls',
  parse: '`compile` checks the project and writes its SQL: pnpm pipeline compile',
  source: 'data tests check freshness: pnpm pipeline test',
  status: '`migrate status` shows the migrations of the warehouse: pnpm pipeline migrate status',
  tables: '`ls` lists the nodes, `show NAME` shows rows: pnpm pipeline ls',
  version: 'pnpm pipeline --version',
};

/** Commands with --select; users of dbt may write the selectors directly after them. */
const selecting: ReadonlySet<string> = new Set(['run', 'test', 'plan', 'ls', 'compile']);

/** commander's `error: unknown option '--selct'\n(Did you mean --select?)`. */
function usageError(error: CommanderError, argv: readonly string[]): PipelineError {
  const [message = '', guess] = error.message.replace(/^error: /, '').split('\n');
  return new PipelineError('USAGE', message, {
    hint:
      probablyMeant(message, argv) ??
      guess?.replace(/^\(D(.*)\)$/, 'd$1') ??
      'add --help to see the options of the command',
  });
}

function probablyMeant(message: string, argv: readonly string[]): string | undefined {
  const unknown = /^unknown command '(.+)'$/.exec(message)?.[1];
  if (unknown !== undefined) return Object.hasOwn(elsewhere, unknown) ? elsewhere[unknown] : undefined;
  const command = /^too many arguments for '(.+?)'/.exec(message)?.[1];
  if (command === undefined || !selecting.has(command)) return undefined;
  const behind = argv.slice(argv.indexOf(command) + 1);
  const end = behind.findIndex((word) => word.startsWith('-'));
  const words = behind.slice(0, end === -1 ? undefined : end);
  return `select nodes with --select: pnpm pipeline ${command} --select ${words.join(' ') || 'NAME'}`;
}
