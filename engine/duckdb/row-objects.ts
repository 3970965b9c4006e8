import { type DuckDBDataChunk, JSDuckDBValueConverter as toJs } from '@duckdb/node-api';

/**
 * The rows of a chunk as objects, DATE and TIMESTAMP as UTC `Date`, BIGINT as bigint. Read column by column, which is a
 * fifth of the time that the binding's own way takes: that goes back to DuckDB for every row.
 */
export function rowObjects(chunk: DuckDBDataChunk, names: readonly string[]): Record<string, unknown>[] {
  const rows = Array.from({ length: chunk.rowCount }, (): Record<string, unknown> => ({}));
  names.forEach((name, column) => {
    const vector = chunk.getColumnVector(column);
    const { type } = vector;
    rows.forEach((row, at) => {
      row[name] = toJs(vector.getItem(at), type, toJs);
    });
  });
  return rows;
}
