import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openContext } from '../context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';
import { createRunId } from '../run-id.ts';

export function defineClean(program: Command, cli: Cli): void {
  const command = program
    .command('clean')
    .description('Removes what runs wrote for the target, with a backup of the warehouse; staged archives stay.')
    .option('--staging', 'remove the staged archives too: the next run fetches them again')
    .action((_, own: Command) => clean(cli, own.optsWithGlobals()));
  addExamples(command, 'clean', 'clean --target mirror --staging');
}

async function clean(cli: Cli, options: GlobalOptions & { readonly staging?: boolean }): Promise<void> {
  const [{ paths }, { cleanTarget }] = await Promise.all([openContext(cli, options), import('../../run/clean.ts')]);
  const now = cli.now();
  const runId = createRunId(now, cli.random);
  const { backup, removed } = await cleanTarget({
    paths,
    staging: options.staging ?? false,
    runId,
    now,
    signal: cli.signal,
  });
  for (const file of removed) cli.print(`removed ${file}`);
  if (removed.length === 0) cli.print(`nothing to remove in ${paths.root}`);
  if (backup !== undefined) cli.print(`the warehouse as it was: ${backup}`);
}
