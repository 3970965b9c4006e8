import { readFile } from 'node:fs/promises';
import {
  DuckDBDateValue,
  DuckDBInstance,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';

/** DOUBLE, FLOAT and integers up to 32 bits are numbers, BIGINT is bigint, DATE and times are ISO text in UTC. */
export type Value = string | number | bigint | boolean | null;

export interface Rows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Value[])[];
}

function plain(value: DuckDBValue): Value {
  if (value instanceof DuckDBTimestampTZValue) return new DuckDBTimestampValue(value.micros).toString();
  if (value instanceof DuckDBDateValue || value instanceof DuckDBTimestampValue) return value.toString();
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value as Value;
  return String(value);
}

async function query(database: string, sql: string): Promise<Rows> {
  const readOnly = database === ':memory:' ? {} : { access_mode: 'READ_ONLY' };
  const instance = await DuckDBInstance.create(database, { threads: '1', ...readOnly });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    const types = reader.columnTypes();
    return {
      columns: reader.columnNames().map((name, i) => ({ name, type: String(types[i]) })),
      rows: reader.getRows().map((row) => row.map(plain)),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** All rows of a Parquet file, in file order. */
export const readParquet = (file: string): Promise<Rows> =>
  query(':memory:', `select * from read_parquet(${quoted(file)}, file_row_number = false)`);

/** The key-value metadata of a Parquet file. */
export async function readParquetMetadata(file: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await query(
    ':memory:',
    `select decode(key), decode(value) from parquet_kv_metadata(${quoted(file)})`,
  );
  return new Map(rows.map(([key, value]) => [String(key), String(value)]));
}

/** The rows of a query on a warehouse file that no process holds, opened read-only. */
export const queryWarehouse = (file: string, sql: string): Promise<Rows> => query(file, sql);

/** A CSV without quoted fields: column names, and each row as texts. */
export async function readCsv(
  file: string,
): Promise<{ columns: readonly string[]; rows: readonly (readonly string[])[] }> {
  const [head = '', ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return { columns: head.split(','), rows: lines.map((line) => line.split(',')) };
}

/** Says where two lists of rows first differ; `undefined` if they are equal to the last bit. */
export function diffRows(
  actual: readonly (readonly Value[])[],
  expected: readonly (readonly Value[])[],
  columns: readonly string[],
  isEqual: (actual: Value, expected: Value, column: string) => boolean = Object.is,
): string | undefined {
  const show = (row: readonly Value[] | undefined) => (row === undefined ? 'nothing' : row.map(String).join(', '));
  for (let i = 0; i < Math.max(actual.length, expected.length); i++) {
    const [a, b] = [actual[i], expected[i]];
    const at = columns.findIndex((column, j) => !isEqual(a?.[j] ?? null, b?.[j] ?? null, column));
    if (a === undefined || b === undefined || at >= 0)
      return `row ${i + 1} of ${expected.length}${at >= 0 ? `, ${columns[at]}` : ''}: ${show(a)} instead of ${show(b)}`;
  }
  return undefined;
}
