import { quoteName } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

export interface TypedColumn {
  readonly name: string;
  readonly type: string;
}

/** Returns the column names and SQL types of a result, in order. */
export const describeColumns = (warehouse: Warehouse, sql: string): Promise<readonly TypedColumn[]> =>
  warehouse.rows(`SELECT column_name AS name, column_type AS type FROM (DESCRIBE ${sql})`);

const withZone = 'TIMESTAMP WITH TIME ZONE';

/**
 * The select list of a result that is written as Parquet. Tables store UTC as TIMESTAMP, which Parquet would call local
 * time, and a frame read from it would not join one from Arrow. Converted from µs, because a cast takes ten times as
 * long.
 */
export const asInstants = (columns: readonly TypedColumn[]): string =>
  replacing(columns, 'TIMESTAMP', (time) => `make_timestamptz(epoch_us(${time}))`);

/**
 * The select list that reads Parquet back with the types of the tables; files of earlier versions already have them.
 */
export const fromInstants = (columns: readonly TypedColumn[]): string =>
  replacing(columns, withZone, (time) => `make_timestamp(epoch_us(${time}))`);

function replacing(columns: readonly TypedColumn[], type: string, by: (column: string) => string): string {
  const names = columns.filter((column) => column.type === type).map(({ name }) => quoteName(name));
  return names.length === 0 ? '*' : `* REPLACE (${names.map((name) => `${by(name)} AS ${name}`).join(', ')})`;
}
