import { beforeEach, describe, expect, test } from 'vitest';
import type { CompiledModel } from '../../../engine/duckdb/compiled-model.ts';
import { isUpToDate, recordUpToDate, type UpToDate } from '../../../engine/duckdb/up-to-date.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { build, compileModel, compileTest, createWarehouse, texts, utc } from '../../support/engine.ts';
import { dailyTotals, schema, sell } from './shop.ts';

const model = (atLeast = 1): CompiledModel => compileModel(dailyTotals, schema, { at_least: atLeast });
const positive = (min = 1) => compileTest(schema.daily_totals, { type: 'range', column: 'total', min });
const fresh = () => compileTest(schema.daily_totals, { type: 'freshness', column: 'day', warn_after: 86_400_000 });
const whole = (changes: Partial<UpToDate> = {}): UpToDate => ({
  ...{ model: model(), tests: [positive(), fresh()], asOf: utc('2025-07-10T09:00') },
  ...changes,
});

let warehouse: Warehouse;
const setState = (table: string, digest: string) =>
  warehouse.run(
    `INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('${table}', 'p', '${digest}', 'run')`,
  );

beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  await sell(warehouse, { '2025-07-01': 10, '2025-07-02': 20 });
  await build(warehouse, model());
  return () => warehouse[Symbol.asyncDispose]();
});

describe('a model', () => {
  test('is not up to date before that is recorded', async () => {
    expect(await isUpToDate(warehouse, whole())).toBe(false);
  });

  test('stays up to date while nothing changes, whatever the time', async () => {
    await recordUpToDate(warehouse, whole(), 'run');
    expect(await isUpToDate(warehouse, whole())).toBe(true);
    expect(await isUpToDate(warehouse, whole({ asOf: utc('2025-07-11T09:00') }))).toBe(true);
    await setState('of another model', 'a');
    expect(await isUpToDate(warehouse, whole())).toBe(true);
  });

  test.each([
    ['what it reads', () => setState('sales', 'a')],
    ['what it is built from', () => setState('daily_totals', 'a')],
    [
      'the digest of what it was built from, by --full-refresh',
      () => warehouse.run(`UPDATE partition_state SET input_digest = '' WHERE model = 'daily_totals'`),
    ],
    [
      'its own state, which was deleted',
      () => warehouse.run(`DELETE FROM partition_state WHERE model = 'daily_totals'`),
    ],
  ])('is checked again after a change of %s', async (_what, change) => {
    await recordUpToDate(warehouse, whole(), 'run');
    await change();
    expect(await isUpToDate(warehouse, whole())).toBe(false);
  });

  test.each([
    ['a var', { model: model(2) }],
    ['is checked again after a change of %s', { tests: [positive(2), fresh()] }],
    ['the severity of a test', { tests: [{ ...positive(), severity: 'warn' as const }, fresh()] }],
    ['the number of tests', { tests: [positive(), positive(3), fresh()] }],
  ])('is looked at again with another value of %s', async (_what, change) => {
    await recordUpToDate(warehouse, whole(), 'run');
    expect(await isUpToDate(warehouse, whole(change))).toBe(false);
  });

  test('is looked at again at another time where the clock may decide which rows there are', async () => {
    const clocked = { ...model(), readsClock: true };
    await recordUpToDate(warehouse, whole({ model: clocked }), 'run');
    expect(await isUpToDate(warehouse, whole({ model: clocked }))).toBe(true);
    expect(await isUpToDate(warehouse, whole({ model: clocked, asOf: utc('2025-07-11T09:00') }))).toBe(false);
  });
});

describe('a build of a model that is up to date', () => {
  const upToDate = { upToDate: true, tests: [positive(), fresh()] };

  test('runs only the tests that read the clock', async () => {
    const outcome = await build(warehouse, model(), { ...upToDate, asOf: utc('2025-07-02T12:00') });
    expect(outcome).toMatchObject({ status: 'reused', rows: 0, partitions: 0 });
    expect(outcome.tests.map(({ status }) => status)).toEqual(['reused', 'pass']);
    const late = await build(warehouse, model(), { ...upToDate, asOf: utc('2025-07-20T12:00') });
    expect(late.tests.map(({ status }) => status)).toEqual(['reused', 'warn']);
    expect(await texts(warehouse, 'SELECT test, status FROM test_results ORDER BY ALL')).toEqual([
      [fresh().name, 'pass'],
      [fresh().name, 'warn'],
    ]);
  });
});
