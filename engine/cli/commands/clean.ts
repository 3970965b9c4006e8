import type { Command } from 'commander';
import type { Extract } from '../../extract.ts';
import type { ExtractNode } from '../../graph/graph.ts';
import { createRunId } from '../build.ts';
import type { Cli } from '../io.ts';
import { type CommandContext, openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

export function defineClean(program: Command, cli: Cli): void {
  const command = program
    .command('clean')
    .description('Removes what runs wrote for the target, after a backup of the warehouse; staged archives stay.')
    .option('--staging', 'also remove staged files, but not their records; the next run fetches them again')
    .action((_, own: Command) => clean(cli, own.optsWithGlobals()));
  addExamples(command, 'clean', 'clean --target mirror --staging');
}

async function clean(cli: Cli, options: GlobalOptions & { readonly staging?: boolean }): Promise<void> {
  const [context, { cleanTarget }, { countOf, formatBytes }] = await Promise.all([
    openContext(cli, options),
    import('../../target/clean-target.ts'),
    import('../../format.ts'),
  ]);
  const { paths, pipeline } = context;
  const now = cli.now();
  const runId = createRunId(now, cli.random);
  const { backup, removed, left, freed } = await cleanTarget({
    paths,
    exports: Object.keys(pipeline.spec.exports),
    extracts: options.staging ? await extractsOf(context) : [],
    runId,
    now,
    signal: cli.signal,
  });
  for (const file of removed) cli.print(`removed ${file}`);
  if (freed.files > 0) {
    cli.print(`removed ${countOf(freed.files, 'file')}, ${formatBytes(freed.bytes)}, from ${paths.staging}`);
  }
  if (removed.length === 0 && freed.files === 0) cli.print(`nothing to remove in ${paths.root}`);
  for (const { file, why } of left) cli.print(`left ${file}: ${why}`);
  if (backup !== undefined) cli.print(`backup of the warehouse: ${backup}`);
}

async function extractsOf({ pipeline, graph, vars }: CommandContext): Promise<readonly Extract[]> {
  const { openProject } = await import('../../project.ts');
  const project = await openProject(pipeline, vars);
  const nodes = graph.nodes.filter((node): node is ExtractNode => node.kind === 'extract');
  return Promise.all(nodes.map((node) => project.extract(node)));
}
