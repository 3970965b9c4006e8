import { alteredPartitions, type Warehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { ModelNode } from '../graph/graph.ts';
import type { RunContext } from './context.ts';

/**
 * Refuses to publish from tables of which another program changed rows, where these have not been built or loaded again: by
 * this run, if they are in its selection and range (B36).
 * @throws PipelineError WAREHOUSE_ALTERED naming the first partition and the command that builds it
 */
export async function refuseAltered(
  warehouse: Warehouse,
  tables: readonly string[],
  context: Pick<RunContext, 'graph' | 'project'>,
): Promise<void> {
  const altered = await alteredPartitions(warehouse, await storedIn(tables, context));
  if (altered[0] === undefined) return;
  const [{ table, partition }] = altered;
  const others = altered.filter((one) => one.table === table).length - 1;
  const first = partition || 'all of it';
  const more = others > 0 ? ` and ${others} more partitions` : '';
  throw new PipelineError('WAREHOUSE_ALTERED', `another program changed ${table}: ${first}${more}`, {
    file: warehouse.file,
    hint: `build it again, without a range: pnpm pipeline run --select +${writerOf(table, context)}`,
  });
}

/** What a view shows is in the tables that it reads. */
async function storedIn(
  tables: readonly string[],
  context: Pick<RunContext, 'graph' | 'project'>,
): Promise<readonly string[]> {
  const stored: string[] = [];
  for (const name of tables) {
    const view = context.project.schema[name]?.kind === 'view' && modelOf(name, context);
    if (view) stored.push(...(await storedIn((await context.project.model(view)).reads, context)));
    else stored.push(name);
  }
  return stored;
}

const modelOf = (name: string, { graph }: Pick<RunContext, 'graph'>): ModelNode | undefined =>
  graph.nodes.find((node): node is ModelNode => node.kind === 'model' && node.name === name);

/** The node that builds or loads a table. */
function writerOf(table: string, { graph }: Pick<RunContext, 'graph'>): string {
  const extract = graph.nodes.find((node) => node.kind === 'extract' && node.spec.writes.includes(table));
  return extract?.name ?? table;
}
