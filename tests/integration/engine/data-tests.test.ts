import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { createTable } from '../../../engine/duckdb/ddl.ts';
import { dirtyPartitions } from '../../../engine/duckdb/partitions.ts';
import { runTest, type TestOutcome } from '../../../engine/duckdb/run-test.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { bigint, date, double, engineTables, month, table, timestamp, varchar } from '../../../engine/index.ts';
import { compileTest, type LooseTestSpec, utc } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';

const bars = table('bars', {
  description: 'Bars.',
  columns: {
    day: date.nullable('Day.'),
    symbol: varchar.nullable('Symbol.'),
    volume: double.nullable('Volume.'),
    trades: bigint.nullable('Trades.'),
    seen: timestamp.nullable('When.'),
  },
  key: [],
});
const parted = table('parted', {
  description: 'Bars by symbol and month.',
  columns: {
    symbol: varchar.nullable('Symbol.'),
    seen: timestamp.nullable('When.'),
    side: bigint.nullable('Side.'),
  },
  key: [],
  partition: ['symbol', month('seen')],
});
const daily = table('daily', {
  description: 'Bars by day.',
  columns: { day: date('Day.'), symbol: varchar.nullable('Symbol.') },
  key: [],
  partition: ['day'],
});
const listed = table('listed', { description: 'Symbols.', columns: { name: varchar.nullable('Name.') }, key: [] });

let warehouse: Warehouse;
let directory: string;
beforeAll(async () => {
  warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
  for (const known of [bars, parted, daily, listed, engineTables.partition_state])
    await warehouse.run(createTable(known));
  directory = await tempDir('failures-');
  return () => warehouse[Symbol.asyncDispose]();
});

/** The outcome of a test on rows `(day, symbol, volume, trades, seen)`; the days are of July 2025. */
async function outcomeOf(
  spec: LooseTestSpec,
  rows: readonly string[],
  asOf = '2025-07-10T12:00',
): Promise<TestOutcome> {
  await warehouse.run('TRUNCATE bars');
  await warehouse.run('TRUNCATE partition_state');
  await warehouse.setTime('as_of', utc(asOf));
  if (rows.length > 0) await warehouse.run(`INSERT INTO bars VALUES ${rows.map((row) => `(${row})`).join(', ')}`);
  return runTest(warehouse, compileTest(bars, spec), { runId: 'run', asOf: utc(asOf), failuresDir: directory });
}

const bar = (day: number | null, symbol: string | null, volume: number | null = 1, trades: number | null = 1) =>
  [
    day === null ? 'NULL' : `'2025-07-${String(day).padStart(2, '0')}'`,
    symbol === null ? 'NULL' : `'${symbol}'`,
    volume ?? 'NULL',
    trades ?? 'NULL',
    'NULL',
  ].join(', ');
const seen = (time: string) => `NULL, NULL, NULL, NULL, '${time}'`;
const passed = { status: 'pass', rowsFailed: 0, examples: [] };
const failed = (rowsFailed: number, example: object) => ({
  status: 'error',
  rowsFailed,
  examples: expect.arrayContaining([expect.objectContaining(example)]),
});

describe('unique', () => {
  const spec: LooseTestSpec = { type: 'unique', columns: ['day', 'symbol'] };

  test('passes if each pair of values occurs once, and without rows', async () => {
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(1, 'B'), bar(2, 'A')])).toMatchObject(passed);
    expect(await outcomeOf(spec, [])).toMatchObject(passed);
  });

  test('names repeated values and their count', async () => {
    const outcome = await outcomeOf(spec, [bar(1, 'A'), bar(1, 'A', 2), bar(1, 'A', 3), bar(2, 'A')]);
    expect(outcome).toMatchObject(failed(1, { symbol: 'A', row_count: 3n }));
  });

  test('treats NULL as a value', async () => {
    expect(await outcomeOf(spec, [bar(1, null), bar(1, null)])).toMatchObject({ status: 'error' });
  });

  test('is limited by where', async () => {
    const rows = [bar(1, 'A', 1), bar(1, 'A', 2)];
    expect(await outcomeOf({ ...spec, where: 'volume > 1 or volume is null' }, rows)).toMatchObject(passed);
  });
});

describe('unique in partitions', () => {
  const row = fc.record({
    symbol: fc.constantFrom("'A'", "'B'", 'NULL'),
    seen: fc.constantFrom('NULL', ...[1, 2, 29, 30].map((day) => `'2025-06-01'::TIMESTAMP + to_days(${day})`)),
    side: fc.constantFrom('0', '1', 'NULL'),
  });

  test.each([
    ['symbol', 'seen'],
    ['symbol', 'seen', 'side'],
    ['side', 'symbol', 'seen'],
  ])('finds the same as counting every row, in whatever order the rows are: %s %s %s', async (...columns) => {
    const spec = { type: 'unique', columns } as const;
    const { failures } = compileTest(parted, spec).sql;
    expect(failures).toContain('SEMI JOIN');
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        await warehouse.run('TRUNCATE parted');
        await warehouse.run(
          `INSERT INTO parted VALUES ${rows.map(({ symbol, seen, side }) => `(${symbol}, ${seen}, ${side})`).join(', ')}`,
        );
        const counted = `SELECT ${columns.join(', ')}, count(*) AS row_count FROM parted GROUP BY ALL HAVING row_count > 1`;
        expect(await warehouse.rows(`FROM (${failures}) ORDER BY ALL`)).toEqual(
          await warehouse.rows(`FROM (${counted}) ORDER BY ALL`),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('groups no rows if each partition is one ascending run', async () => {
    await warehouse.run('TRUNCATE parted');
    await warehouse.run(
      `INSERT INTO parted SELECT 'S' || s, TIMESTAMP '2025-06-01' + to_hours(h), 0 FROM range(3) AS a(s), range(2000) AS b(h) ORDER BY ALL`,
    );
    const { failures } = compileTest(parted, { type: 'unique', columns: ['symbol', 'seen'] }).sql;
    const grouped = failures.slice(failures.indexOf('FROM (FROM'), failures.lastIndexOf(' GROUP BY ALL'));
    expect(await warehouse.rows(`SELECT count(*) AS rows ${grouped}`)).toEqual([{ rows: 0n }]);
  });
});

describe('a test of only the partitions that a build replaced', () => {
  const row = fc.record({
    symbol: fc.constantFrom("'A'", "'B'"),
    seen: fc.constantFrom(...[1, 2, 29, 30].map((day) => `'2025-06-01'::TIMESTAMP + to_days(${day})`)),
    side: fc.constantFrom('0', '1', 'NULL'),
  });
  const partition = fc.record({ symbol: fc.constantFrom("'A'", "'B'"), month: fc.constantFrom(6, 7) });

  test.each<[LooseTestSpec]>([
    [{ type: 'unique', columns: ['symbol', 'seen'] }],
    [{ type: 'unique', columns: ['seen', 'side', 'symbol'], where: 'side = 1 OR side IS NULL' }],
    [{ type: 'not_null', columns: ['side'] }],
    [{ type: 'accepted_values', column: 'side', values: [1], where: `symbol = 'A' OR symbol = 'B'` }],
    [{ type: 'range', column: 'side', max: 0 }],
    [{ type: 'expression', name: 'sides', expect: 'side > 0' }],
  ])('finds the failures of those partitions: %j', async (spec) => {
    const { failures, dirtyFailures } = compileTest(parted, spec).sql;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), fc.array(partition, { maxLength: 3 }), async (rows, dirty) => {
        await warehouse.run('TRUNCATE parted');
        await warehouse.run(
          `CREATE OR REPLACE TEMP TABLE ${dirtyPartitions} (part1 VARCHAR, part2 DATE, is_readable BOOLEAN)`,
        );
        for (const { symbol, seen, side } of rows)
          await warehouse.run(`INSERT INTO parted VALUES (${symbol}, ${seen}, ${side})`);
        for (const { symbol, month } of dirty)
          await warehouse.run(`INSERT INTO ${dirtyPartitions} VALUES (${symbol}, '2025-0${month}-01', true)`);
        const inDirty = `(symbol, date_trunc('month', seen)) IN (SELECT (part1, part2) FROM ${dirtyPartitions})`;
        expect(await warehouse.rows(`FROM (${dirtyFailures}) ORDER BY ALL`)).toEqual(
          await warehouse.rows(`FROM (${failures}) WHERE ${inDirty} ORDER BY ALL`),
        );
      }),
      { numRuns: 40 },
    );
  });

  test.each<[LooseTestSpec]>([
    [{ type: 'unique', columns: ['symbol', 'side'] }],
    [{ type: 'relationships', column: 'symbol', to: 'listed.name' }],
    [{ type: 'completeness', column: 'seen', by: ['symbol'], step: 86_400_000 }],
    [{ type: 'row_count', min: 1 }],
    [{ type: 'expression', name: 'sides', expect: 'side < (select max(side) from parted)' }],
    [{ type: 'unique', columns: ['symbol', 'seen'], where: 'side = (SELECT max(side) FROM parted)' }],
  ])('is not used if other rows matter: %j', (spec) => {
    expect(compileTest(parted, spec).sql).not.toHaveProperty('dirtyFailures');
  });
});

describe('not_null', () => {
  const spec: LooseTestSpec = { type: 'not_null', columns: ['symbol', 'volume'] };

  test('passes on values, including 0 and the empty text, and without rows', async () => {
    expect(await outcomeOf(spec, [bar(1, '', 0)])).toMatchObject(passed);
    expect(await outcomeOf(spec, [])).toMatchObject(passed);
  });

  test('fails for each row with a NULL in any of the columns', async () => {
    const rows = [bar(1, null), bar(2, 'A', null), bar(3, null, null), bar(4, 'A', 1, null)];
    expect(await outcomeOf(spec, rows)).toMatchObject({ ...failed(3, { volume: null }), value: 3, threshold: 0 });
  });

  test('is limited by where, even if that contains an OR', async () => {
    const rows = [bar(1, 'A', null, 0), bar(2, 'B', 2, 5)];
    expect(await outcomeOf({ ...spec, where: 'trades > 0 or trades is null' }, rows)).toMatchObject(passed);
    expect(await outcomeOf({ ...spec, where: 'trades = 0 or trades is null' }, rows)).toMatchObject({ rowsFailed: 1 });
  });
});

describe('accepted_values', () => {
  const spec: LooseTestSpec = { type: 'accepted_values', column: 'symbol', values: ['A', "o'hare"] };

  test('passes on accepted values and on NULL', async () => {
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(1, "o''hare"), bar(1, null)])).toMatchObject(passed);
  });

  test('fails on any other value', async () => {
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(1, 'a')])).toMatchObject(failed(1, { symbol: 'a' }));
  });

  test('accepts numbers', async () => {
    const numbers: LooseTestSpec = { type: 'accepted_values', column: 'trades', values: [200, 404] };
    const rows = [bar(1, 'A', 1, 200), bar(1, 'A', 1, 500)];
    expect(await outcomeOf(numbers, rows)).toMatchObject(failed(1, { trades: 500n }));
  });
});

describe('range', () => {
  const spec: LooseTestSpec = { type: 'range', column: 'volume', min: 0, max: 100 };

  test('includes both bounds and ignores NULL', async () => {
    expect(await outcomeOf(spec, [bar(1, 'A', 0), bar(1, 'B', 100), bar(1, 'C', null)])).toMatchObject(passed);
  });

  test('fails below and above', async () => {
    const rows = [bar(1, 'A', -0.001), bar(1, 'B', 100.001), bar(1, 'C', 50)];
    expect(await outcomeOf(spec, rows)).toMatchObject(failed(2, { symbol: 'B' }));
  });

  test('may have only one bound', async () => {
    const rows = [bar(1, 'A', -5), bar(1, 'B', 500)];
    expect(await outcomeOf({ type: 'range', column: 'volume', min: 0 }, rows)).toMatchObject(
      failed(1, { symbol: 'A' }),
    );
    expect(await outcomeOf({ type: 'range', column: 'volume', max: 0 }, rows)).toMatchObject(
      failed(1, { symbol: 'B' }),
    );
  });
});

describe('expression', () => {
  const spec: LooseTestSpec = { type: 'expression', name: 'sense', expect: 'volume >= 0 or trades = 0' };

  test('passes if it is true', async () => {
    expect(await outcomeOf(spec, [bar(1, 'A', 5), bar(1, 'B', -5, 0)])).toMatchObject(passed);
  });

  test('fails if it is false, or unknown because of NULL', async () => {
    const rows = [bar(1, 'A', -5), bar(1, 'B', null), bar(1, 'C', 1)];
    expect(await outcomeOf(spec, rows)).toMatchObject(failed(2, { symbol: 'B' }));
  });
});

describe('relationships', () => {
  const spec: LooseTestSpec = { type: 'relationships', column: 'symbol', to: 'listed.name' };
  const list = async (...names: readonly string[]) => {
    await warehouse.run('TRUNCATE listed');
    for (const name of names) await warehouse.run(`INSERT INTO listed VALUES (${name})`);
  };

  test('passes if each value is found, and ignores NULL', async () => {
    await list(`'A'`, `'B'`);
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(2, 'A'), bar(1, null)])).toMatchObject(passed);
  });

  test('fails on a value that is missing, even if the other table has a NULL', async () => {
    await list(`'A'`, 'NULL');
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(1, 'C')])).toMatchObject(failed(1, { symbol: 'C' }));
  });

  test('fails on every value of an empty table', async () => {
    await list();
    expect(await outcomeOf(spec, [bar(1, 'A'), bar(1, 'C')])).toMatchObject({ rowsFailed: 2 });
  });
});

describe('row_count', () => {
  test('counts the rows that where leaves, and includes both bounds', async () => {
    const rows = [bar(1, 'A'), bar(2, 'A'), bar(3, 'B')];
    const spec: LooseTestSpec = { type: 'row_count', min: 2, max: 2, where: `symbol = 'A'` };
    expect(await outcomeOf(spec, rows)).toMatchObject({ ...passed, value: 2, threshold: 2 });
  });

  test('fails below and above', async () => {
    const min: LooseTestSpec = { type: 'row_count', min: 1 };
    expect(await outcomeOf(min, [])).toMatchObject({ status: 'error', value: 0, threshold: 1, rowsFailed: 1 });
    const max: LooseTestSpec = { type: 'row_count', max: 0 };
    expect(await outcomeOf(max, [bar(1, 'A')])).toMatchObject({ status: 'error', value: 1, threshold: 0 });
  });
});

describe('coverage', () => {
  const spec: LooseTestSpec = { type: 'coverage', column: 'volume', min: 0.5, warn: 0.75 };
  const byDay: LooseTestSpec = { ...spec, by: ['day'] };
  /** Days 1 to 10 with four symbols each; `covered` says how many of these have a volume, by default all four. */
  const days = (covered: Readonly<Record<number, number>>) =>
    Array.from({ length: 10 }, (_, i) => i + 1).flatMap((day) =>
      ['A', 'B', 'C', 'D'].map((symbol, at) => bar(day, symbol, at < (covered[day] ?? 4) ? 1 : null)),
    );

  test('measures the ratio, even if it passes', async () => {
    expect(await outcomeOf(spec, days({ 1: 0 }))).toMatchObject({ ...passed, value: 0.9, threshold: 0.5 });
  });

  test('at its bounds neither fails nor warns', async () => {
    const rows = [bar(1, 'A'), bar(1, 'B'), bar(1, 'C', null), bar(1, 'D', null)];
    expect(await outcomeOf({ ...spec, warn: 0.5 }, rows)).toMatchObject({ ...passed, value: 0.5 });
  });

  test('below warn warns, below min fails', async () => {
    const [some, few] = [
      [bar(1, 'A'), bar(1, 'B'), bar(1, 'C', null)],
      [bar(1, 'A'), bar(1, 'B', null), bar(1, 'C', null)],
    ];
    expect(await outcomeOf(spec, some)).toMatchObject({ status: 'warn', value: 2 / 3 });
    expect(await outcomeOf(spec, few)).toMatchObject({
      ...failed(1, { coverage: 1 / 3, row_count: 3n }),
      value: 1 / 3,
    });
  });

  test('without warn passes from min upward', async () => {
    const { warn: _, ...only } = spec;
    expect(await outcomeOf(only, [bar(1, 'A'), bar(1, 'B', null)])).toMatchObject({ status: 'pass', value: 0.5 });
  });

  test('without rows fails: an empty denominator proves nothing (B13)', async () => {
    expect(await outcomeOf(spec, [])).toMatchObject({ ...failed(1, { row_count: 0n }), value: null });
    const none: LooseTestSpec = { ...spec, where: 'trades > 5' };
    expect(await outcomeOf(none, days({}))).toMatchObject({ status: 'error', value: null });
  });

  test('counts only the rows that where selects', async () => {
    const rows = [bar(1, 'A', 1, 5), bar(1, 'B', null, 0), bar(1, 'C', null, 0)];
    expect(await outcomeOf({ ...spec, where: 'trades > 0' }, rows)).toMatchObject({ ...passed, value: 1 });
  });

  test('fails for a group below min even if the total is enough', async () => {
    expect(await outcomeOf(byDay, days({ 3: 1 }))).toMatchObject(
      failed(1, { day: new Date('2025-07-03'), coverage: 0.25, row_count: 4n }),
    );
  });

  test('warns about a group below warn', async () => {
    expect(await outcomeOf(byDay, days({ 3: 2 }))).toMatchObject({ status: 'warn', rowsFailed: 1, value: 38 / 40 });
  });

  test('only warns about the newest 3 days, whatever is missing there', async () => {
    expect(await outcomeOf(byDay, days({ 8: 1, 9: 1, 10: 0 }))).toMatchObject({ status: 'warn', rowsFailed: 3 });
    expect(await outcomeOf(byDay, days({ 7: 0 }))).toMatchObject(failed(1, { day: new Date('2025-07-07') }));
  });

  test('fails for a day without any row after where: an all-404 day does not pass (B13)', async () => {
    const rows = days({}).map((row) => row.replace(/^('2025-07-05'.*), 1, NULL$/, '$1, 0, NULL'));
    const available: LooseTestSpec = { ...byDay, where: 'trades > 0' };
    expect(await outcomeOf(available, rows)).toMatchObject(
      failed(1, { day: new Date('2025-07-05'), coverage: null, row_count: 0n }),
    );
  });

  test('only warns about such a day among the newest 3', async () => {
    const rows = days({}).map((row) => row.replace(/^('2025-07-09'.*), 1, NULL$/, '$1, 0, NULL'));
    expect(await outcomeOf({ ...byDay, where: 'trades > 0' }, rows)).toMatchObject({ status: 'warn', rowsFailed: 1 });
  });

  test('treats the newest groups like all others if the groups are not days', async () => {
    const rows = days({}).map((row) => row.replace(/'B', 1/, `'B', NULL`));
    expect(await outcomeOf({ ...spec, by: ['symbol'] }, rows)).toMatchObject(
      failed(1, { symbol: 'B', coverage: 0, row_count: 10n }),
    );
  });

  test('supports groups of several columns', async () => {
    const both: LooseTestSpec = { ...spec, by: ['day', 'symbol'] };
    expect(await outcomeOf(both, days({ 2: 3 }))).toMatchObject(
      failed(1, { day: new Date('2025-07-02'), symbol: 'D' }),
    );
  });
});

describe('completeness', () => {
  const spec = { type: 'completeness', column: 'day', by: ['symbol'], step: 86_400_000 } satisfies LooseTestSpec;

  test('passes if each group has every step from its first to its last, wherever these are', async () => {
    const rows = [bar(1, 'A'), bar(2, 'A'), bar(3, 'A'), bar(8, 'B'), bar(9, 'B'), bar(5, 'C')];
    expect(await outcomeOf(spec, rows)).toMatchObject(passed);
    expect(await outcomeOf(spec, [])).toMatchObject(passed);
  });

  test('fails at each hole and names both sides', async () => {
    const rows = [bar(1, 'A'), bar(3, 'A'), bar(9, 'A'), bar(2, 'B')];
    expect(await outcomeOf(spec, rows)).toMatchObject(
      failed(2, { symbol: 'A', previous: new Date('2025-07-03'), day: new Date('2025-07-09') }),
    );
  });

  test('without groups treats all rows as one series; a repeated day is not a hole', async () => {
    const { by: _, ...whole } = spec;
    const rows = [bar(1, 'A'), bar(1, 'B'), bar(2, 'B')];
    expect(await outcomeOf(whole, rows)).toMatchObject(passed);
    expect(await outcomeOf(whole, [...rows, bar(4, 'A')])).toMatchObject({ rowsFailed: 1 });
  });

  test('measures steps of a TIMESTAMP to the millisecond', async () => {
    const hourly: LooseTestSpec = { type: 'completeness', column: 'seen', step: 3_600_000 };
    expect(await outcomeOf(hourly, [seen('2025-07-01 23:00'), seen('2025-07-02 00:00')])).toMatchObject(passed);
    expect(await outcomeOf(hourly, [seen('2025-07-01 23:00'), seen('2025-07-02 00:00:00.001')])).toMatchObject({
      rowsFailed: 1,
    });
  });

  test('finds every hole that replacing some days opens', async () => {
    const july = (day: number) => `'2025-07-${String(day).padStart(2, '0')}'`;
    const days = fc.integer({ min: 1, max: 12 });
    const symbols = fc.uniqueArray(fc.constantFrom("'A'", "'B'", 'NULL'));
    const spans = fc.array(fc.tuple(fc.constantFrom("'A'", "'B'", 'NULL'), days, fc.nat(5)), { maxLength: 3 });
    const replaced = fc.uniqueArray(fc.tuple(days, symbols), { maxLength: 4, selector: ([day]) => day });
    const specs = fc.constantFrom<LooseTestSpec>({ ...spec, step: 2 * spec.step }, spec, { ...spec, by: [] });
    await fc.assert(
      fc.asyncProperty(spans, replaced, specs, async (before, after, own) => {
        const { failures, dirtyFailures } = compileTest(daily, own).sql;
        await warehouse.run('TRUNCATE daily');
        await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${dirtyPartitions} (part1 DATE)`);
        for (const [symbol, first, more] of new Map(before.map((span) => [span[0], span])).values())
          await warehouse.run(`INSERT INTO daily SELECT ${july(1)}::DATE + day::INTEGER - 1, ${symbol}
            FROM range(${first}, ${first + more + 1}) AS days(day)`);
        fc.pre((await warehouse.rows(failures)).length === 0);
        for (const [day, traded] of after) {
          await warehouse.run(`INSERT INTO ${dirtyPartitions} VALUES (${july(day)})`);
          await warehouse.run(`DELETE FROM daily WHERE day = ${july(day)}`);
          for (const symbol of traded) await warehouse.run(`INSERT INTO daily VALUES (${july(day)}, ${symbol})`);
        }
        expect(await warehouse.rows(`FROM (${dirtyFailures}) ORDER BY ALL`)).toEqual(
          await warehouse.rows(`FROM (${failures}) ORDER BY ALL`),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('is limited by where', async () => {
    const rows = [bar(1, 'A'), bar(2, 'A', 1, 0), bar(3, 'A')];
    expect(await outcomeOf({ ...spec, where: 'trades > 0' }, rows)).toMatchObject({ rowsFailed: 1 });
  });
});

describe('freshness', () => {
  const day = 86_400_000;
  const spec: LooseTestSpec = { type: 'freshness', column: 'day', warn_after: 2 * day, error_after: 5 * day };

  test('is the age of the newest value at the as-of of the run', async () => {
    const rows = [bar(1, 'A'), bar(9, 'A')];
    expect(await outcomeOf(spec, rows, '2025-07-10T12:00')).toMatchObject({ ...passed, value: 1.5, threshold: 5 });
    expect(await outcomeOf(spec, rows, '2025-07-11T00:00')).toMatchObject({ ...passed, value: 2 });
    expect(await outcomeOf(spec, rows, '2025-07-11T00:01')).toMatchObject({ status: 'warn' });
    expect(await outcomeOf(spec, rows, '2025-07-14T00:01')).toMatchObject({ status: 'error' });
  });

  test('without a value fails', async () => {
    expect(await outcomeOf(spec, [])).toMatchObject({ status: 'error', value: null });
    expect(await outcomeOf({ ...spec, where: `symbol = 'Z'` }, [bar(9, 'A')])).toMatchObject({ status: 'error' });
  });

  test('with only warn_after never fails on old values, only without a value', async () => {
    const warn: LooseTestSpec = { type: 'freshness', column: 'seen', warn_after: 2 * day };
    const old = [seen('2020-01-01 00:00:00')];
    expect(await outcomeOf(warn, old)).toMatchObject({ status: 'warn', threshold: 2, rowsFailed: 1 });
    expect(await outcomeOf(warn, [])).toMatchObject({ status: 'error' });
  });
});

test('a test of severity warn never fails', async () => {
  const spec: LooseTestSpec = { type: 'not_null', columns: ['symbol'], severity: 'warn' };
  expect(await outcomeOf(spec, [bar(1, null)])).toMatchObject({ status: 'warn', rowsFailed: 1 });
});

test('three of many failing rows are shown and a thousand are kept', async () => {
  const rows = Array.from({ length: 1_500 }, (_, i) => bar((i % 28) + 1, null));
  const outcome = await outcomeOf({ type: 'not_null', columns: ['symbol'] }, rows);
  expect(outcome).toMatchObject({ rowsFailed: 1_500, value: 1_500 });
  expect(outcome.examples).toHaveLength(3);
  const { kept } = await warehouse.row(
    `SELECT count(*) AS kept FROM read_csv('${outcome.failuresFile}', header = true)`,
  );
  expect(kept).toBe(1_000n);
});

describe('failing rows have the tested columns first, then the key', () => {
  const prices = table('prices', {
    description: 'Prices.',
    columns: {
      seen: timestamp('When.'),
      source: varchar.nullable('Source.'),
      low: double.nullable('Lowest.'),
      note: varchar.nullable('Note.'),
      symbol: varchar('Symbol.'),
      high: double.nullable('Highest.'),
    },
    key: ['symbol', 'seen'],
    keyHeldBy: 'partition',
  });

  test.each<[string, LooseTestSpec, readonly string[]]>([
    ['a range', { type: 'range', column: 'high', max: 1 }, ['high', 'symbol', 'seen', 'source', 'low', 'note']],
    [
      'a condition, in any case and with the name of its table',
      { type: 'expression', name: 'sense', expect: 'LOW <= prices.high' },
      ['low', 'high', 'symbol', 'seen', 'source', 'note'],
    ],
    [
      'a condition that names no column',
      { type: 'expression', name: 'never', expect: '1 > 2' },
      ['seen', 'source', 'low', 'note', 'symbol', 'high'],
    ],
    ['a part of the key', { type: 'not_null', columns: ['note', 'symbol'] }, ['note', 'symbol', 'seen']],
  ])('%s', async (_, spec, columns) => {
    await warehouse.run(`${createTable(prices).replace('CREATE', 'CREATE OR REPLACE')}`);
    await warehouse.run(`INSERT INTO prices VALUES ('2025-07-01', 's', 9, NULL, 'A', 8)`);
    const { examples, failuresFile = '' } = await runTest(warehouse, compileTest(prices, spec), {
      runId: 'run',
      asOf: utc('2025-07-10T12:00'),
      failuresDir: directory,
    });
    const all = Object.keys(examples[0] ?? {});
    expect(all.slice(0, columns.length)).toEqual(columns);
    expect(all).toHaveLength(6);
    expect((await readFile(failuresFile, 'utf8')).split('\n')[0]).toBe(all.join(','));
  });
});
