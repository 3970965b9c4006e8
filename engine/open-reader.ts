import type { Reader, ReaderOptions } from './read.ts';

/**
 * Opens a warehouse for reading. Where a build holds it for longer than the wait, the last exports stand in.
 * @throws PipelineError WAREHOUSE_MISSING (B17), SCHEMA_OUTDATED, or WAREHOUSE_LOCKED where there are no exports either; with exports, a
 * query throws it that reads a table which they do not hold
 */
export async function openReader<DB>(options: ReaderOptions): Promise<Reader<DB>> {
  const { createReader } = await import('./duckdb/reader.ts'); // DuckDB is loaded by those who read
  return createReader<DB>(options);
}
