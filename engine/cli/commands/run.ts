import type { Command } from 'commander';
import { build, withVarFlags } from '../build.ts';
import type { Cli } from '../io.ts';
import { addExamples, addSelectionOptions, memoryLimit, wholeNumber } from '../options.ts';
import { plan } from './plan.ts';

export function defineRun(program: Command, cli: Cli): void {
  const command = program
    .command('run')
    .description('Builds the selection in DAG order: extracts, models, their tests and exports.');
  addSelectionOptions(command)
    .option('--start <date>', 'first UTC day to fetch and rebuild')
    .option('--end <date>', 'the UTC day after the last one')
    .option('--as-of <time>', 'clock of the run in UTC; decides which months are closed and what is not published yet')
    .option('--full-refresh', 'rebuild everything; the warehouse is backed up first')
    .option('--relist', 'list every series in full again')
    .option('--locked [file]', 'fail if the archive differs from sources.lock, or from another lock file')
    .option('-x, --fail-fast', 'stop at the first failure')
    .option('--threads <n>', 'number of nodes that run at once', wholeNumber(1))
    .addOption(memoryLimit())
    .option('--verify-incremental', 'compare each table with a full build before it is published')
    .option('--dry-run', 'show what would be done and why, like plan, without doing it')
    .option('--wait', 'wait while another run has the target locked')
    .option('--yes', 'fetch large amounts without asking')
    .option('--warn-error', 'exit with 1 if there are warnings')
    .action(async (_, own: Command) => {
      const options = withVarFlags(own);
      if (own.opts<{ dryRun?: boolean }>().dryRun) await plan(cli, { ...options, format: 'table' });
      else await build(cli, 'run', options);
    });
  addExamples(command, 'run', 'run --select +NAME --start 2025-06-17 --end 2025-06-29', 'run --target live --dry-run');
}
