import type { Command } from 'commander';
import { build } from '../build.ts';
import type { Cli } from '../io.ts';
import { addExamples, addSelectionOptions, memoryLimit, wholeNumber } from '../options.ts';

export function defineTest(program: Command, cli: Cli): void {
  const command = program
    .command('test')
    .description('Runs the data tests of the selection on the published tables, and stores every measured value.');
  addSelectionOptions(command)
    .option('--as-of <time>', 'clock for freshness tests, in UTC')
    .option('-x, --fail-fast', 'stop at the first failure')
    .option('--threads <n>', 'number of tests that run at once', wholeNumber(1))
    .addOption(memoryLimit())
    .option('--wait', 'wait while another run has the target locked')
    .option('--warn-error', 'exit with 1 if there are warnings')
    .action(async (_, own: Command) => {
      await build(cli, 'test', own.optsWithGlobals());
    });
  addExamples(command, 'test', 'test --select NAME --warn-error');
}
