import type { TextRows } from '../read.ts';
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
