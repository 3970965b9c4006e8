import {
  type DuckDBDataChunk,
  DuckDBDateValue,
  type DuckDBResult,
  DuckDBTimestampValue,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Warehouse } from './warehouse.ts';

/**
 * A result turned by 90 degrees. Numbers, counts (exact up to 2^53) and times (ms since 1970, UTC) are a Float64Array,
 * in which NULL is NaN; everything else is a plain array.
 */
export type ColumnsOf<Row> = {
  [Name in keyof Row]: NonNullable<Row[Name]> extends number | bigint | Date ? Float64Array : Row[Name][];
};

const numeric: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIMESTAMP,
]);

/** Reads a result column by column, which takes a quarter of the time that row objects take. */
export async function readColumns<Row>(warehouse: Warehouse, sql: string): Promise<ColumnsOf<Row>> {
  const chunks: DuckDBDataChunk[] = [];
  let columns: readonly { readonly name: string; readonly isNumeric: boolean }[] = [];
  const reading = warehouse.stream(sql, (result: DuckDBResult) => {
    columns = result.columnNames().map((name, at) => ({ name, isNumeric: numeric.has(result.columnTypeId(at)) }));
    return result;
  });
  for await (const chunk of reading) chunks.push(chunk);
  const count = chunks.reduce((sum, { rowCount }) => sum + rowCount, 0);
  return Object.fromEntries(
    columns.map(({ name, isNumeric }, at) => [
      name,
      isNumeric ? numbersOf(chunks, at, count) : chunks.flatMap((chunk) => chunk.getColumnValues(at)),
    ]),
  ) as ColumnsOf<Row>;
}

function numbersOf(chunks: readonly DuckDBDataChunk[], column: number, count: number): Float64Array {
  const numbers = new Float64Array(count);
  let filled = 0;
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(column);
    for (let row = 0; row < chunk.rowCount; row++) numbers[filled++] = numberOf(vector.getItem(row));
  }
  return numbers;
}

function numberOf(value: DuckDBValue): number {
  if (typeof value === 'number') return value;
  if (value === null) return Number.NaN;
  if (value instanceof DuckDBTimestampValue) return Number(value.micros) / 1000;
  return value instanceof DuckDBDateValue ? value.days * 86_400_000 : Number(value);
}
