import { relative } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../io.ts';
import { completeGraph, openContext } from '../open-context.ts';
import { addExamples, addSelectionOptions, type GlobalOptions, type SelectionOptions } from '../options.ts';

export function defineCompile(program: Command, cli: Cli): void {
  const command = program
    .command('compile')
    .description('Writes the SQL of each selected model to artifacts/ and prints the paths.');
  addSelectionOptions(command).action((_, own: Command) => compile(cli, own.optsWithGlobals()));
  addExamples(command, 'compile', 'compile --select NAME');
}

async function compile(cli: Cli, options: GlobalOptions & SelectionOptions): Promise<void> {
  const [context, { select }, { compileModels }] = await Promise.all([
    openContext(cli, options),
    import('../../graph/select.ts'),
    import('../../run/compile-models.ts'),
  ]);
  const graph = await completeGraph(context);
  const files = await compileModels({ ...context, graph, selected: select(graph, options) });
  for (const file of files) cli.print(relative(cli.cwd, file));
}
