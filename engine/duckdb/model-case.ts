import type { Vars } from '../config/vars.ts';
import { closest, PipelineError } from '../errors.ts';
import { sourcesOf } from '../lineage.ts';
import type { Model, ModelContext } from '../model.ts';
import { partitionTextSql } from '../partition-text.ts';
import { partitionState } from '../schema/system.ts';
import type { Column, Schema, Table } from '../schema/table.ts';
import { valueText } from '../schema/value-text.ts';
import { clockSql, quoteName, quoteText } from '../sql.ts';
import { asOf as clock } from '../vocabulary/index.ts';
import { createTable, partitionColumns } from './ddl.ts';
import { compileSql, createCompiler } from './kysely.ts';
import { openWarehouse, type Warehouse } from './warehouse.ts';

type Rows = readonly Readonly<Record<string, unknown>>[];
/** Values as DuckDB writes them. */
export type TextRow = Readonly<Record<string, string | null>>;

export interface ModelCase {
  readonly schema: Schema;
  readonly model: Model;
  readonly given: Readonly<Record<string, Rows>>;
  readonly expected: Rows;
  readonly vars: Vars;
  readonly asOf: Date | undefined;
  readonly signal: AbortSignal;
}

/**
 * Runs the query of a model in memory, on tables that contain the given rows and nothing else.
 * @throws PipelineError MODULE_INVALID for rows that the tables cannot have, and for a table that the model does not read
 */
export async function runModelCase(
  one: ModelCase,
): Promise<{ readonly expected: readonly TextRow[]; readonly found: readonly TextRow[] }> {
  const { schema, model, given, asOf, signal } = one;
  const context = { db: createCompiler<never>(), vars: one.vars, asOf: clock() };
  const query = model.definition.query(context as unknown as ModelContext<never>);
  const querySql = compileSql(query);
  if (asOf === undefined && querySql.includes(clockSql))
    throw invalid(`${model.table.name} reads the clock`, 'give the test an `asOf`');
  const reads = sourcesOf(query);
  for (const name of Object.keys(given)) if (!reads.includes(name)) throw notRead(name, model, reads, schema);

  await using warehouse = await openWarehouse({ file: ':memory:', threads: 1, signal, ...(asOf && { asOf }) });
  for (const name of reads) {
    const table = { ...(schema[name] as Table), kind: 'table' } as const;
    await warehouse.run(createTable(table));
    await insertRows(warehouse, table, filled(table, given[name] ?? []), `given.${name}`);
  }
  if (reads.includes(partitionState.name)) for (const name of reads) await stateGiven(warehouse, schema[name] as Table);

  const columns = Object.keys(one.expected[0] ?? {});
  checkSameColumns(one.expected);
  const wanted = Object.fromEntries(columns.map((name) => [name, columnOf(model.table, name, 'expect')]));
  const aside: Table = { name: '$expected', description: '', columns: looseColumns(wanted), key: [] };
  if (columns.length > 0) {
    await warehouse.run(createTable(aside));
    await insertRows(warehouse, aside, one.expected, 'expect');
  }
  return {
    expected: columns.length > 0 ? await textRows(warehouse, aside.columns, `FROM ${quoteName(aside.name)}`) : [],
    found: await textRows(warehouse, model.table.columns, `FROM (${querySql})`),
  };
}

/** Records the partitions of the given rows, for a query that reads which ones were built. */
async function stateGiven(warehouse: Warehouse, table: Table): Promise<void> {
  const columns = partitionColumns(table);
  if (columns.length === 0) return;
  await warehouse.run(`INSERT INTO ${quoteName(partitionState.name)}
    SELECT DISTINCT ${quoteText(table.name)}, ${partitionTextSql(columns)}, 'given', 'given', NULL FROM ${quoteName(table.name)}`);
}

const invalid = (message: string, hint: string, cause?: unknown): PipelineError =>
  new PipelineError('MODULE_INVALID', message, { hint, cause });

function notRead(name: string, model: Model, reads: readonly string[], schema: Schema): PipelineError {
  const near = closest(name, reads);
  return schema[name] === undefined
    ? invalid(`given.${name}: there is no table ${name}`, near ?? `${model.table.name} reads: ${reads.join(', ')}`)
    : invalid(`given.${name}: ${model.table.name} does not read this table`, near ?? `it reads: ${reads.join(', ')}`);
}

function columnOf({ name, columns }: Pick<Table, 'name' | 'columns'>, column: string, place: string): Column {
  const found = columns[column];
  if (found !== undefined) return found;
  const names = Object.keys(columns);
  throw invalid(
    `${place}: ${name} has no column ${column}`,
    closest(column, names) ?? `its columns are: ${names.join(', ')}`,
  );
}

/** The columns without their rules: a wrong expectation is shown as a difference. */
const looseColumns = (columns: Table['columns']): Table['columns'] =>
  Object.fromEntries(
    Object.entries(columns).map(([name, { type }]) => [name, { type, nullable: true, description: '' }]),
  );

function checkSameColumns(rows: Rows): void {
  const [first = {}, ...others] = rows.map((row) => Object.keys(row).sort().join(', '));
  const other = others.findIndex((columns) => columns !== first);
  if (other === -1 && first !== '') return;
  if (rows.length === 0) return;
  if (first === '') throw invalid('expect: the first row has no columns', 'name the columns that are compared');
  throw invalid(
    `expect: row ${other + 2} has the columns ${others[other]}, the first row ${first}`,
    'name the same columns in each row',
  );
}

/** The rows with a value for each column. */
function filled(table: Table, rows: Rows): Rows {
  for (const row of rows) for (const name of Object.keys(row)) columnOf(table, name, `given.${table.name}`);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(table.columns).map(([name, column]) => [
        name,
        row[name] === undefined ? usual(column) : row[name],
      ]),
    ),
  );
}

/** What a row has in a column that a test leaves out. */
function usual({ type, nullable, oneOf, min = 0, max = min }: Column): unknown {
  if (nullable) return null;
  if (oneOf !== undefined) return oneOf[0];
  if (type === 'VARCHAR') return '';
  if (type === 'BOOLEAN') return false;
  return type === 'DATE' || type === 'TIMESTAMP' ? '1970-01-01' : Math.min(Math.max(min, 0), Math.max(min, max));
}

async function insertRows(warehouse: Warehouse, table: Table, rows: Rows, place: string): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.entries(table.columns);
  const values = rows.map(
    (row, at) =>
      `(${columns.map(([name, column]) => literal(row[name], column, `${place}[${at}].${name}`)).join(', ')})`,
  );
  const names = columns.map(([name]) => quoteName(name)).join(', ');
  await warehouse.run(`INSERT INTO ${quoteName(table.name)} (${names}) VALUES ${values.join(', ')}`).catch((cause) => {
    throw invalid(
      `${place}: ${(cause as Error).message}`,
      'correct the rows, or add the columns that a rule is about',
      cause,
    );
  });
}

function literal(value: unknown, { type }: Column, place: string): string {
  if (value === null || value === undefined) return `cast(NULL as ${type})`;
  const written = value instanceof Date ? value.toISOString() : String(value);
  const text = valueText(type === 'DATE' ? written.replace(/T00:00:00(\.000)?Z$/, '') : written, type);
  if (text === undefined) throw invalid(`${place}: \`${written}\` is not a value of type ${type}`, 'correct the value');
  return `cast(${quoteText(text)} as ${type})`;
}

function textRows(warehouse: Warehouse, columns: Table['columns'], from: string): Promise<readonly TextRow[]> {
  const texts = Object.entries(columns).map(
    ([name, { type }]) => `cast(cast(${quoteName(name)} as ${type}) as VARCHAR) AS ${quoteName(name)}`,
  );
  return warehouse.rows<TextRow>(`SELECT ${texts.join(', ')} ${from}`);
}
