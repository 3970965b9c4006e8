import { builtAmong, openWarehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { Graph, GraphNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { refuseOlder } from '../migrations/states.ts';
import { refuseLost, stateOfFile } from '../target/lost.ts';

interface Checked {
  /** The root of the project. */
  readonly root: string;
  readonly file: string;
  /** True if a lost warehouse will be rebuilt. */
  readonly anew: boolean;
}

/**
 * Checks, before anything runs, that the tables which the selection reads but does not build have been built.
 * @throws PipelineError TABLE_MISSING naming the missing tables and the selector that builds them, WAREHOUSE_MISSING
 * for a selection of tests alone, WAREHOUSE_LOST unless a lost one will be rebuilt, SCHEMA_OUTDATED
 */
export async function checkTables(
  nodes: readonly GraphNode[],
  graph: Graph,
  warehouse: Checked,
  signal: AbortSignal,
): Promise<void> {
  const selected = new Set(nodes.map(({ id }) => id));
  const outside = new Set(
    nodes.filter(({ kind }) => kind !== 'extract').flatMap(({ needs }) => needs.filter((id) => !selected.has(id))),
  );
  const wanted = graph.nodes.filter(({ id }) => outside.has(id));
  if (wanted.length === 0) return;
  const tablesOf = (node: GraphNode) => (node.kind === 'extract' ? node.spec.writes : [node.name]);
  const built = await builtTables(wanted.flatMap(tablesOf), warehouse, signal);
  // One table of an extract is enough, since its sources are never in the warehouse; a selected extract may write it
  // too.
  const written = nodes.flatMap((node) => (node.kind === 'extract' ? tablesOf(node) : []));
  const missing = wanted.filter((node) => !tablesOf(node).some((table) => built.has(table) || written.includes(table)));
  if (missing.length === 0) return;
  const readers = nodes.filter(({ needs }) => missing.some(({ id }) => needs.includes(id)));
  if (readers.every(({ kind }) => kind === 'test') && built.size === 0) {
    throw new PipelineError(
      'WAREHOUSE_MISSING',
      `there is nothing to test: ${warehouse.file} has no ${missing.map(({ name }) => name).join(', ')}`,
      {
        hint: 'build it: pnpm pipeline run',
      },
    );
  }
  const first = readers.find(({ kind }) => kind === 'model') ?? readers[0];
  const selector = `+${(first?.kind === 'model' && first.group) || first?.name}`;
  throw new PipelineError(
    'TABLE_MISSING',
    `${readers.map(({ id }) => id).join(', ')} ${readers.length === 1 ? 'needs' : 'need'} ${missing.map(({ name }) => name).join(', ')}, which ${warehouse.file} does not have`,
    { hint: `build what is needed as well: pnpm pipeline run --select ${selector}` },
  );
}

async function builtTables(
  tables: readonly string[],
  { root, file, anew }: Checked,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (!anew) refuseLost(file);
  if (stateOfFile(file) !== 'there') return new Set();
  await using warehouse = await openWarehouse({ file, readOnly: true, waitMs: queriesWaitMs, signal });
  await refuseOlder(warehouse, root);
  return await builtAmong(warehouse, tables); // awaited before the warehouse is closed
}
