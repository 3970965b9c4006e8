import type { z } from 'zod';
import type { Bound, Condition } from '../duckdb/bind.ts';
import { closest, type ErrorCode } from '../errors.ts';
import { type Schema, type SqlType, storedTables, type Table } from '../schema/table.ts';
import { boundText, valueText } from '../schema/value-text.ts';
import type { Pipeline } from './load.ts';
import { type Path, type Problem, problemsError } from './problems.ts';
import { tableOf, testName } from './references.ts';
import { describeOptions } from './shape.ts';
import type { TestSpec } from './spec.ts';

/** What the modules of a project contribute to the meaning of its pipeline.yaml. */
export interface Declared {
  readonly schema: Schema;
  /** Returns the options that an extract declares. */
  optionsOf(extract: string): Promise<z.ZodType>;
  /** Binds SQL conditions against empty tables of the schema. */
  bind(conditions: readonly Condition[]): Promise<readonly Bound[]>;
}

interface Context {
  readonly pipeline: Pipeline;
  readonly schema: Schema;
  /** `offset` is that of a character of the value. */
  readonly report: (code: ErrorCode, path: Path, message: string, hint?: string, offset?: number) => void;
}

/** The other tables that the SQL conditions of a test read. */
export type ConditionReads = ReadonlyMap<TestSpec, readonly string[]>;

/**
 * Checks what pipeline.yaml says about modules: tables, columns, values and SQL conditions against the schema, and
 * options against the extracts that take them.
 * @throws PipelineError of all problems, the first in the file leading: CONFIG_REFERENCE for a name that does not exist,
 * CONFIG_INVALID for the others
 */
export async function checkDeclarations(
  pipeline: Pipeline,
  { schema, optionsOf, bind }: Declared,
): Promise<ConditionReads> {
  const problems: Problem[] = [];
  const { spec, source, file } = pipeline;
  const context: Context = {
    pipeline,
    schema,
    report: (code, path, message, hint, offset) =>
      problems.push({ code, message, path, position: source.at(path, offset), ...(hint !== undefined && { hint }) }),
  };
  checkTables(context);
  for (const { table, test, path } of testsOf(pipeline, schema)) {
    checkColumns(context, table, test, path);
    checkValues(context, table, test, path);
  }
  for (const [name, { model, order_by }] of Object.entries(spec.exports)) {
    const table = schema[model];
    if (table === undefined) continue;
    for (const [index, column] of order_by.entries())
      checkColumn(context, table, column, ['exports', name, 'order_by', index]);
  }
  checkPublished(context);
  const [reads] = await Promise.all([checkConditions(context, bind), checkOptions()]);
  if (problems.length > 0) throw problemsError(file, problems);
  return reads;

  async function checkOptions(): Promise<void> {
    for (const [name, { with: options }] of Object.entries(spec.extracts)) {
      if (Object.keys(options).length === 0) continue;
      problems.push(...describeOptions(source, ['extracts', name, 'with'], options, await optionsOf(name)));
    }
  }
}

/** A publication can only contain stored tables, and sort and divide them by columns that they have. */
function checkPublished(context: Context): void {
  const { pipeline, schema, report } = context;
  const stored = storedTables(schema).map(({ name }) => name);
  const tableAt = (name: string, path: Path): Table | undefined => {
    if (stored.includes(name)) return schema[name];
    const message = `${pipeline.spec.schema} has no stored table \`${name}\``;
    report('CONFIG_REFERENCE', path, message, closest(name, stored) ?? `stored tables are: ${stored.join(', ')}`);
    return undefined;
  };
  for (const [name, { files }] of Object.entries(pipeline.spec.publications)) {
    for (const [index, file] of files.entries()) {
      const path = ['publications', name, 'files', index, file.kind];
      if (file.kind === 'made') continue;
      if (file.kind === 'database') {
        for (const [at, table] of file.tables.entries()) tableAt(table, [...path, 'tables', at]);
        continue;
      }
      const table = tableAt(file.table, [...path, 'table']);
      if (table === undefined) continue;
      if (file.kind === 'parquet') {
        for (const [at, column] of file.order_by.entries())
          checkColumn(context, table, column, [...path, 'order_by', at]);
        continue;
      }
      for (const [at, part] of file.partition_by.entries()) {
        const place = [...path, 'partition_by', at];
        if (typeof part === 'string') checkColumn(context, table, part, place);
        else {
          const type = checkColumn(context, table, part.year, [...place, 'year']);
          if (type === undefined || type === 'DATE' || type === 'TIMESTAMP') continue;
          const message = `a year needs a DATE or a TIMESTAMP, and ${table.name}.${part.year} is ${type}`;
          report('CONFIG_INVALID', [...place, 'year'], message, 'name a column that contains times');
        }
      }
    }
  }
}

interface DeclaredTest {
  readonly table: Table;
  readonly test: Exclude<TestSpec, { type: 'custom' }>;
  /** Path of its options. */
  readonly path: Path;
}

/** Returns the built-in tests of all models that the schema has. */
const testsOf = ({ spec }: Pipeline, schema: Schema): readonly DeclaredTest[] =>
  Object.entries(spec.models).flatMap(([model, { tests }]) =>
    tests.flatMap((test, index): DeclaredTest[] => {
      const table = schema[model];
      if (table === undefined || test.type === 'custom') return [];
      return [{ table, test, path: ['models', model, 'tests', index, test.type] }];
    }),
  );

/** Every model has a table, and so has what extracts write. */
function checkTables({ pipeline: { spec }, schema, report }: Context): void {
  const check = (name: string, path: Path, also = '') => {
    if (schema[name] !== undefined) return;
    const hint = closest(name, Object.keys(schema)) ?? `define it in ${spec.schema}${also}`;
    report('CONFIG_REFERENCE', path, `${spec.schema} has no table \`${name}\``, hint);
  };
  for (const [name, { use }] of Object.entries(spec.models)) check(name, ['models', name], `, or in ${use}`);
  for (const [name, { writes }] of Object.entries(spec.extracts))
    for (const [index, table] of writes.entries()) check(table, ['extracts', name, 'writes', index]);
}

/** Returns the type of the column, undefined if it does not exist. `offset` is where its name begins in the value. */
function checkColumn(
  { report }: Context,
  { name, columns }: Table,
  column: string,
  path: Path,
  offset = 0,
): SqlType | undefined {
  if (Object.hasOwn(columns, column)) return columns[column]?.type;
  report('CONFIG_REFERENCE', path, `there is no column \`${column}\` in ${name}`, columnHint(column, columns), offset);
  return undefined;
}

const columnHint = (column: string, columns: Table['columns']): string =>
  closest(column, Object.keys(columns)) ?? `columns are: ${Object.keys(columns).join(', ')}`;

/** A list of columns may be written as the whole test, and one column without a list. */
function* columnsOf(test: TestSpec, path: Path, { source }: Pipeline): Generator<{ column: string; path: Path }> {
  const isThere = (...more: Path) => source.textAt([...path, ...more]) !== undefined;
  if ('column' in test) yield { column: test.column, path: [...path, 'column'] };
  if ('columns' in test) {
    const list = isThere('columns') ? [...path, 'columns'] : path;
    for (const [index, column] of test.columns.entries()) yield { column, path: [...list, index] };
  }
  if ('by' in test && test.by !== undefined) {
    const isList = isThere('by', 0);
    for (const [index, column] of test.by.entries())
      yield { column, path: isList ? [...path, 'by', index] : [...path, 'by'] };
  }
}

function checkColumns(context: Context, table: Table, test: DeclaredTest['test'], path: Path): void {
  for (const { column, path: place } of columnsOf(test, path, context.pipeline)) {
    const type = checkColumn(context, table, column, place);
    const needsTime = test.type === 'freshness' || (test.type === 'completeness' && column === test.column);
    if (type === undefined || !needsTime || type === 'DATE' || type === 'TIMESTAMP') continue;
    const message = `a test of ${test.type} needs a DATE or a TIMESTAMP, and ${table.name}.${column} is ${type}`;
    context.report('CONFIG_INVALID', place, message, 'name a column that contains times');
  }
}

/**
 * Refuses a value that no value of its column could equal, such as `no` for an INTEGER, and a comparison of columns in
 * which one would be rounded or parsed (B31).
 */
function checkValues(context: Context, table: Table, test: DeclaredTest['test'], path: Path): void {
  const type = 'column' in test ? table.columns[test.column]?.type : undefined;
  if (type === undefined || !('column' in test)) return;
  const { schema, report } = context;
  const named = `${table.name}.${test.column}`;
  const refuse = (value: unknown, ...place: Path) =>
    report(
      'CONFIG_INVALID',
      [...path, ...place],
      `\`${value}\` is not a value of ${named}, which is ${type}`,
      `write a value of type ${type}`,
    );
  if (test.type === 'accepted_values') {
    for (const [index, value] of test.values.entries())
      if (valueText(String(value), type) === undefined) refuse(value, 'values', index);
  }
  if (test.type === 'range') {
    for (const which of ['min', 'max'] as const)
      if (test[which] !== undefined && boundText(String(test[which]), type, which) === undefined)
        refuse(test[which], which);
  }
  if (test.type === 'relationships') {
    const other = schema[tableOf(test.to)];
    const place = [...path, 'to'];
    if (other === undefined) return; // reported as missing where it is declared
    const offset = other.name.length + 1;
    const otherType = checkColumn(context, other, test.to.slice(offset), place, offset);
    if (otherType === undefined || areComparable(type, otherType)) return;
    report(
      'CONFIG_INVALID',
      place,
      `${named} is ${type} and ${test.to} is ${otherType}`,
      'one of them would be rounded or parsed: compare columns of one type, or write a custom test',
    );
  }
}

const families: readonly (readonly SqlType[])[] = [
  ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'],
  ['FLOAT', 'DOUBLE'],
  // A DOUBLE can represent every value of the others.
  ['TINYINT', 'SMALLINT', 'INTEGER', 'DOUBLE'],
  ['DATE', 'TIMESTAMP'],
];

/** True if the two types are compared without converting a value. */
const areComparable = (a: SqlType, b: SqlType): boolean =>
  a === b || families.some((family) => family.includes(a) && family.includes(b));

async function checkConditions({ pipeline, schema, report }: Context, bind: Declared['bind']): Promise<ConditionReads> {
  const allReads = new Map<TestSpec, readonly string[]>();
  const conditions = testsOf(pipeline, schema).flatMap(({ table, test, path }) => {
    const texts = { where: test.where, expect: test.type === 'expression' ? test.expect : undefined };
    return Object.entries(texts).flatMap(([key, sql]) =>
      sql === undefined ? [] : [{ table, test, sql, key, path: [...path, key] }],
    );
  });
  const bound = conditions.length === 0 ? [] : await bind(conditions);
  for (const [index, { table, test, key, path }] of conditions.entries()) {
    const { reads = [], misfit } = bound[index] ?? {};
    allReads.set(test, [...(allReads.get(test) ?? []), ...reads]);
    if (misfit === undefined) continue;
    const { message, missing, offset } = misfit;
    const whose = `\`${key}\` of the test ${testName(table.name, test)}`;
    if (missing === undefined) {
      report('CONFIG_INVALID', path, `${whose} ${message}`, conditionHint, offset);
    } else if (missing.kind === 'column') {
      const text = `there is no column \`${missing.name}\`, named in ${whose}`;
      report('CONFIG_REFERENCE', path, text, columnHint(missing.name, table.columns), offset);
    } else {
      const tables = Object.values(schema).filter(({ kind }) => kind !== 'source');
      const hint =
        closest(
          missing.name,
          tables.map((one) => one.name),
        ) ?? `tables are defined in ${pipeline.spec.schema}`;
      report('CONFIG_REFERENCE', path, `there is no table \`${missing.name}\`, named in ${whose}`, hint, offset);
    }
  }
  return allReads;
}

const conditionHint = 'write an SQL condition about one row, such as `low <= high`';
