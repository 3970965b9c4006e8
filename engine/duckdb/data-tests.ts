import type { TestSpec } from '../config/spec.ts';
import type { SqlType, Table } from '../schema/table.ts';
import { boundText, valueText } from '../schema/value-text.ts';
import { clockSql, freeName, lowerCase, quoteName, quoteText } from '../sql.ts';
import { msOfDay } from '../units.ts';
import { partitionColumns } from './ddl.ts';
import { dirtyAlias, dirtyPartitions, inDirty } from './partitions.ts';

/** A data test as SQL. Every row of `failures` breaks the rule; rows of `warnings` are only reported. */
export interface TestSql {
  readonly failures: string;
  /**
   * `failures` that the dirty partitions can have caused, for rules that a row breaks on its own, or together with rows
   * of the same partition or of days nearby.
   */
  readonly dirtyFailures?: string;
  readonly warnings?: string;
  /**
   * Returns one row: `value`, `threshold`. Without it, the value is the number of failing rows and the threshold is 0.
   */
  readonly measure?: string;
}

type TestType = TestSpec['type'];
type Spec<Type extends TestType> = Extract<TestSpec, { type: Type }>;
type RowTest = 'not_null' | 'accepted_values' | 'range' | 'expression' | 'relationships';
type Builders = { readonly [Type in Exclude<TestType, 'custom'>]: (spec: Spec<Type>, table: Table) => TestSql };

/** Data of these days is still arriving: a gap in them is reported but does not fail the build. */
const recentDays = 3;

const names = (columns: readonly string[]) => columns.map(quoteName).join(', ');

/** Names for the columns that a test computes: the wanted ones, unless the table has a column of that name. */
function resultNames<const Name extends string>(table: Table, ...wanted: Name[]): Readonly<Record<Name, string>> {
  const taken = Object.keys(table.columns);
  return Object.fromEntries(wanted.map((name) => [name, quoteName(freeName(name, taken))])) as Record<Name, string>;
}
const interval = (ms: number) => `to_milliseconds(${ms})`;

/** The rows under test. */
const from = (table: Table, where: string | undefined, rows = quoteName(table.name)) =>
  `${rows}${where === undefined ? '' : ` WHERE (${where})`}`;

/** The rows under test that this build has replaced. */
const fromDirty = (table: Table, where: string | undefined) =>
  from(table, where, `${quoteName(table.name)} SEMI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inDirty(table)}`);

/** The relation that a custom test reads in place of its table, to find what the dirty partitions fail. */
export const dirtyRows = '$dirty_rows';

export const ofDirtyRows = (query: string, table: Table): string =>
  `WITH ${quoteName(dirtyRows)} AS (SELECT * FROM ${fromDirty(table, undefined)}) ${query}`;

const isPartitioned = (table: Table): boolean => partitionColumns(table).length > 0;

/** True if a condition might read rows other than the one it is evaluated for. */
const mayLookAround = (condition = ''): boolean => /\b(select|from)\b/i.test(condition);

/** The rows that break a rule, whose columns the rule may name with or without the table. */
function failing(table: Table, first: readonly string[], rows: string, broken: string): string {
  const columns = first.length === 0 ? '*' : `${names(first)}, * EXCLUDE (${names(first)})`;
  return `SELECT ${columns} FROM (FROM ${rows}) AS ${quoteName(table.name)} WHERE ${broken}`;
}

/** A rule that each row keeps or breaks on its own. */
function rowsWhere(spec: Spec<RowTest>, table: Table, broken: string): TestSql {
  const { where } = spec;
  const first = tellingColumns(spec, table);
  const isOfRow = !mayLookAround(where) && !mayLookAround(broken);
  return {
    failures: failing(table, first, from(table, where), broken),
    ...(isPartitioned(table) && isOfRow && { dirtyFailures: failing(table, first, fromDirty(table, where), broken) }),
  };
}

/** Returns the columns that tell which row fails and why: the tested ones, then the key. They come first. */
export function tellingColumns(spec: TestSpec, table: Table): readonly string[] {
  if (spec.type === 'unique') return spec.columns;
  const tested = testedColumns(spec, table);
  return tested.length === 0 ? [] : [...new Set([...tested, ...table.key])];
}

function testedColumns(spec: TestSpec, table: Table): readonly string[] {
  if (spec.type === 'not_null') return spec.columns;
  if (spec.type === 'expression') return namedIn(spec.expect, table);
  return 'column' in spec ? [spec.column] : [];
}

/** The columns that a condition names, in the order of the table. */
function namedIn(condition: string, { columns }: Table): readonly string[] {
  const words = new Set(lowerCase(condition).split(/[^\p{L}\p{N}_$]+/u));
  return Object.keys(columns).filter((column) => words.has(lowerCase(column)));
}

/** True if two rows with the same values in these columns must be in the same partition. */
function tellPartition(columns: readonly string[], table: Table): boolean {
  const parts = (table.partition ?? []).map((part) => (typeof part === 'string' ? part : part.month));
  return isPartitioned(table) && parts.every((part) => columns.includes(part));
}

/**
 * Returns the rows among which these columns may repeat. Rows of two partitions cannot repeat if the columns determine
 * the partition, and rows stored in ascending order cannot either: only partitions stored in several pieces, or
 * unordered, have to be grouped. Grouping tens of millions of rows takes gigabytes; this pass over them is almost free.
 */
function mayRepeat(columns: readonly string[], rows: string, table: Table): string {
  const parts = partitionColumns(table);
  const ascending = columns.filter((column) => !table.partition?.includes(column));
  if (ascending.length === 0 || !tellPartition(columns, table)) return rows;
  const above = (expression: string) => `lag(${expression}) OVER ()`;
  const [own, before] = [ascending.map(quoteName), ascending.map((column) => above(quoteName(column)))];
  const continues = [
    ...parts.map(({ expression }) => `${expression} = ${above(expression)}`),
    ascending.length === 1 ? `${own} > ${before}` : `row(${own.join(', ')}) > row(${before.join(', ')})`,
  ].join(' AND ');
  const partition = parts.map(({ expression }, at) => `${expression} AS part${at}`).join(', ');
  const inPieces = `SELECT * EXCLUDE (begins) FROM (
      SELECT ${partition}, NOT coalesce(${continues}, false) AS begins FROM ${rows}
    ) WHERE begins GROUP BY ALL HAVING count(*) > 1`;
  const same = parts.map(({ expression }, at) => `${expression} IS NOT DISTINCT FROM "$pieces".part${at}`);
  return `(FROM ${rows}) AS ${quoteName(table.name)} SEMI JOIN (${inPieces}) AS "$pieces" ON ${same.join(' AND ')}`;
}

const isPartitionedByDay = (table: Table, column: string): boolean =>
  table.partition?.length === 1 && table.partition[0] === column && table.columns[column]?.type === 'DATE';

/** True for so few whole days that it is cheaper to name them than to compare ranges. */
const isFewDays = (ms: number): boolean => ms % msOfDay === 0 && ms <= 31 * msOfDay;

const isLater = (column: string, previous: string, step: number): string =>
  `cast(${column} as TIMESTAMP) - cast(${previous} as TIMESTAMP) > ${interval(step)}`;

/**
 * The holes that replacing days can have opened, if there was none before. Where one is, a group has a row, on such a day
 * or no more than a step after one, that none precedes within a step; only groups with such a row are read whole.
 */
function holesNearDirty(
  { column, by, step, where }: { column: string; by: readonly string[]; step: number; where: string | undefined },
  table: Table,
  previous: string,
): string {
  const [days, day] = [step / msOfDay, quoteName(column)];
  const around = (first: number) =>
    `(SELECT DISTINCT part1 + later::INTEGER FROM ${dirtyPartitions}, range(${first}, ${days + 1}) AS days(later))`;
  const over = `over (${by.length > 0 ? `partition by ${names(by)} ` : ''}order by ${day})`;
  const neighbours = (rows: string) =>
    `SELECT ${names([...by, column])}, lag(${day}) ${over} AS ${previous} FROM ${rows}`;
  const rows = from(table, where);
  const near = neighbours(`(FROM ${rows}) WHERE ${day} IN ${around(-days)}`);
  const torn = `SELECT * FROM (${near}) WHERE ${day} IN ${around(0)}
    AND (${previous} IS NULL OR ${isLater(day, previous, step)})`;
  const same = by.map((name) => `"$torn".${quoteName(name)} IS NOT DISTINCT FROM "$row".${quoteName(name)}`);
  const groups = `(FROM ${rows}) AS "$row" SEMI JOIN (${torn}) AS "$torn" ON ${same.join(' AND ') || 'true'}`;
  return `FROM (${neighbours(groups)}) WHERE ${isLater(day, previous, step)}`;
}

const builders: Builders = {
  unique: ({ columns, where }, table) => {
    const { row_count } = resultNames(table, 'row_count');
    const repeated = (rows: string) =>
      `SELECT ${names(columns)}, count(*) AS ${row_count} FROM ${mayRepeat(columns, rows, table)} GROUP BY ALL HAVING count(*) > 1`;
    return {
      failures: repeated(from(table, where)),
      ...(tellPartition(columns, table) &&
        !mayLookAround(where) && { dirtyFailures: repeated(fromDirty(table, where)) }),
    };
  },

  not_null: (spec, table) =>
    rowsWhere(spec, table, spec.columns.map((column) => `${quoteName(column)} IS NULL`).join(' OR ')),

  accepted_values: (spec, table) => {
    const { column, values } = spec;
    const literals = values.map((value) => literalSql(value, typeOf(table, column)));
    return rowsWhere(spec, table, `${quoteName(column)} NOT IN (${literals.join(', ')})`);
  },

  range: (spec, table) => {
    const { column, min, max } = spec;
    const type = typeOf(table, column);
    const bounds = [
      ...(min === undefined ? [] : [`${quoteName(column)} < ${boundSql(min, type, 'min')}`]),
      ...(max === undefined ? [] : [`${quoteName(column)} > ${boundSql(max, type, 'max')}`]),
    ];
    return rowsWhere(spec, table, bounds.join(' OR '));
  },

  expression: (spec, table) => rowsWhere(spec, table, `NOT coalesce((${spec.expect}), false)`),

  relationships: (spec, table) => {
    const { column, to } = spec;
    const [other, key] = to.split('.') as [string, string];
    // Qualified, since an unqualified name that the other table lacks would resolve to the tested row and equal itself.
    const known = `SELECT "$to".${quoteName(key)} FROM ${quoteName(other)} AS "$to" WHERE "$to".${quoteName(key)} IS NOT NULL`;
    return rowsWhere(spec, table, `${quoteName(column)} IS NOT NULL AND ${quoteName(column)} NOT IN (${known})`);
  },

  row_count: ({ min, max, where }, table) => {
    const { row_count } = resultNames(table, 'row_count');
    const counted = `SELECT count(*) AS ${row_count} FROM ${from(table, where)}`;
    const bounds = [
      ...(min === undefined ? [] : [`${row_count} < ${min}`]),
      ...(max === undefined ? [] : [`${row_count} > ${max}`]),
    ];
    return {
      failures: `FROM (${counted}) WHERE ${bounds.join(' OR ')}`,
      measure: `SELECT ${row_count} AS value, ${min ?? max ?? 0} AS threshold FROM (${counted})`,
    };
  },

  coverage: ({ column, by = [], where, min, warn = min }, table) => {
    const { coverage, row_count } = resultNames(table, 'coverage', 'row_count');
    const counted = where === undefined ? '' : ` FILTER (WHERE ${where})`;
    const judged = `count(${quoteName(column)})${counted} / nullif(count(*)${counted}, 0) AS ${coverage}, count(*)${counted} AS ${row_count} FROM ${quoteName(table.name)}`;
    const overall = `SELECT ${judged}`;
    // Groups over all rows, so that a group without any row left by `where` fails (B13).
    const groups = `SELECT ${names(by)}, ${judged} GROUP BY ALL`;
    const tooLow = `(${row_count} = 0 OR ${coverage} < ${min})`;
    const newest = by.find((name) => table.columns[name]?.type === 'DATE');
    const recent =
      newest === undefined
        ? 'false'
        : `${quoteName(newest)} > (SELECT max(${quoteName(newest)}) FROM ${quoteName(table.name)}) - ${recentDays}`;
    const grouped = by.length > 0;
    return {
      failures: [
        `SELECT * FROM (${overall}) WHERE ${tooLow}`,
        ...(grouped ? [`SELECT * FROM (${groups}) WHERE ${tooLow} AND NOT (${recent})`] : []),
      ].join(' UNION ALL BY NAME '),
      warnings: [
        `SELECT * FROM (${overall}) WHERE NOT ${tooLow} AND ${coverage} < ${warn}`,
        ...(grouped
          ? [`SELECT * FROM (${groups}) WHERE CASE WHEN ${tooLow} THEN ${recent} ELSE ${coverage} < ${warn} END`]
          : []),
      ].join(' UNION ALL BY NAME '),
      measure: `SELECT ${coverage} AS value, ${min} AS threshold FROM (${overall})`,
    };
  },

  completeness: ({ column, by = [], step, where }, table) => {
    const { previous } = resultNames(table, 'previous');
    const over = `over (${by.length > 0 ? `partition by ${names(by)} ` : ''}order by ${quoteName(column)})`;
    const neighbours = `SELECT ${names([...by, column])}, lag(${quoteName(column)}) ${over} AS ${previous} FROM ${from(table, where)}`;
    const isNear = isPartitionedByDay(table, column) && !mayLookAround(where);
    return {
      failures: `FROM (${neighbours}) WHERE ${isLater(quoteName(column), previous, step)}`,
      ...(isNear && isFewDays(step) && { dirtyFailures: holesNearDirty({ column, by, step, where }, table, previous) }),
    };
  },

  freshness: ({ column, warn_after, error_after, where }, table) => {
    const { newest, days_old } = resultNames(table, 'newest', 'days_old');
    const last = `max(${quoteName(column)})`;
    const aged = `SELECT ${last} AS ${newest}, date_diff('second', cast(${last} as TIMESTAMP), ${clockSql}) / 86400 AS ${days_old} FROM ${from(table, where)}`;
    const older = (ms: number | undefined) =>
      `FROM (${aged}) WHERE ${newest} IS NULL OR ${days_old} > ${(ms ?? 0) / msOfDay}`;
    return {
      failures: error_after === undefined ? `FROM (${aged}) WHERE ${newest} IS NULL` : older(error_after),
      ...(warn_after === undefined ? {} : { warnings: older(warn_after) }),
      measure: `SELECT ${days_old} AS value, ${(error_after ?? warn_after ?? 0) / msOfDay} AS threshold FROM (${aged})`,
    };
  },
};

/** Returns the SQL of a built-in test; custom tests bring their own. */
export function testSql(spec: Exclude<TestSpec, { type: 'custom' }>, table: Table): TestSql {
  const build = builders[spec.type] as (spec: TestSpec, table: Table) => TestSql;
  return build(spec, table);
}

/** A value of a test as written in pipeline.yaml. */
type TestValue = string | number | boolean;

/** Returns the type of a column, ignoring the case of its name; VARCHAR if the table has no such column. */
function typeOf(table: Table, name: string): SqlType {
  const found = Object.entries(table.columns).find(([column]) => lowerCase(column) === lowerCase(name));
  return found?.[1].type ?? 'VARCHAR';
}

/**
 * Returns a value as a literal of the column's type, so that values are compared, not what they round or print to
 * (B31).
 */
function literalSql(value: TestValue, type: SqlType): string {
  const text = valueText(String(value), type);
  if (text === undefined) throw new Error(`${value} is not a value of ${type}`); // `checkTestValues` has rejected it
  return `cast(${quoteText(text)} as ${type})`;
}

/** Returns a bound as a literal for a column of this type. */
function boundSql(value: TestValue, type: SqlType, which: 'min' | 'max'): string {
  const bound = boundText(String(value), type, which);
  if (bound === undefined) throw new Error(`${value} is not a bound of ${type}`);
  return `cast(${quoteText(bound.text)} as ${bound.type})`;
}
