import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CommandModule } from '../command.ts';
import { PipelineError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { loadPipelineOf } from './context.ts';
import type { GlobalOptions } from './options.ts';

/** What completes values, by the name of an argument or of an option. */
export type ValueWords = Readonly<Record<string, readonly string[]>>;

/** Nodes and targets of pipeline.yaml, and what its commands know; nothing of a pipeline.yaml that is not there or broken. */
export async function valueWords(cli: Cli, options: GlobalOptions): Promise<ValueWords> {
  const [pipeline, { buildGraph }] = await Promise.all([
    loadPipelineOf(cli, options).catch((error: unknown) => {
      if (error instanceof PipelineError) return undefined;
      throw error;
    }),
    import('../graph/graph.ts'),
  ]);
  if (pipeline === undefined) return {};
  const { nodes } = buildGraph(pipeline);
  const selectors = unique(nodes.flatMap(({ name, group, tags }) => [name, group, ...tags.map((tag) => `tag:${tag}`)]));
  const tables = unique([
    ...nodes.flatMap((node) => (node.kind === 'model' ? [node.name] : node.kind === 'extract' ? node.spec.writes : [])),
  ]);
  const own: ValueWords = {
    '--target': Object.keys(pipeline.spec.targets),
    '--select': selectors,
    '-s': selectors,
    '--exclude': selectors,
    model: tables,
  };
  const others = await Promise.all(
    Object.values(pipeline.spec.commands).map(async ({ use }) => {
      const { default: module } = (await import(pathToFileURL(resolve(pipeline.root, use)).href)) as {
        default?: CommandModule;
      };
      return (await module?.completions?.(cli, options)) ?? {};
    }),
  );
  return Object.assign({}, own, ...others);
}

const unique = (words: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(words.filter((word) => word !== undefined)),
];
