import { partitionsOf, type Warehouse } from '../duckdb/index.ts';
import { countOf, formatBytes } from '../format.ts';
import type { ExtractNode, ModelNode } from '../graph/graph.ts';
import { type RunContext, refOf } from './context.ts';

/** Tells the extracts of this run which of their staged data has been published. */
export async function tellPublished(context: RunContext): Promise<void> {
  const { graph, project, paths, vars, reporter } = context;
  const ran = graph.nodes.filter(
    (node): node is ExtractNode => node.kind === 'extract' && context.extracted.has(node.name),
  );
  for (const node of ran) {
    const extract = await project.extract(node);
    const freed = await extract.published?.({
      stagingDir: paths.staging,
      options: node.spec.with,
      vars,
      partitions: () => context.warehouse.use((warehouse) => publishedPartitions(warehouse, node, context)),
    });
    if (!freed || freed.files === 0) continue;
    const { files, bytes } = freed;
    const message = `removed ${countOf(files, 'staged file that is loaded', 'staged files that are loaded')}, ${formatBytes(bytes)}`;
    reporter.report({ type: 'log', level: 'info', message, node: refOf(node) });
  }
}

/**
 * Returns the partitions that models which read a source of the extract have built from the staged data, and that none
 * of them has still to build. Models need not read the same partitions.
 */
export async function publishedPartitions(
  warehouse: Warehouse,
  extract: ExtractNode,
  { graph, project }: Pick<RunContext, 'graph' | 'project'>,
): Promise<ReadonlySet<string>> {
  const sources = extract.spec.writes.filter((name) => project.schema[name]?.kind === 'source');
  const readers = graph.nodes.filter(
    (node): node is ModelNode => node.kind === 'model' && node.spec.needs.some((name) => sources.includes(name)),
  );
  let known: ReadonlySet<string> = new Set();
  let open: ReadonlySet<string> = new Set();
  for (const reader of readers) {
    const partitions = await partitionsOf(warehouse, await project.model(reader));
    known = known.union(partitions.known);
    open = open.union(partitions.dirty);
  }
  return known.difference(open);
}
