import { beforeEach, expect, test } from 'vitest';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { build, compileModel, createWarehouse, texts } from '../../support/engine.ts';
import { dailyTotals, schema, sell } from '../engine/shop.ts';

/** A table with rows from an earlier version: no state records them, and no input is left to build them from. */
let warehouse: Warehouse;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  await sell(warehouse, { '2025-07-01': 10, '2025-07-02': 20 });
  await warehouse.run(`INSERT INTO daily_totals VALUES ('2020-01-01', 7, now()), ('2025-07-01', 99, now())`);
  return () => warehouse[Symbol.asyncDispose]();
});

const model = (atLeast: number) => compileModel(dailyTotals, schema, { at_least: atLeast });
const totals = () => texts(warehouse, 'SELECT day, total FROM daily_totals ORDER BY day');
const kept = ['2020-01-01', '7'];

test('the first build replaces the rows that it can build and keeps the others', async () => {
  await build(warehouse, model(1));
  expect(await totals()).toEqual([kept, ['2025-07-01', '10'], ['2025-07-02', '20']]);
});

test('so do a build of a range and a build of everything', async () => {
  await build(warehouse, model(1), { window: { start: new Date('2025-07-02'), end: new Date('2025-07-03') } });
  expect(await totals()).toEqual([kept, ['2025-07-01', '99'], ['2025-07-02', '20']]);
  await build(warehouse, model(1));
  await build(warehouse, model(15));
  expect(await totals()).toEqual([kept, ['2025-07-02', '20']]);
});
