import type { Command } from 'commander';
import { build } from '../build.ts';
import type { Cli } from '../io.ts';
import { addExamples, addSelectionOptions, memoryLimit, wholeNumber } from '../options.ts';

export function defineTest(program: Command, cli: Cli): void {
  const command = program
    .command('test')
    .description('Tests the published tables of the selection and keeps every value.');
  addSelectionOptions(command)
    .option('--as-of <time>', 'what counts as fresh, UTC')
    .option('-x, --fail-fast', 'stop at the first failure')
    .option('--threads <n>', 'tests that run at once', wholeNumber(1))
    .addOption(memoryLimit())
    .option('--wait', 'wait while another run holds the target')
    .option('--warn-error', 'end with exit code 1 when anything warned')
    .action(async (_, own: Command) => {
      await build(cli, 'test', own.optsWithGlobals());
    });
  addExamples(command, 'test', 'test --select NAME --warn-error');
}
