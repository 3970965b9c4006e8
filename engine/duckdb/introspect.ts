import { parseColumnComment, parseTableComment } from '../schema/comments.ts';
import { checkCondition } from '../schema/conditions.ts';
import type { Check, Column, IndexPart, Schema, SqlType, Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

interface LiveColumn {
  readonly table: string;
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly default: string | null;
  readonly comment: string | null;
}

interface LiveConstraint {
  readonly table: string;
  readonly type: 'PRIMARY KEY' | 'CHECK' | 'UNIQUE' | 'FOREIGN KEY';
  readonly text: string;
  /** The condition of a CHECK, as DuckDB prints it: `("rank" >= 1)`. */
  readonly condition: string | null;
  readonly columns: readonly string[];
}

interface LiveIndex {
  readonly table: string;
  readonly name: string;
  readonly unique: boolean;
  /** `CREATE INDEX i ON t(a, "b c");` */
  readonly sql: string;
}

/**
 * Reads the tables of the main schema as definitions; tables created by `schemaStatements` read back as they were
 * defined. Anything that a definition cannot express (a default, another constraint, another SQL type) is kept as
 * DuckDB prints it.
 */
export async function readSchema(warehouse: Warehouse): Promise<Schema> {
  const here = `NOT internal AND schema_name = 'main' AND database_name = current_database()`;
  const tables = await warehouse.rows<{ name: string; comment: string | null }>(
    `SELECT table_name AS name, comment FROM duckdb_tables() WHERE ${here} AND NOT temporary ORDER BY table_oid`,
  );
  const columns = await warehouse.rows<LiveColumn>(
    `SELECT table_name AS "table", column_name AS name, data_type AS type, is_nullable AS nullable,
       column_default AS "default", comment FROM duckdb_columns() WHERE ${here} ORDER BY table_oid, column_index`,
  );
  const constraints = await warehouse.rows<LiveConstraint>(
    `SELECT table_name AS "table", constraint_type AS type, constraint_text AS text, expression AS condition,
       constraint_column_names AS columns FROM duckdb_constraints()
     WHERE constraint_type <> 'NOT NULL' AND schema_name = 'main' AND database_name = current_database()
     ORDER BY table_oid, constraint_index`,
  );
  const indexes = await warehouse.rows<LiveIndex>(
    `SELECT table_name AS "table", index_name AS name, is_unique AS "unique", sql FROM duckdb_indexes()
     WHERE schema_name = 'main' AND database_name = current_database() ORDER BY index_oid`,
  );
  const of = <T extends { readonly table: string }>(rows: readonly T[], name: string) =>
    rows.filter(({ table }) => table === name);
  return Object.fromEntries(
    tables.map(({ name, comment }) => [
      name,
      readTable(name, comment ?? '', of(columns, name), of(constraints, name), of(indexes, name)),
    ]),
  );
}

function readTable(
  name: string,
  comment: string,
  liveColumns: readonly LiveColumn[],
  constraints: readonly LiveConstraint[],
  liveIndexes: readonly LiveIndex[],
): Table {
  const { indexes: declared = {}, key: commentKey = [], keyHeldBy, ...said } = parseTableComment(comment);
  const columns: Record<string, Column> = Object.fromEntries(
    liveColumns.map((column) => [column.name, readColumn(column)]),
  );
  const checks: Check[] = [];
  const otherConstraints: string[] = [];
  let key: readonly string[] | undefined;
  for (const constraint of constraints) {
    if (constraint.type === 'PRIMARY KEY') {
      key = constraint.columns;
      continue;
    }
    const limit = readLimit(constraint);
    const check = readCheck(constraint);
    const [column = ''] = constraint.columns;
    if (limit !== undefined) columns[column] = { ...(columns[column] as Column), ...limit };
    else if (check !== undefined) checks.push(check);
    else otherConstraints.push(constraint.text);
  }
  const indexes: Record<string, readonly IndexPart[]> = { ...declared };
  for (const index of liveIndexes) {
    if (index.unique) otherConstraints.push(index.sql.replace(/;$/, ''));
    else indexes[index.name] = withDirection(indexColumns(index.sql), declared[index.name]);
  }
  return {
    name,
    ...said,
    columns,
    key: key ?? commentKey,
    ...(key === undefined && keyHeldBy && { keyHeldBy }),
    ...(Object.keys(indexes).length > 0 && { indexes }),
    ...(checks.length > 0 && { checks }),
    ...(otherConstraints.length > 0 && { otherConstraints }),
  };
}

const readColumn = ({ type, nullable, default: value, comment }: LiveColumn): Column => ({
  type,
  nullable,
  ...parseColumnComment(comment ?? ''),
  ...(value !== null && { default: value }),
});

const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/**
 * Parses `(rank >= 1)`, `(rank <= 30)` or `(status IN ('a', 'b'))` into an option of the column; undefined for anything
 * else.
 */
function readLimit({ condition, columns }: LiveConstraint): Partial<Column> | undefined {
  const [name, ...others] = columns;
  if (condition === null || name === undefined || others.length > 0) return undefined;
  for (const written of [name, quoteName(name)]) {
    const after = (operator: string) =>
      condition.startsWith(`(${written} ${operator} `) ? condition.slice(written.length + operator.length + 3, -1) : '';
    const [min, max, list] = [after('>='), after('<='), after('IN')];
    if (number.test(min)) return { min: Number(min) };
    if (number.test(max)) return { max: Number(max) };
    const texts = list.match(/'(?:[^']|'')*'/g) ?? [];
    if (texts.length > 0 && list === `(${texts.join(', ')})`)
      return { oneOf: texts.map((text) => text.slice(1, -1).replaceAll("''", "'")) };
  }
  return undefined;
}

const operators: readonly Check[1][] = ['<', '<=', '=', '>=', '>'];

function readCheck({ condition, columns }: LiveConstraint): Check | undefined {
  if (condition === null || columns.length !== 2) return undefined;
  const [a, b] = columns as [string, string];
  const bare = (text: string) => text.replaceAll('"', '');
  const checks = operators.flatMap((operator): Check[] => [
    [a, operator, b],
    [b, operator, a],
  ]);
  return checks.find((check) => bare(`(${checkCondition(check)})`) === bare(condition));
}

/** Returns the columns of a CREATE INDEX statement; an expression is kept as written. */
function indexColumns(sql: string): readonly string[] {
  const list = /^CREATE INDEX .+? ON .+?\((.*)\);?$/s.exec(sql)?.[1] ?? sql;
  const names = list.match(/"(?:[^"]|"")*"|[^",()\s]+/g) ?? [];
  if (names.join(', ') !== list) return [list];
  return names.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name));
}

/** DuckDB drops DESC, but the table's comment keeps it; the comment applies if it names the same columns. */
function withDirection(columns: readonly string[], directed: readonly IndexPart[] | undefined): readonly IndexPart[] {
  const named = directed?.map((part) => (typeof part === 'string' ? part : part.desc));
  return directed !== undefined && named?.join() === columns.join() ? directed : columns;
}

export const hasView = async (warehouse: Warehouse, name: string): Promise<boolean> =>
  (await warehouse.rows(`SELECT 1 FROM duckdb_views() WHERE view_name = ${quoteText(name)}`)).length > 0;
