import type { Pipeline } from '../config/load.ts';
import { firstRows, hasView, openWarehouse } from '../duckdb/index.ts';
import { closest, PipelineError } from '../errors.ts';
import { queriesWaitMs } from '../limits.ts';
import { refuseOlder } from '../migrations/states.ts';
import { loadSchema } from '../modules.ts';
import type { TextRows } from '../read.ts';
import { storedTables } from '../schema/table.ts';
import type { TargetPaths } from './paths.ts';

/**
 * Returns the first rows of a table or view, ordered by its key, with the columns in the order of its definition.
 * @throws PipelineError USAGE for a name that the schema does not have, TABLE_MISSING for a view that was never built,
 * WAREHOUSE_MISSING, WAREHOUSE_LOCKED, SCHEMA_OUTDATED
 */
export async function showTable(options: {
  readonly pipeline: Pipeline;
  readonly paths: TargetPaths;
  readonly name: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}): Promise<TextRows & { readonly units: Readonly<Record<string, string | undefined>> }> {
  const { pipeline, paths, name, limit, signal } = options;
  const schema = await loadSchema(pipeline);
  const views = Object.values(schema).filter(({ kind }) => kind === 'view');
  const tables = [...storedTables(schema), ...views];
  const table = tables.find((known) => known.name === name);
  if (table === undefined) {
    const names = tables.map((known) => known.name);
    throw new PipelineError('USAGE', `there is no table ${name}`, {
      value: name,
      hint: closest(name, names) ?? `known tables: ${names.join(', ')}`,
    });
  }
  await using warehouse = await openWarehouse({ file: paths.warehouse, readOnly: true, waitMs: queriesWaitMs, signal });
  await refuseOlder(warehouse, pipeline.root);
  if (views.includes(table) && !(await hasView(warehouse, name))) {
    throw new PipelineError('TABLE_MISSING', `${paths.warehouse} has no view ${name}`, {
      hint: `build it: pnpm pipeline run --select +${name}`,
    });
  }
  const texts = await firstRows(warehouse, table, limit);
  const units = Object.fromEntries(Object.entries(table.columns).map(([column, { unit }]) => [column, unit]));
  return { ...texts, units };
}
