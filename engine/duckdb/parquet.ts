import type { Column, SqlType } from '../schema/column.ts';
import { type Change, diffSchemas } from '../schema/diff.ts';
import type { Table } from '../schema/table.ts';
import { quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/** The Parquet schema of a table: the physical type of each column and what it stands for. */
const parquetTypes: Readonly<Record<SqlType, string>> = {
  BOOLEAN: 'BOOLEAN',
  TINYINT: 'INT32 INT_8',
  SMALLINT: 'INT32 INT_16',
  INTEGER: 'INT32 INT_32',
  BIGINT: 'INT64 INT_64',
  FLOAT: 'FLOAT',
  DOUBLE: 'DOUBLE',
  VARCHAR: 'BYTE_ARRAY UTF8',
  DATE: 'INT32 DATE',
  TIMESTAMP: 'INT64 TIMESTAMP_MICROS with time zone',
};

const sqlTypes = new Map(
  Object.entries(parquetTypes).map(([sqlType, parquetType]) => [parquetType, sqlType as SqlType]),
).set('INT64 TIMESTAMP_MICROS', 'TIMESTAMP'); // what earlier versions wrote, which is UTC all the same

/** In what the columns of a Parquet file differ from those of a table: names, order, types. A file knows no NOT NULL. */
export async function parquetDrift(warehouse: Warehouse, file: string, table: Table): Promise<readonly Change[]> {
  const rows = await warehouse.rows<{ name: string; type: string }>(
    `SELECT name, concat_ws(' ', type, converted_type, CASE WHEN logical_type LIKE '%isAdjustedToUTC=1%' THEN 'with time zone' END) AS type
     FROM parquet_schema(${quoteText(file)}) OFFSET 1`,
  );
  const found = rows.map(({ name, type }) => [name, { type: sqlTypes.get(type) ?? (type as SqlType) }] as const);
  const bare = (columns: readonly (readonly [string, Pick<Column, 'type'>])[]): Table => ({
    name: table.name,
    description: '',
    key: [],
    columns: Object.fromEntries(columns.map(([name, { type }]) => [name, { type, nullable: true, description: '' }])),
  });
  return diffSchemas({ [table.name]: bare(found) }, { [table.name]: bare(Object.entries(table.columns)) });
}
