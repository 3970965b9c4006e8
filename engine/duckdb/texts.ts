import type { TextRows } from '../read.ts';
import type { Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import { describeColumns } from './utc.ts';
import type { Warehouse } from './warehouse.ts';

/** The first rows of a query as DuckDB writes them, so that no fraction and no infinity is lost on the way to a person. */
export async function readTexts(warehouse: Warehouse, sql: string, limit: number): Promise<TextRows> {
  const columns = await describeColumns(warehouse, sql);
  const rows = await warehouse.rows<Record<string, string | null>>(
    `SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${sql}) LIMIT ${limit}`,
  );
  return { columns, rows: rows.map((row) => columns.map(({ name }) => row[name] ?? null)) };
}

/** The first rows of a table or view by its key. */
export async function firstRows(warehouse: Warehouse, { name, key }: Table, limit: number): Promise<TextRows> {
  const order = key.length === 0 ? 'ALL' : key.map(quoteName).join(', ');
  return readTexts(warehouse, `SELECT * FROM ${quoteName(name)} ORDER BY ${order} LIMIT ${limit}`, limit);
}
