import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { ColumnsOf } from '../read.ts';
import { quoteName } from '../sql.ts';
import { describeColumns } from './utc.ts';
import type { Warehouse } from './warehouse.ts';

const numbers = /^(TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE)$/;
const times = /^(DATE|TIMESTAMP)$/;

/** Reads a result column by column. DuckDB turns all numbers into doubles, which is a fraction of the work of rows. */
export async function readColumns<Row>(warehouse: Warehouse, sql: string): Promise<ColumnsOf<Row>> {
  const columns = await describeColumns(warehouse, sql);
  const selected = columns.map(({ name, type }) => {
    const column = quoteName(name);
    if (times.test(type)) return `CAST(epoch_us(${column}) AS DOUBLE) / 1000 AS ${column}`;
    return numbers.test(type) ? `CAST(${column} AS DOUBLE) AS ${column}` : column;
  });
  const chunks: DuckDBDataChunk[] = [];
  for await (const chunk of warehouse.stream(`SELECT ${selected.join(', ')} FROM (${sql})`, (result) => result)) {
    chunks.push(chunk);
  }
  return Object.fromEntries(
    columns.map(({ name, type }, at) => [
      name,
      numbers.test(type) || times.test(type)
        ? doublesOf(chunks, at)
        : chunks.flatMap((chunk) => chunk.getColumnValues(at)),
    ]),
  ) as ColumnsOf<Row>;
}

function doublesOf(chunks: readonly DuckDBDataChunk[], column: number): Float64Array {
  const doubles = new Float64Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let filled = 0;
  for (const chunk of chunks) {
    const { rowCount } = chunk; // asks DuckDB each time
    const vector = chunk.getColumnVector(column);
    for (let row = 0; row < rowCount; row++) {
      doubles[filled++] = (vector.getItem(row) as number | null) ?? Number.NaN;
    }
  }
  return doubles;
}
