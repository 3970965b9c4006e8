import type { Expression } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { clickHouseDictionary } from '../../../engine/clickhouse/clickhouse-dictionary.ts';
import { duckdbDictionary } from '../../../engine/duckdb/dictionary.ts';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import * as v from '../../../engine/vocabulary/index.ts';
import type { Dictionary } from '../../../engine/vocabulary/spelling.ts';

interface Rows {
  id: number;
  day: Date;
  at: Date;
  no_time: Date | null;
  n: bigint;
  no_n: bigint | null;
  x: number;
  no_x: number | null;
  name: string;
  no_name: string | null;
  flag: boolean;
  no_flag: boolean | null;
}

const rows = `(VALUES
  (1, DATE '2024-02-29', TIMESTAMP '2025-07-10 09:30:00.123456', NULL::TIMESTAMP, -7::BIGINT, NULL::BIGINT, 2.5::DOUBLE, NULL::DOUBLE, 'BTCUSDT_250627', NULL::VARCHAR, true, NULL::BOOLEAN),
  (2, DATE '2024-03-02', TIMESTAMP '1969-12-31 23:59:59', NULL, 9, NULL, 0.1, 1, '币安人生USDT', NULL, false, NULL),
  (3, DATE '2024-03-03', TIMESTAMP '2025-01-01', NULL, 9, NULL, 0.2, NULL, 'a b.c', NULL, true, NULL)
) AS rows("id", "day", "at", "no_time", "n", "no_n", "x", "no_x", "name", "no_name", "flag", "no_flag")`;

type Columns = { readonly [Name in keyof Rows]: Expression<Rows[Name]> };
type Sample = readonly [
  name: keyof typeof v,
  of: (columns: Columns) => Expression<unknown>,
  type: string,
  values: readonly (string | null)[],
];

/** Each function, with its SQL type and what it gives in each of the rows, as text. */
const scalars: readonly Sample[] = [
  ['cast', ({ x }) => v.cast('FLOAT', x), 'FLOAT', ['2.5', '0.1', '0.2']],
  ['cast', ({ n }) => v.cast('SMALLINT', n), 'SMALLINT', ['-7', '9', '9']],
  ['tryCast', ({ name }) => v.tryCast('DOUBLE', name), 'DOUBLE', [null, null, null]],
  ['literal', () => v.literal("it's"), 'VARCHAR', ["it's", "it's", "it's"]],
  ['literal', () => v.literal('\\d'), 'VARCHAR', ['\\d', '\\d', '\\d']],
  ['literal', () => v.literal(7n), 'BIGINT', ['7', '7', '7']],
  ['literal', () => v.literal(7), 'INTEGER', ['7', '7', '7']],
  ['literal', () => v.literal(0.9), 'DOUBLE', ['0.9', '0.9', '0.9']],
  ['literal', () => v.literal(1e15), 'DOUBLE', ['1000000000000000.0', '1000000000000000.0', '1000000000000000.0']],
  ['literal', () => v.literal(true), 'BOOLEAN', ['true', 'true', 'true']],
  ['nothing', () => v.nothing('DATE'), 'DATE', [null, null, null]],
  ['neverNull', ({ no_x }) => v.neverNull(no_x), 'DOUBLE', [null, '1.0', null]],
  ['holds', ({ no_flag }) => v.holds(no_flag), 'BOOLEAN', ['false', 'false', 'false']],
  ['holds', ({ no_flag }) => v.holds(no_flag, { ifUnknown: true }), 'BOOLEAN', ['true', 'true', 'true']],
  [
    'choose',
    ({ no_flag, flag, x }) =>
      v.choose([
        [no_flag, 1.5],
        [flag, x],
      ]),
    'DOUBLE',
    ['2.5', null, '0.2'],
  ],
  ['choose', ({ flag }) => v.choose([[flag, 1n]], 0n), 'BIGINT', ['1', '0', '1']],
  ['choose', ({ name }) => v.choose([], name), 'VARCHAR', ['BTCUSDT_250627', '币安人生USDT', 'a b.c']],
  ['match', ({ name, n }) => v.match(name, [['a b.c', n]], 0n), 'BIGINT', ['0', '0', '9']],

  ['asOf', () => v.asOf(), 'TIMESTAMP', ['2025-07-10 09:00:00', '2025-07-10 09:00:00', '2025-07-10 09:00:00']],
  ['dateLiteral', () => v.dateLiteral(new Date('2024-02-29')), 'DATE', ['2024-02-29', '2024-02-29', '2024-02-29']],
  ['dayOf', ({ at }) => v.dayOf(at), 'DATE', ['2025-07-10', '1969-12-31', '2025-01-01']],
  ['addDays', ({ day }) => v.addDays(day, 1), 'DATE', ['2024-03-01', '2024-03-03', '2024-03-04']],
  ['addDays', ({ day }) => v.addDays(day, -30), 'DATE', ['2024-01-30', '2024-02-01', '2024-02-02']],
  ['addDays', ({ day, id }) => v.addDays(day, id), 'DATE', ['2024-03-01', '2024-03-04', '2024-03-06']],
  ['addMonths', ({ day }) => v.addMonths(day, 12), 'DATE', ['2025-02-28', '2025-03-02', '2025-03-03']],
  ['daysBetween', ({ day, at }) => v.daysBetween(v.dayOf(at), day), 'BIGINT', ['-497', '19785', '-304']],
  [
    'shift',
    ({ day }) => v.shift(day, { hours: 8, microseconds: -1 }),
    'TIMESTAMP',
    ['2024-02-29 07:59:59.999999', '2024-03-02 07:59:59.999999', '2024-03-03 07:59:59.999999'],
  ],
  [
    'epochMicroseconds',
    ({ at }) => v.epochMicroseconds(at),
    'BIGINT',
    ['1752139800123456', '-1000000', '1735689600000000'],
  ],
  ['epochMilliseconds', ({ at }) => v.epochMilliseconds(at), 'BIGINT', ['1752139800123', '-1000', '1735689600000']],
  ['epochMonths', ({ at }) => v.epochMonths(at), 'BIGINT', ['666', '-1', '660']],
  [
    'fromEpochMicroseconds',
    ({ n }) => v.fromEpochMicroseconds(n),
    'TIMESTAMP',
    ['1969-12-31 23:59:59.999993', '1970-01-01 00:00:00.000009', '1970-01-01 00:00:00.000009'],
  ],
  [
    'fromEpochMonths',
    ({ n }) => v.fromEpochMonths(n),
    'TIMESTAMP',
    ['1969-06-01 00:00:00', '1970-10-01 00:00:00', '1970-10-01 00:00:00'],
  ],
  ['firstOfMonth', ({ at }) => v.firstOfMonth(at), 'DATE', ['2025-07-01', '1969-12-01', '2025-01-01']],
  [
    'truncate',
    ({ at }) => v.truncate('week', at),
    'TIMESTAMP',
    ['2025-07-07 00:00:00', '1969-12-29 00:00:00', '2024-12-30 00:00:00'],
  ],
  [
    'truncate',
    ({ day }) => v.truncate('month', day),
    'TIMESTAMP',
    ['2024-02-01 00:00:00', '2024-03-01 00:00:00', '2024-03-01 00:00:00'],
  ],
  [
    'bucket',
    ({ at }) => v.bucket(14_400_000, at),
    'TIMESTAMP',
    ['2025-07-10 08:00:00', '1969-12-31 20:00:00', '2025-01-01 00:00:00'],
  ],
  [
    'bucket',
    ({ at, day }) => v.bucket(259_200_000, at, day),
    'TIMESTAMP',
    ['2025-07-08 00:00:00', '1969-12-31 00:00:00', '2024-12-31 00:00:00'],
  ],
  [
    'formatInstant',
    ({ at }) => v.formatInstant(at),
    'VARCHAR',
    ['2025-07-10T09:30:00Z', '1969-12-31T23:59:59Z', '2025-01-01T00:00:00Z'],
  ],
  [
    'parseYymmdd',
    ({ name }) => v.parseYymmdd(v.extractPattern(name, '_(\\d{6})$')),
    'DATE',
    ['2025-06-27', null, null],
  ],

  ['plus', ({ n }) => v.plus(n, 1n), 'BIGINT', ['-6', '10', '10']],
  ['minus', ({ x, id }) => v.minus(x, id), 'DOUBLE', ['1.5', '-1.9', '-2.8']],
  ['times', ({ x }) => v.times(x, 0.5), 'DOUBLE', ['1.25', '0.05', '0.1']],
  ['divide', ({ n }) => v.divide(n, 2n), 'DOUBLE', ['-3.5', '4.5', '4.5']],
  ['divide', ({ x }) => v.divide(x, v.nullIf(x, 0.1)), 'DOUBLE', ['1.0', null, '1.0']],
  ['intDivide', ({ n }) => v.intDivide(n, 2n), 'BIGINT', ['-3', '4', '4']],
  ['remainder', ({ n }) => v.remainder(n, 2n), 'BIGINT', ['-1', '1', '1']],
  ['isShare', ({ n }) => v.isShare(n, 0.9, v.literal(10n)), 'BOOLEAN', ['false', 'true', 'true']],
  ['abs', ({ n }) => v.abs(n), 'BIGINT', ['7', '9', '9']],
  ['floor', ({ x }) => v.floor(x), 'DOUBLE', ['2.0', '0.0', '0.0']],
  ['ceil', ({ x }) => v.ceil(x), 'DOUBLE', ['3.0', '1.0', '1.0']],
  ['round', ({ x }) => v.round(x, 0), 'DOUBLE', ['3.0', '0.0', '0.0']],
  ['round', ({ x }) => v.round(v.times(x, -0.05), 1), 'DOUBLE', ['-0.1', '-0.0', '-0.0']],
  ['infinity', () => v.infinity(), 'DOUBLE', ['inf', 'inf', 'inf']],
  ['isFiniteNumber', ({ x }) => v.isFiniteNumber(x), 'BOOLEAN', ['true', 'true', 'true']],
  ['least', ({ n, no_n }) => v.least(no_n, n), 'BIGINT', ['-7', '9', '9']],
  ['least', ({ no_n }) => v.least(no_n, no_n), 'BIGINT', [null, null, null]],
  ['greatest', ({ n }) => v.greatest(n, 0n), 'BIGINT', ['0', '9', '9']],
  ['nullIf', ({ n }) => v.nullIf(n, 9n), 'BIGINT', ['-7', null, null]],

  ['concat', ({ name }) => v.concat('<', name, '>'), 'VARCHAR', ['<BTCUSDT_250627>', '<币安人生USDT>', '<a b.c>']],
  ['concat', ({ name, no_name }) => v.concat(name, no_name), 'VARCHAR', [null, null, null]],
  [
    'joinTexts',
    ({ name, no_name }) => v.joinTexts('/', no_name, name, name),
    'VARCHAR',
    ['BTCUSDT_250627/BTCUSDT_250627', '币安人生USDT/币安人生USDT', 'a b.c/a b.c'],
  ],
  ['joinTexts', ({ no_name }) => v.joinTexts('/', no_name), 'VARCHAR', ['', '', '']],
  ['replace', ({ name }) => v.replace(name, 'T', 't'), 'VARCHAR', ['BtCUSDt_250627', '币安人生USDt', 'a b.c']],
  [
    'replacePattern',
    ({ name }) => v.replacePattern(name, '[A-Z]', ''),
    'VARCHAR',
    ['TCUSDT_250627', '币安人生SDT', 'a b.c'],
  ],
  ['hasPattern', ({ name }) => v.hasPattern(name, '_\\d{6}$'), 'BOOLEAN', ['true', 'false', 'false']],
  ['extractPattern', ({ name }) => v.extractPattern(name, '([A-Z]+)'), 'VARCHAR', ['BTCUSDT', 'USDT', '']],
  ['hasGlob', ({ name }) => v.hasGlob(name, '? ?.[!ab]'), 'BOOLEAN', ['false', 'false', 'true']],
  ['hasGlob', ({ name }) => v.hasGlob(name, '*USDT'), 'BOOLEAN', ['false', 'true', 'false']],
  ['partOf', ({ name }) => v.partOf(name, '_', 2), 'VARCHAR', ['250627', '', '']],
  ['characters', ({ name }) => v.characters(name), 'BIGINT', ['14', '8', '5']],
  ['firstCharacters', ({ name }) => v.firstCharacters(name, v.literal(3n)), 'VARCHAR', ['BTC', '币安人', 'a b']],
  ['charactersFrom', ({ name }) => v.charactersFrom(name, v.literal(4n)), 'VARCHAR', ['USDT_250627', '生USDT', '.c']],
  ['endsWith', ({ name }) => v.endsWith(name, 'USDT'), 'BOOLEAN', ['false', 'true', 'false']],
  [
    'percentEncode',
    ({ name }) => v.percentEncode(name),
    'VARCHAR',
    ['BTCUSDT_250627', '%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT', 'a%20b.c'],
  ],

  ['contains', ({ name }) => v.contains(v.texts(['a b.c']), name), 'BOOLEAN', ['false', 'false', 'true']],
  ['contains', ({ name }) => v.contains(v.texts([]), name), 'BOOLEAN', ['false', 'false', 'false']],
  ['unnest', ({ n, no_n }) => v.unnest(v.list(n, no_n)), 'BIGINT', ['-7', null, '9', null, '9', null]],
  ['unnest', ({ n }) => v.unnest(v.wholeNumbers(n, v.literal(-5n))), 'BIGINT', ['-7', '-6']],
  [
    'butFirst',
    ({ n }) => v.unnest(v.butFirst(v.list(n, v.literal(1n), v.literal(2n)))),
    'BIGINT',
    ['1', '2', '1', '2', '1', '2'],
  ],
  [
    'butLast',
    ({ n }) => v.unnest(v.butLast(v.list(n, v.literal(1n), v.literal(2n)))),
    'BIGINT',
    ['-7', '1', '9', '1', '9', '1'],
  ],
  [
    'unnestDays',
    ({ day }) => v.unnestDays(day, v.dateLiteral(new Date('2024-03-02'))),
    'DATE',
    ['2024-02-29', '2024-03-01', '2024-03-02', '2024-03-02'],
  ],
  ['unnestDays', ({ no_time, day }) => v.unnestDays(v.dayOf(no_time), day), 'DATE', []],
  ['allBits', () => v.allBits(), 'UBIGINT', Array(3).fill('18446744073709551615')],
  ['noBits', () => v.noBits(), 'UBIGINT', ['0', '0', '0']],
  ['bitAt', ({ n }) => v.bitAt(v.abs(n)), 'UBIGINT', ['128', '512', '512']],
  ['bitsSet', ({ n }) => v.unnest(v.bitsSet(v.bitAt(v.abs(n)))), 'BIGINT', ['7', '9', '9']],
  ['bitsAnd', ({ n }) => v.bitsAnd(v.bitAt(v.abs(n)), v.bitAt(v.literal(9n))), 'UBIGINT', ['0', '512', '512']],
  ['shiftRight', ({ n }) => v.shiftRight(v.allBits(), v.plus(v.abs(n), 54n)), 'UBIGINT', ['7', '1', '1']],

  ['decimal', ({ x }) => v.decimal(x, 38, 10), 'DECIMAL(38,10)', ['2.5000000000', '0.1000000000', '0.2000000000']],
  ['decimal', () => v.decimal(v.literal('0.12345678905'), 38, 10), 'DECIMAL(38,10)', Array(3).fill('0.1234567891')],
  [
    'exactDecimal',
    ({ x }) => v.exactDecimal(x),
    'DECIMAL(38,13)',
    ['2.5000000000000', '0.1000000000000', '0.2000000000000'],
  ],
];

const aggregates: readonly Sample[] = [
  ['count', () => v.count(), 'BIGINT', ['3']],
  ['count', ({ no_x }) => v.count(no_x), 'BIGINT', ['1']],
  ['countWhere', ({ flag }) => v.countWhere(flag), 'BIGINT', ['2']],
  ['countDistinct', ({ n }) => v.countDistinct(n), 'BIGINT', ['2']],
  ['min', ({ day }) => v.min(day), 'DATE', ['2024-02-29']],
  ['max', ({ at }) => v.max(at), 'TIMESTAMP', ['2025-07-10 09:30:00.123456']],
  ['max', ({ n, no_flag }) => v.max(n).filter(no_flag), 'BIGINT', [null]],
  ['max', ({ name }) => v.max(name).ofGroup(), 'VARCHAR', ['币安人生USDT']],
  ['sum', ({ n }) => v.sum(n), 'BIGINT', ['11']],
  ['sum', ({ n, flag }) => v.sum(n).filter(flag), 'BIGINT', ['2']],
  ['sumOfDoubles', ({ x }) => v.sumOfDoubles(x), 'DOUBLE', ['2.8000000000000003']],
  ['sumOfDecimals', ({ x }) => v.sumOfDecimals(v.decimal(x, 38, 1)), 'DECIMAL(38,1)', ['2.8']],
  ['meanOfDecimals', ({ x }) => v.meanOfDecimals(v.decimal(x, 38, 10)), 'DOUBLE', ['0.9333333333333333']],
  ['exactSum', ({ x }) => v.exactSum(x), 'DOUBLE', ['2.8']],
  ['firstBy', ({ name, x }) => v.firstBy(name, x), 'VARCHAR', ['币安人生USDT']],
  ['lastBy', ({ name, day }) => v.lastBy(name, day), 'VARCHAR', ['a b.c']],
  ['anyTrue', ({ flag }) => v.anyTrue(flag), 'BOOLEAN', ['true']],
  ['allTrue', ({ flag }) => v.allTrue(flag), 'BOOLEAN', ['false']],
  ['anyBits', ({ n }) => v.anyBits(v.bitAt(v.abs(n))), 'UBIGINT', ['640']],
  ['sortedTexts', ({ name, flag }) => v.sortedTexts(name, ' ', flag), 'VARCHAR', ['BTCUSDT_250627 a b.c']],
  ['sortedTexts', ({ name, no_flag }) => v.sortedTexts(name, ' ', no_flag), 'VARCHAR', [null]],
];

const windows: readonly Sample[] = [
  ['rowNumber', ({ day }) => v.rowNumber().over({ orderBy: v.descending(day) }), 'BIGINT', ['3', '2', '1']],
  ['denseRank', ({ n }) => v.denseRank().over({ orderBy: v.descending(n) }), 'BIGINT', ['2', '1', '1']],
  ['percentRank', ({ n, id }) => v.percentRank().over({ orderBy: [n, id] }), 'DOUBLE', ['0.0', '0.5', '1.0']],
  ['lag', ({ n, id }) => v.lag(n).over({ orderBy: id }), 'BIGINT', [null, '-7', '9']],
  ['lead', ({ n, id }) => v.lead(n, 2).over({ orderBy: id }), 'BIGINT', ['9', null, null]],
  ['max', ({ id, n }) => v.max(n).over({ orderBy: id, rows: 'before' }), 'BIGINT', [null, '-7', '9']],
  [
    'count',
    ({ id, n }) => v.count(n).over({ partitionBy: n, orderBy: id, rows: { preceding: 29 } }),
    'BIGINT',
    ['1', '1', '2'],
  ],
  ['sum', ({ n, flag }) => v.sum(n).filter(flag).over(), 'BIGINT', ['2', '2', '2']],
];

const samples = [...scalars, ...aggregates, ...windows];

/** Functions whose values show only together with others, or differ between versions of an engine. */
const alone: Readonly<Record<string, Sample[1]>> = {
  rowHash: ({ n, no_name }) => v.rowHash(n, no_name),
  rowsDigest: ({ n, no_name }) => v.rowsDigest(n, no_name),
  scalar: ({ n }) => v.scalar(createCompiler().selectNoFrom(() => v.abs(n).as('n'))),
  unnestPairs: ({ n, x }) => v.unnestPairs(v.list(n), v.list(x))[0],
  'unnestPairs (right)': ({ n, x }) => v.unnestPairs(v.list(n), v.list(x))[1],
};

const selected = (of: Sample[1], dictionary: Dictionary): string =>
  compileSql(
    createCompiler<{ rows: Rows }>({}, dictionary)
      .selectFrom('rows')
      .select(({ ref }) => {
        const columns = new Proxy({} as Columns, { get: (_, name) => ref(name as 'id') });
        return [(of(columns) as v.Value<unknown>).as('value')];
      }),
  ).replace(/^select ([\s\S]*) as "value" from "rows"$/, '$1');

describe('each function', () => {
  let warehouse: Warehouse;
  beforeAll(async () => {
    warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    await warehouse.run("SET VARIABLE as_of = TIMESTAMP '2025-07-10 09:00:00'");
    return () => warehouse[Symbol.asyncDispose]();
  });

  test.each(samples.map(([name, of, type, values], at) => [`${name} (${at + 1})`, of, type, values] as const))(
    '%s has its type and its value',
    async (_, of, type, values) => {
      const isAggregate = aggregates.some(([, one]) => one === of);
      const order = isAggregate ? '' : ' ORDER BY id';
      const sql = `SELECT ${isAggregate ? '' : 'id, '}${selected(of, duckdbDictionary)} AS "value" FROM ${rows}${order}`;
      const found = await warehouse.rows<{ type: string; value: string | null }>(
        `SELECT typeof("value") AS type, cast("value" as VARCHAR) AS "value" FROM (${sql})`,
      );
      expect(found.map(({ value }) => value)).toEqual(values);
      for (const row of found) expect(row.type).toBe(type);
    },
  );

  test('two lists are unnested in step', async () => {
    const query = createCompiler().selectNoFrom(() => {
      const [left, right] = v.unnestPairs(v.texts(['a', 'b']), v.list(v.literal(1n), v.literal(2n)));
      return [left.as('left'), right.as('right')];
    });
    expect(await warehouse.rows(compileSql(query))).toEqual([
      { left: 'a', right: 1n },
      { left: 'b', right: 2n },
    ]);
  });

  test('is a sample', () => {
    const shown = new Set<string>([...samples.map(([name]) => name), ...Object.keys(alone)]);
    // They are seen in others: lists and orders have no value of their own.
    for (const name of ['list', 'texts', 'wholeNumbers', 'descending', 'condition']) shown.add(name);
    expect(Object.keys(v).filter((name) => !shown.has(name) && name !== 'Aggregate')).toEqual([]);
  });

  test.each([
    ['duckdb', duckdbDictionary],
    ['clickhouse', clickHouseDictionary],
  ])('has its text in %s', async (engine, dictionary) => {
    const all = [...samples.map(([name, of]) => [name, of] as const), ...Object.entries(alone)];
    const lines = all.map(([name, of]) => `-- ${name}\n${selected(of, dictionary)}\n`);
    await expect(lines.join('')).toMatchFileSnapshot(`vocabulary/${engine}.sql`);
  });
});

test('operands keep together beside an operator', () => {
  const db = createCompiler<{ rows: Rows }>();
  const query = db.selectFrom('rows').select(({ eb, ref }) => [
    v.times(eb('id', '+', 1), 2).as('times'),
    v
      .anyTrue(eb.or([eb('id', '=', 1), eb('id', '=', 2)]))
      .filter(eb('id', '>', 0))
      .ofGroup()
      .as('any'),
    v.intDivide(v.minus(ref('n'), v.plus(ref('n'), 1n)), 3n).as('divided'),
  ]);
  expect(compileSql(query)).toBe(
    'select (("id" + 1) * 2) as "times", bool_or(("id" = 1 or "id" = 2)) filter (where "id" > 0) as "any", (("n" - ("n" + 1)) // 3) as "divided" from "rows"',
  );
});
