import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { CompiledModel } from '../../../engine/duckdb/compiled-model.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { build, compileModel, compileTest, createWarehouse, failuresDir, texts, utc } from '../../support/engine.ts';
import { dailyTotals, schema, sell, sightings } from './shop.ts';

const model = (atLeast = 1): CompiledModel => compileModel(dailyTotals, schema, { at_least: atLeast });
const today = { asOf: utc('2025-07-10T09:00'), runId: 'first' };
const tomorrow = { asOf: utc('2025-07-11T09:00'), runId: 'second' };
const window = (start: string, end: string) => ({ window: { start: new Date(start), end: new Date(end) } });

const days = (warehouse: Warehouse) =>
  texts(warehouse, 'SELECT day, total, cast(built_at as DATE) FROM daily_totals ORDER BY day');
const states = (warehouse: Warehouse, name = 'daily_totals') =>
  texts(warehouse, `SELECT partition, run_id FROM partition_state WHERE model = '${name}' ORDER BY partition`);

/** Everything that the schema says about the table, as the database has it. */
const definition = () =>
  texts(
    warehouse,
    `SELECT 'table' AS what, table_name, NULL, comment FROM duckdb_tables() WHERE table_name LIKE 'daily_totals%'
     UNION ALL SELECT 'column ' || column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE table_name = 'daily_totals'
     UNION ALL SELECT 'index', index_name, is_unique, expressions FROM duckdb_indexes() WHERE table_name = 'daily_totals'
     UNION ALL SELECT 'key', array_to_string(constraint_column_names, ', '), NULL, NULL FROM duckdb_constraints()
       WHERE table_name = 'daily_totals' AND constraint_type = 'PRIMARY KEY'
     ORDER BY ALL`,
  );

let warehouse: Warehouse;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  await sell(warehouse, { '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 });
  return () => warehouse[Symbol.asyncDispose]();
});

describe('a build', () => {
  test('builds every partition the first time', async () => {
    expect(await build(warehouse, model(), today)).toMatchObject({ status: 'pass', rows: 3, partitions: 3 });
    expect(await days(warehouse)).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-02', '20', '2025-07-10'],
      ['2025-07-03', '30', '2025-07-10'],
    ]);
    expect(await states(warehouse)).toEqual([
      ['2025-07-01', 'first'],
      ['2025-07-02', 'first'],
      ['2025-07-03', 'first'],
    ]);
  });

  test('rebuilds only partitions whose inputs changed', async () => {
    await build(warehouse, model(), today);
    await sell(warehouse, { '2025-07-02': 21, '2025-07-04': 40 });
    expect(await build(warehouse, model(), tomorrow)).toMatchObject({ status: 'pass', rows: 2, partitions: 2 });
    expect(await days(warehouse)).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-02', '21', '2025-07-11'],
      ['2025-07-03', '30', '2025-07-10'],
      ['2025-07-04', '40', '2025-07-11'],
    ]);
    expect(await states(warehouse)).toEqual([
      ['2025-07-01', 'first'],
      ['2025-07-02', 'second'],
      ['2025-07-03', 'first'],
      ['2025-07-04', 'second'],
    ]);
  });

  test('is reused if nothing that it reads has changed, whatever the clock says', async () => {
    await build(warehouse, model(), today);
    const before = await days(warehouse);
    expect(await build(warehouse, model(), tomorrow)).toMatchObject({ status: 'reused', rows: 0, partitions: 0 });
    expect(await days(warehouse)).toEqual(before);
  });

  test('removes the rows and the state of a partition that its inputs no longer have', async () => {
    await build(warehouse, model(), today);
    await sell(warehouse, { '2025-07-02': 0 });
    expect(await build(warehouse, model(), tomorrow)).toMatchObject({ status: 'pass', rows: 0, partitions: 1 });
    expect(await days(warehouse)).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-03', '30', '2025-07-10'],
    ]);
    expect(await states(warehouse)).toEqual([
      ['2025-07-01', 'first'],
      ['2025-07-03', 'first'],
    ]);
  });

  test('leaves the table empty once all of its inputs are gone', async () => {
    await build(warehouse, model(), today);
    await warehouse.run('DELETE FROM sales');
    expect(await build(warehouse, model(), tomorrow)).toMatchObject({ rows: 0, partitions: 3 });
    expect([await days(warehouse), await states(warehouse)]).toEqual([[], []]);
  });

  test('with a changed var rebuilds everything, since vars are literals in the SQL', async () => {
    await build(warehouse, model(1), today);
    expect(await build(warehouse, model(20), tomorrow)).toMatchObject({ rows: 2, partitions: 3 });
    expect(await days(warehouse)).toEqual([
      ['2025-07-02', '20', '2025-07-11'],
      ['2025-07-03', '30', '2025-07-11'],
    ]);
  });

  test('of everything keeps key, index, comments and NOT NULL as in the schema', async () => {
    const created = await definition();
    expect(created).toContainEqual(['column total', 'BIGINT', 'false', 'Sold. [pieces]']);
    expect(created).toContainEqual(['key', 'day', null, null]);
    await build(warehouse, model(), today);
    await build(warehouse, model(20), tomorrow);
    expect(await definition()).toEqual(created);
    await expect(warehouse.run(`INSERT INTO daily_totals VALUES ('2025-07-02', 1, now())`)).rejects.toThrow(/key/);
    await expect(warehouse.run(`INSERT INTO daily_totals VALUES ('2025-07-09', NULL, now())`)).rejects.toThrow(/NULL/);
  });

  test('whose rows violate the key fails, and the last good version stays', async () => {
    await build(warehouse, model(), today);
    const before = [await days(warehouse), await states(warehouse)];
    await sell(warehouse, { '2025-07-02': 22 });
    const doubled = `${model().querySql.replace(/order by .*$/, '')} UNION ALL ${model().querySql}`;
    const twice = { ...model(), querySql: doubled, prunedSql: doubled };
    await expect(build(warehouse, twice, tomorrow)).rejects.toThrow(/[Dd]uplicate/);
    expect([await days(warehouse), await states(warehouse)]).toEqual(before);
  });

  test('whose query lacks the columns of its table is refused before it writes', async () => {
    const other = { ...model(), querySql: `SELECT DATE '2025-07-01' AS day, 1 AS total, now()::TIMESTAMP AS built_at` };
    await expect(build(warehouse, other)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: 'column 2 of the query of daily_totals is total INTEGER, but its table has total BIGINT',
    });
    expect(await days(warehouse)).toEqual([]);
  });
});

describe('a window', () => {
  test('limits what is rebuilt: changes outside it wait for a run that covers them', async () => {
    await build(warehouse, model(), today);
    await sell(warehouse, { '2025-07-01': 11, '2025-07-02': 21, '2025-07-03': 31, '2025-07-04': 41 });
    const within = window('2025-07-02', '2025-07-03');
    expect(await build(warehouse, model(), { ...tomorrow, ...within })).toMatchObject({ rows: 1, partitions: 1 });
    expect(await days(warehouse)).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-02', '21', '2025-07-11'],
      ['2025-07-03', '30', '2025-07-10'],
    ]);
    expect(await build(warehouse, model(), tomorrow)).toMatchObject({ rows: 3, partitions: 3 });
    expect((await days(warehouse)).map(([, total]) => total)).toEqual(['11', '21', '31', '41']);
  });

  test('keeps rows outside it, even if a changed var makes all of them dirty', async () => {
    await build(warehouse, model(), today);
    await build(warehouse, model(20), { ...tomorrow, ...window('2025-07-02', '2025-07-09') });
    expect(await days(warehouse)).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-02', '20', '2025-07-11'],
      ['2025-07-03', '30', '2025-07-11'],
    ]);
  });

  test('does not remove a partition outside it that its inputs no longer have', async () => {
    await build(warehouse, model(), today);
    await sell(warehouse, { '2025-07-01': 0, '2025-07-03': 0 });
    await build(warehouse, model(), { ...tomorrow, ...window('2025-07-02', '2025-07-09') });
    expect((await days(warehouse)).map(([day]) => day)).toEqual(['2025-07-01', '2025-07-02']);
  });

  test('in a first build includes only its days', async () => {
    await build(warehouse, model(), { ...today, ...window('2025-07-02', '2025-07-03') });
    expect((await days(warehouse)).map(([day]) => day)).toEqual(['2025-07-02']);
    expect((await states(warehouse)).map(([day]) => day)).toEqual(['2025-07-02']);
  });
});

describe('a model that reads itself', () => {
  const own = compileModel(sightings, schema);
  const seen = () => texts(warehouse, 'SELECT day, shop, amount, cast(first_seen as DATE) FROM sightings ORDER BY ALL');

  test('sees its previous rows in a partition that is replaced', async () => {
    expect(own).toMatchObject({ readsItself: true, reads: ['sales'] });
    await build(warehouse, own, today);
    await sell(warehouse, { '2025-07-02': 5 }, 'south');
    await build(warehouse, own, tomorrow);
    expect(await seen()).toEqual([
      ['2025-07-01', 'north', '10', '2025-07-10'],
      ['2025-07-02', 'north', '20', '2025-07-10'],
      ['2025-07-02', 'south', '5', '2025-07-11'],
      ['2025-07-03', 'north', '30', '2025-07-10'],
    ]);
  });

  test('sees them when everything is rebuilt', async () => {
    await build(warehouse, own, today);
    await sell(warehouse, { '2025-07-01': 11, '2025-07-02': 21, '2025-07-03': 31 });
    expect(await build(warehouse, own, tomorrow)).toMatchObject({ partitions: 3 });
    expect(await seen()).toEqual([
      ['2025-07-01', 'north', '11', '2025-07-10'],
      ['2025-07-02', 'north', '21', '2025-07-10'],
      ['2025-07-03', 'north', '31', '2025-07-10'],
    ]);
  });
});

describe('write, audit, publish (B13)', () => {
  const table = schema.daily_totals;
  const atMost = (max: number, severity: 'error' | 'warn' = 'error') =>
    compileTest(table, { type: 'range', column: 'total', max, name: `at_most_${max}`, severity });
  const results = () =>
    texts(
      warehouse,
      'SELECT run_id, test, status, value, threshold, rows_failed, tested_at FROM test_results ORDER BY ALL',
    );

  test.each([
    ['some partitions', { '2025-07-02': 99 }, 1],
    ['the whole table', { '2025-07-01': 11, '2025-07-02': 99, '2025-07-03': 31 }, 3],
  ])('a failing test rolls back rows and state of %s; the last good version stays', async (_, sales, partitions) => {
    await build(warehouse, model(), today);
    const before = [await days(warehouse), await states(warehouse), await definition()];
    await sell(warehouse, sales);
    const outcome = await build(warehouse, model(), { ...tomorrow, tests: [atMost(50)] });
    expect(outcome).toMatchObject({ status: 'error', rows: 0, partitions });
    expect([await days(warehouse), await states(warehouse), await definition()]).toEqual(before);
  });

  test('a failing test publishes nothing of a first build', async () => {
    expect(await build(warehouse, model(), { tests: [atMost(25)] })).toMatchObject({ status: 'error' });
    expect([await days(warehouse), await states(warehouse)]).toEqual([[], []]);
  });

  test('the result keeps a few failing rows to print and all of them in a file', async () => {
    const { tests } = await build(warehouse, model(), { ...today, tests: [atMost(15)] });
    const file = join(failuresDir(warehouse), 'at_most_15.csv');
    expect(tests).toMatchObject([{ status: 'error', value: 2, threshold: 0, rowsFailed: 2, failuresFile: file }]);
    expect(tests[0]?.examples).toMatchObject([{ day: new Date('2025-07-02'), total: 20n }, { total: 30n }]);
    expect(await results()).toEqual([['first', 'at_most_15', 'error', '2.0', '0.0', '2', '2025-07-10 09:00:00']]);
    expect(await readFile(file, 'utf8')).toBe(
      'total,day,built_at\n20,2025-07-02,2025-07-10 09:00:00\n30,2025-07-03,2025-07-10 09:00:00\n',
    );
  });

  test('once the cause is fixed, the next run publishes and removes the file of failing rows', async () => {
    await build(warehouse, model(), { ...today, tests: [atMost(25)] });
    await sell(warehouse, { '2025-07-03': 25 });
    expect(await build(warehouse, model(), { ...tomorrow, tests: [atMost(25)] })).toMatchObject({ status: 'pass' });
    expect((await days(warehouse)).map(([, total]) => total)).toEqual(['10', '20', '25']);
    expect(existsSync(join(failuresDir(warehouse), 'at_most_25.csv'))).toBe(false);
    expect((await results()).map(([run, , status]) => [run, status])).toEqual([
      ['first', 'error'],
      ['second', 'pass'],
    ]);
  });

  test('a test that only warns does not prevent publication', async () => {
    const outcome = await build(warehouse, model(), { ...today, tests: [atMost(25, 'warn')] });
    expect(outcome).toMatchObject({ status: 'pass', rows: 3, tests: [{ status: 'warn', rowsFailed: 1 }] });
    expect(await days(warehouse)).toHaveLength(3);
    expect((await results()).map(([, , status]) => status)).toEqual(['warn']);
  });

  test('every test keeps its result, and none that was rolled back counts as passed', async () => {
    const tests = [atMost(1000), atMost(25)];
    const first = await build(warehouse, model(), { ...today, tests });
    expect(first.tests.map(({ status }) => status)).toEqual(['pass', 'error']);
    const second = await build(warehouse, model(), { ...tomorrow, tests });
    expect(second.tests.map(({ status }) => status)).toEqual(['pass', 'error']);
    expect((await results()).map(([run, name, status]) => [run, name, status])).toEqual([
      ['first', 'at_most_1000', 'pass'],
      ['first', 'at_most_25', 'error'],
      ['second', 'at_most_1000', 'pass'],
      ['second', 'at_most_25', 'error'],
    ]);
  });

  test('a test sees the rows of its own transaction', async () => {
    await build(warehouse, model(), today);
    await sell(warehouse, { '2025-07-04': 40 });
    const count = compileTest(table, { type: 'row_count', min: 4 });
    expect(await build(warehouse, model(), { ...tomorrow, tests: [count] })).toMatchObject({
      status: 'pass',
      tests: [{ status: 'pass', value: 4, threshold: 4 }],
    });
  });

  test('statements of publication are part of the transaction', async () => {
    const publishing = { ...model(), publishedSql: ['UPDATE sales SET amount = amount + 1000'] };
    await build(warehouse, publishing, { tests: [atMost(25)] });
    expect(await texts(warehouse, 'SELECT max(amount) FROM sales')).toEqual([['30']]);
    await build(warehouse, publishing, { tests: [atMost(30)] });
    expect(await texts(warehouse, 'SELECT max(amount) FROM sales')).toEqual([['1030']]);
  });
});

describe('a test that passed', () => {
  const table = schema.daily_totals;
  const once = (where?: string) =>
    compileTest(table, { type: 'range', column: 'total', max: 50, name: 'small', ...(where && { where }) });
  const statusOf = async (options: Parameters<typeof build>[2]) =>
    (await build(warehouse, model(), options)).tests.map(({ status }) => status);

  test('is reused without a result while the tables that it reads are unchanged', async () => {
    expect(await statusOf({ ...today, tests: [once()] })).toEqual(['pass']);
    expect(await statusOf({ ...tomorrow, tests: [once()] })).toEqual(['reused']);
    expect(await texts(warehouse, 'SELECT run_id FROM test_results')).toEqual([['first']]);
  });

  test('runs again when rows or the test itself changed', async () => {
    await statusOf({ tests: [once()] });
    await sell(warehouse, { '2025-07-02': 21 });
    expect(await statusOf({ tests: [once()] })).toEqual(['pass']);
    expect(await statusOf({ tests: [once(`day > DATE '2025-07-01'`)] })).toEqual(['pass']);
    expect(await statusOf({ tests: [once(`day > DATE '2025-07-01'`)] })).toEqual(['reused']);
  });

  test('tests only the rows that a build replaces, or all rows if it has not passed on the others', async () => {
    await statusOf({ tests: [once()] });
    await warehouse.run(`UPDATE daily_totals SET total = 99 WHERE day = DATE '2025-07-01'`);
    await sell(warehouse, { '2025-07-02': 21 });
    expect(await statusOf({ tests: [once()] })).toEqual(['pass']);
    await sell(warehouse, { '2025-07-03': 60 });
    const both = once(`day < DATE '2025-07-09'`);
    const { tests } = await build(warehouse, model(), { tests: [once(), { ...both, name: 'never_run' }] });
    expect(tests.map(({ rowsFailed }) => rowsFailed)).toEqual([1, 2]);
    await sell(warehouse, { '2025-07-03': 30 });
    expect(await statusOf({ tests: [once()] })).toEqual(['reused']);
  });

  test('runs again at another time if it reads the clock', async () => {
    const fresh = compileTest(table, { type: 'freshness', column: 'day', error_after: 8 * 86_400_000 });
    expect(await statusOf({ ...today, tests: [fresh] })).toEqual(['pass']);
    expect(await statusOf({ ...today, tests: [fresh] })).toEqual(['reused']);
    expect(await statusOf({ ...tomorrow, tests: [fresh] })).toEqual(['error']);
  });

  test('is not reused once it has warned', async () => {
    const warns = compileTest(table, { type: 'range', column: 'total', max: 25, severity: 'warn' });
    expect(await statusOf({ tests: [warns] })).toEqual(['warn']);
    expect(await statusOf({ tests: [warns] })).toEqual(['warn']);
  });
});
