import type { Command } from 'commander';
import { terminalOf } from '../../report/terminal.ts';
import { type Cli, createNotes } from '../io.ts';
import { openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions, wholeNumber } from '../options.ts';
import { textTable } from '../text-table.ts';

const defaultLimit = 10;

export function defineShow(program: Command, cli: Cli): void {
  const command = program
    .command('show')
    .description('Shows the first rows of a published table or view.')
    .argument('<model>', 'name of a model, a seed, or a table that an extract writes')
    .option('--limit <n>', `rows to show (default: ${defaultLimit})`, wholeNumber(1))
    .action((model: string, _, own: Command) => show(cli, model, own.optsWithGlobals()));
  addExamples(command, 'show NAME', 'show NAME --limit 50 --target live');
}

async function show(cli: Cli, name: string, options: GlobalOptions & { readonly limit?: number }): Promise<void> {
  const [{ pipeline, paths }, { showTable }] = await Promise.all([
    openContext(cli, options),
    import('../../target/show-table.ts'),
  ]);
  const { limit = defaultLimit } = options;
  const { units, ...texts } = await showTable({ pipeline, paths, name, limit, signal: cli.signal });
  const { lines, leftOut } = textTable(texts, { terminal: terminalOf(cli.stdout, cli.env), units });
  for (const line of lines) cli.print(line);
  const note = createNotes(cli, options);
  if (texts.rows.length === 0) note(`${name} has no rows`);
  if (leftOut.length > 0) note(`no room for ${leftOut.join(', ')}; all columns: pnpm pipeline show ${name} | cat`);
}
