import fc from 'fast-check';
import type { Check, Column, IndexPart, PartitionPart, Schema, SqlType, Table } from '../../../engine/schema/table.ts';

const types: readonly SqlType[] = [
  ...['BOOLEAN', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE', 'VARCHAR', 'DATE', 'TIMESTAMP'],
] as SqlType[];
const isNumber = (type: SqlType) => !['BOOLEAN', 'VARCHAR', 'DATE', 'TIMESTAMP'].includes(type);

/** The two rows of any schema from here: row 0 has the first value of every column, row 1 the second. */
export const sampleRows = [0, 1] as const;

/** The value in a row, as SQL. `row` is a number or an expression for one. Limits and checks allow both values. */
export function valueSql(type: SqlType, row: number | string): string {
  const days = `cast(${row} as INTEGER)`;
  if (type === 'BOOLEAN') return `(${row} = 1)`;
  if (type === 'VARCHAR') return `('v' || cast(${row} as VARCHAR))`;
  if (type === 'DATE') return `(DATE '2020-01-01' + ${days})`;
  if (type === 'TIMESTAMP') return `(TIMESTAMP '2020-01-01' + to_days(${days}))`;
  return `cast(${row} as ${type})`;
}

/** Texts that could break SQL, comments and lists. */
const text = fc.string({
  unit: fc.constantFrom('a', 'B', ' ', "'", '"', ';', '-', '.', ':', ',', '\\', 'é', '币'),
  maxLength: 8,
});

const columnNames = ['date', 'symbol', 'rank', 'Open', 'close price', 'übung', 'select'] as const;

const column: fc.Arbitrary<Column> = fc
  .record({
    type: fc.constantFrom(...types),
    nullable: fc.boolean(),
    description: text.map((words) => `${words}.`),
    unit: fc.option(text, { nil: undefined }),
    limits: fc.oneof(
      { weight: 2, arbitrary: fc.constant({}) },
      fc.record({ min: fc.constantFrom(0, -1, -0.5), max: fc.constantFrom(1, 30, 99.5) }, { requiredKeys: [] }),
    ),
    oneOf: fc.option(fc.uniqueArray(text, { maxLength: 2 }), { nil: undefined }),
  })
  .map(({ type, nullable, description, unit, limits, oneOf }) => ({
    type,
    nullable,
    description,
    ...(unit !== undefined && { unit }),
    ...(isNumber(type) && limits),
    ...(type === 'VARCHAR' && oneOf && { oneOf: ['v0', 'v1', ...oneOf] }),
  }));

const subset = <T>(all: readonly T[], minLength = 0): fc.Arbitrary<readonly T[]> =>
  fc.shuffledSubarray([...all], { minLength: Math.min(minLength, all.length), maxLength: Math.min(3, all.length) });

const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const table = (name: string): fc.Arbitrary<Table> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...columnNames), column), { selector: ([own]) => own, minLength: 1 })
    .chain((entries) => {
      const columns = Object.fromEntries(entries);
      const names = Object.keys(columns);
      const pairs = names.flatMap((a) =>
        names.filter((b) => a !== b && columns[a]?.type === columns[b]?.type).map((b) => [a, b] as const),
      );
      const parts = fc
        .tuple(subset(names, 1), fc.boolean())
        .map(([some, isDescending]) =>
          some.map((part, at): IndexPart => (isDescending && at === 0 ? { desc: part } : part)),
        );
      const months = names.filter((own) => ['DATE', 'TIMESTAMP'].includes(columns[own]?.type ?? ''));
      return fc.record({
        name: fc.constant(name),
        description: text.map((words) => `${words}.`),
        columns: fc.constant(columns),
        key: subset(names.filter((own) => columns[own]?.nullable === false)),
        isHeldByPartition: fc.boolean(),
        indexes: fc.array(parts, { maxLength: 2 }),
        checks: fc.array(
          fc.tuple(fc.constantFrom(...(pairs.length > 0 ? pairs : [undefined])), fc.constantFrom('<=', '=', '>=')),
          { maxLength: 2 },
        ),
        partition: fc.tuple(subset(names), subset(months)),
        references: fc.option(subset(names, 1), { nil: undefined }),
      });
    })
    .map(({ isHeldByPartition, indexes, checks, partition: [own, months], references, ...rest }) => {
      const conditions = checks.flatMap(([pair, operator]): Check[] =>
        pair ? [[pair[0], operator as Check[1], pair[1]]] : [],
      );
      const partition: PartitionPart[] = [...own, ...months.slice(0, 1).map((part) => ({ month: part }))];
      return {
        ...rest,
        ...(isHeldByPartition && { keyHeldBy: 'partition' as const }),
        ...(indexes.length > 0 && {
          indexes: Object.fromEntries(indexes.map((parts, at) => [`idx_${name}_${at}`, parts])),
        }),
        ...(conditions.length > 0 && { checks: dedupe(conditions).sort(byText) }),
        ...(partition.length > 0 && { partition }),
        ...(references && { references: { 'other table': references } }),
      };
    });

const dedupe = <T extends object>(all: readonly T[]): T[] => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
];

/** Tables from a small pool of names and columns, so that two random schemas have things in common. */
export const schema: fc.Arbitrary<Schema> = fc
  .uniqueArray(fc.constantFrom('bars', 'Day totals', 'order'), { minLength: 1 })
  .chain((names) => fc.tuple(...names.map(table)))
  .map((tables) => Object.fromEntries(tables.map((own) => [own.name, own])));

/**
 * The table without some columns and everything that names them, without some indexes, perhaps with another
 * description.
 */
function lessOf(own: Table, isGone: (name: string) => boolean, description: string): Table {
  const { keyHeldBy, indexes = {}, checks = [], partition = [], references, columns, ...rest } = own;
  const left = Object.fromEntries(Object.entries(columns).filter(([name]) => !isGone(name)));
  const has = (name: string) => left[name] !== undefined;
  const named = (part: IndexPart | PartitionPart): string =>
    typeof part === 'string' ? part : (Object.values(part)[0] as string);
  const indexesLeft = Object.entries(indexes).filter(([name, parts]) => !isGone(name) && parts.map(named).every(has));
  const checksLeft = checks.filter(([a, , b]) => has(a) && has(b));
  const partitionLeft = partition.filter((part) => has(named(part)));
  const refersTo = references?.['other table']?.filter(has);
  return {
    ...rest,
    columns: left,
    description,
    key: own.key.filter(has),
    ...(keyHeldBy && { keyHeldBy }),
    ...(indexesLeft.length > 0 && { indexes: Object.fromEntries(indexesLeft) }),
    ...(checksLeft.length > 0 && { checks: checksLeft }),
    ...(partitionLeft.length > 0 && { partition: partitionLeft }),
    ...(refersTo?.length && { references: { 'other table': refersTo } }),
  };
}

/** Replaces a whole name in a table's JSON, where no description or unit equals a name. */
const withName = (own: Table, name: string, other: string): Table =>
  JSON.parse(JSON.stringify(own).replaceAll(JSON.stringify(name), JSON.stringify(other)));

/** Two schemas that are unrelated, or of which one lacks a few things of the other or names a column differently. */
export const schemaPair: fc.Arbitrary<readonly [Schema, Schema]> = fc.oneof(fc.tuple(schema, schema), {
  weight: 2,
  arbitrary: fc
    .record({
      to: schema,
      gone: fc.subarray([1, -1, -2], { minLength: 1, maxLength: 2 }),
      isIndexGone: fc.boolean(),
      renamed: fc.option(fc.constantFrom(...columnNames), { nil: undefined, freq: 1 }),
      description: fc.option(text, { nil: undefined }),
      isReversed: fc.boolean(),
    })
    .map(({ to, gone, isIndexGone, renamed, description, isReversed }): [Schema, Schema] => {
      const less = Object.values(to).map((own) => {
        const names = Object.keys(own.columns);
        const out = gone.map((at) => names.at(at)).filter((name) => name !== names[0]);
        const isGone = (name: string) => out.includes(name) || (isIndexGone && name.endsWith('_1'));
        const left = lessOf(own, isGone, description === undefined ? own.description : `${description}.`);
        return [own.name, renamed === undefined ? left : withName(left, renamed, 'former name')] as const;
      });
      return isReversed ? [to, Object.fromEntries(less)] : [Object.fromEntries(less), to];
    }),
});
