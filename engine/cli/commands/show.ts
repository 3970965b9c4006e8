import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openContext } from '../context.ts';
import { addExamples, type GlobalOptions, wholeNumber } from '../options.ts';
import { formatRows } from '../rows.ts';

const defaultLimit = 10;

export function defineShow(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .description('Shows the first rows of a published table or view.')
    .argument('<model>', 'name of a model, or of a table that an extract writes')
    .option('--limit <n>', `rows to show (default: ${defaultLimit})`, wholeNumber(1))
    .action((model: string, _, own: Command) => show(cli, model, own.optsWithGlobals()));
  addExamples(command, 'show volume_rankings', 'show daily_availability --limit 50 --target live');
}

async function show(cli: Cli, name: string, options: GlobalOptions & { readonly limit?: number }): Promise<void> {
  const [{ pipeline, paths }, { showTable }] = await Promise.all([
    openContext(cli, options),
    import('../../run/show.ts'),
  ]);
  const { limit = defaultLimit } = options;
  const { columns, rows } = await showTable({ pipeline, paths, name, limit, signal: cli.signal });
  for (const line of formatRows(columns, rows)) cli.print(line);
}
