import { columnComment, tableComment } from '../schema/comments.ts';
import { checkCondition, columnConditions } from '../schema/conditions.ts';
import {
  type Column,
  hasPrimaryKey,
  type IndexPart,
  type PartitionPart,
  type Schema,
  type SqlType,
  storedTables,
  type Table,
} from '../schema/table.ts';
import { lowerCase, quoteName, quoteText } from '../sql.ts';

/** One of the values that identify a partition. */
export interface PartitionColumn {
  /** The name that models use. */
  readonly name: string;
  /** The column of the table that it is taken from. */
  readonly column: string;
  /** SQL that refers to columns of the table. */
  readonly expression: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly isMonth: boolean;
}

/** A month is named `month`, or `month_of_<column>` if another part of the partition has that name. */
export function partitionColumns(table: Table): readonly PartitionColumn[] {
  const parts: readonly PartitionPart[] = table.partition ?? [];
  const areMonths = parts.filter((part) => typeof part !== 'string' || lowerCase(part) === 'month');
  return parts.map((part) => {
    const column = typeof part === 'string' ? part : part.month;
    const own = `${quoteName(table.name)}.${quoteName(column)}`;
    const { type = 'VARCHAR', nullable = true } = table.columns[column] ?? {};
    if (typeof part === 'string') return { name: part, column, expression: own, type, nullable, isMonth: false };
    const name = areMonths.length > 1 ? `month_of_${column}` : 'month';
    const expression = `cast(date_trunc('month', ${own}) as DATE)`;
    return { name, column, expression, type: 'DATE', nullable, isMonth: true };
  });
}

const nameList = (names: readonly string[]): string => names.map(quoteName).join(', ');

const columnSql = (name: string, column: Column): string =>
  [
    `${quoteName(name)} ${column.type}`,
    ...(column.nullable ? [] : ['NOT NULL']),
    ...columnConditions(name, column).map((condition) => `CHECK (${condition})`),
  ].join(' ');

/** `CREATE TABLE` without a key, for a bulk load that adds it afterwards. */
export const createBareTable = (table: Table): string => createTableOf(table, []);

export const addPrimaryKey = (table: Table): string =>
  `ALTER TABLE ${quoteName(table.name)} ADD PRIMARY KEY (${nameList(table.key)})`;

export const createTable = (table: Table): string =>
  createTableOf(table, hasPrimaryKey(table) ? [`PRIMARY KEY (${nameList(table.key)})`] : []);

function createTableOf(table: Table, constraints: readonly string[]): string {
  const lines = [
    ...Object.entries(table.columns).map(([name, column]) => columnSql(name, column)),
    ...(table.checks ?? []).map((check) => `CHECK (${checkCondition(check)})`),
    ...constraints,
  ];
  return `CREATE TABLE ${quoteName(table.name)} (\n${lines.map((line) => `  ${line}`).join(',\n')}\n)`;
}

const indexPart = (part: IndexPart): string =>
  typeof part === 'string' ? quoteName(part) : `${quoteName(part.desc)} DESC`;

/** Returns the statements that create a table's indexes, which is done when a database is published. */
export const createIndexes = (table: Table): readonly string[] =>
  Object.entries(table.indexes ?? {}).map(
    ([name, parts]) =>
      `CREATE INDEX ${quoteName(name)} ON ${quoteName(table.name)} (${parts.map(indexPart).join(', ')})`,
  );

export const commentOnTable = (table: Table): string =>
  `COMMENT ON TABLE ${quoteName(table.name)} IS ${quoteText(tableComment(table))}`;

export const commentOnColumn = (table: Table, name: string): string =>
  `COMMENT ON COLUMN ${quoteName(table.name)}.${quoteName(name)} IS ${quoteText(columnComment(table.columns[name] as Column))}`;

export const tableComments = (table: Table): readonly string[] => [
  commentOnTable(table),
  ...Object.keys(table.columns).map((name) => commentOnColumn(table, name)),
];

/** Returns every statement that creates a table as defined, in order. */
export const tableStatements = (table: Table): readonly string[] => [createTable(table), ...tableComments(table)];

/** Returns every statement that creates the schema in an empty database, in order. */
export const schemaStatements = (schema: Schema): readonly string[] => storedTables(schema).flatMap(tableStatements);

/** The text of schema.sql. */
export function printSchema(schema: Schema, source: string): string {
  const tables = storedTables(schema).map((table) =>
    [
      ...tableStatements(table).map((statement) => `${statement};`),
      ...createIndexes(table).map((statement) => `-- When the database is published: ${statement};`),
    ].join('\n'),
  );
  return `-- Generated from ${source}; change that file and run: pnpm pipeline schema print --write\n\n${tables.join('\n\n')}\n`;
}
