import type { Reader, ReaderOptions } from './read.ts';

/**
 * Opens a warehouse for reading. If a build holds it for longer than the wait, the last exports are read instead.
 * @throws PipelineError WAREHOUSE_MISSING (B17), SCHEMA_OUTDATED, or WAREHOUSE_LOCKED if there are no exports either;
 *   with exports, a query throws WAREHOUSE_LOCKED if it reads a table that they do not contain
 */
export async function openReader<DB>(options: ReaderOptions): Promise<Reader<DB>> {
  const { createReader } = await import('./duckdb/index.ts'); // only a reader loads DuckDB
  const { refuseOlder } = await import('./migrations/states.ts');
  const { root } = options;
  return createReader<DB>(options, async (warehouse) => {
    if (root !== undefined) await refuseOlder(warehouse, root);
  });
}
