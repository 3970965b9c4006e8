import { type Command, Option } from 'commander';
import type { Graph, GraphNode } from '../../graph/graph.ts';
import type { Cli } from '../io.ts';
import { completeGraph, followsEdges, loadPipelineOf, openContext } from '../open-context.ts';
import { addExamples, addSelectionOptions, type GlobalOptions, type SelectionOptions } from '../options.ts';
import { formatTable } from '../text-table.ts';

type Output = 'text' | 'json' | 'name' | 'path';

export function defineLs(program: Command, cli: Cli): void {
  const command = program.command('ls').description('Lists the selected nodes in dependency order.');
  addSelectionOptions(command)
    .addOption(
      new Option('--output <format>', 'output format; json prints one object per line').choices([
        'text',
        'json',
        'name',
        'path',
      ]),
    )
    .action((_, own: Command) => ls(cli, own.optsWithGlobals()));
  addExamples(command, 'ls', 'ls --select +NAME', 'ls --select path:models --output json');
}

async function ls(cli: Cli, options: GlobalOptions & SelectionOptions & { readonly output?: Output }): Promise<void> {
  const [graph, { select }] = await Promise.all([graphOf(cli, options), import('../../graph/select.ts')]);
  const selected = select(graph, options);
  const nodes = graph.nodes.filter(({ id }) => selected.has(id));
  for (const line of formats[options.output ?? 'text'](nodes)) cli.print(line);
}

/**
 * The edges of custom tests are in their modules, which take longer to load than everything else. They are loaded only
 * for selections that follow edges and formats that print them.
 */
async function graphOf(
  cli: Cli,
  options: GlobalOptions & SelectionOptions & { readonly output?: Output },
): Promise<Graph> {
  const [pipeline, { buildGraph }, { loadChecked }] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../../graph/graph.ts'),
    import('../../modules.ts'),
  ]);
  await loadChecked(pipeline);
  if (followsEdges(options) || options.output === 'json') return completeGraph(await openContext(cli, options));
  return buildGraph(pipeline);
}

const formats: Readonly<Record<Output, (nodes: readonly GraphNode[]) => Iterable<string>>> = {
  text: (nodes) =>
    formatTable(
      ['KIND', 'NAME', 'GROUP', 'TAGS', 'NEEDS'],
      nodes.map(({ kind, name, group = '', tags, needs }) => [
        kind,
        name,
        group,
        tags.join(', '),
        needs.map((id) => id.slice(id.indexOf('.') + 1)).join(', '),
      ]),
    ),
  json: (nodes) =>
    nodes.map(({ id, kind, name, group, tags, path, needs }) =>
      JSON.stringify({ id, kind, name, group: group ?? null, tags, path, needs }),
    ),
  name: (nodes) => nodes.map(({ name }) => name),
  path: (nodes) => new Set(nodes.map(({ path }) => path)),
};
