import { quoteName, quoteText } from '../sql.ts';
import type { Column } from './column.ts';
import type { IndexPart, PartitionPart, Schema, Table } from './table.ts';

/** The tables that the warehouse holds: those of kind `source` are read from files. */
export const storedTables = (schema: Schema): readonly Table[] =>
  Object.values(schema).filter((table) => table.kind !== 'source');

/** Column name and SQL expression, over the table's own name, of each part of its partition. */
export function partitionColumns(table: Table): readonly { readonly name: string; readonly expression: string }[] {
  const own = (column: string) => `${quoteName(table.name)}.${quoteName(column)}`;
  return (table.partition ?? []).map((part: PartitionPart) =>
    typeof part === 'string'
      ? { name: part, expression: own(part) }
      : { name: 'month', expression: `cast(date_trunc('month', ${own(part.month)}) as DATE)` },
  );
}

export const keyColumns = (table: Table): string => table.key.map(quoteName).join(', ');

export const hasPrimaryKey = (table: Table): boolean => table.keyHeldBy !== 'partition' && table.key.length > 0;

const columnSql = (name: string, column: Column): string =>
  `${quoteName(name)} ${column.type}${column.nullable ? '' : ' NOT NULL'}`;

/** `CREATE TABLE` without key and indexes, for a bulk load that adds them afterwards. */
export function createBareTable(table: Table): string {
  const columns = Object.entries(table.columns).map(([name, column]) => `  ${columnSql(name, column)}`);
  return `CREATE TABLE ${quoteName(table.name)} (\n${columns.join(',\n')}\n)`;
}

export const addPrimaryKey = (table: Table): string =>
  `ALTER TABLE ${quoteName(table.name)} ADD PRIMARY KEY (${keyColumns(table)})`;

export function createTable(table: Table): string {
  if (!hasPrimaryKey(table)) return createBareTable(table);
  return createBareTable(table).replace(/\n\)$/, `,\n  PRIMARY KEY (${keyColumns(table)})\n)`);
}

const indexPart = (part: IndexPart): string =>
  typeof part === 'string' ? quoteName(part) : `${quoteName(part.desc)} DESC`;

export const createIndexes = (table: Table): readonly string[] =>
  Object.entries(table.indexes ?? {}).map(
    ([name, parts]) =>
      `CREATE INDEX ${quoteName(name)} ON ${quoteName(table.name)} (${parts.map(indexPart).join(', ')})`,
  );

export const tableComments = (table: Table): readonly string[] => [
  `COMMENT ON TABLE ${quoteName(table.name)} IS ${quoteText(table.description)}`,
  ...Object.entries(table.columns).map(
    ([name, column]) =>
      `COMMENT ON COLUMN ${quoteName(table.name)}.${quoteName(name)} IS ${quoteText(describeColumn(column))}`,
  ),
];

export const describeColumn = (column: Column): string =>
  column.unit === undefined ? column.description : `${column.description} [${column.unit}]`;

/** Every statement that takes an empty database to the schema, in order. */
export const schemaStatements = (schema: Schema): readonly string[] =>
  storedTables(schema).flatMap((table) => [createTable(table), ...createIndexes(table), ...tableComments(table)]);

/** The text of schema.sql. */
export function printSchema(schema: Schema, source: string): string {
  const tables = storedTables(schema).map((table) =>
    [createTable(table), ...createIndexes(table), ...tableComments(table)]
      .map((statement) => `${statement};`)
      .join('\n'),
  );
  return `-- Generated from ${source}; change that file and run: pnpm pipeline schema print --write\n\n${tables.join('\n\n')}\n`;
}
