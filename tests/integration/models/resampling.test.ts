import { beforeAll, beforeEach, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { runTest } from '../../../engine/duckdb/run-test.ts';
import type { ModelContext } from '../../../engine/model.ts';
import type { Database } from '../../../models/schema.ts';
import resampling from '../../data/resampling.ts';
import { failuresDir, utc } from '../../support/engine.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});

/** Ten weeks of minutes from a Wednesday on, and the bars that they add up to. */
beforeEach(async () => {
  await bench.reset();
  const { warehouse } = bench;
  await warehouse.run(`INSERT INTO ohlcv SELECT 'BTCUSDT', '1m', 'spot', t, price, price + 0.3, price - 0.2, price + 0.1,
    0.1 + n % 7, t + INTERVAL '59.999 seconds', 10, n % 11, 1, 1, 'daily'
    FROM (SELECT n, 100 + sin(n) AS price, TIMESTAMP '2025-01-01' + to_minutes(n) AS t FROM range(100800) AS r(n))`);
  const lengths = {
    '5m': `time_bucket(INTERVAL 5 MINUTE, "timestamp")`,
    '1h': `date_trunc('hour', "timestamp")`,
    '3d': `time_bucket(INTERVAL 3 DAY, "timestamp", TIMESTAMP '2025-01-01')`,
    '1w': `date_trunc('week', "timestamp")`,
    '1mo': `date_trunc('month', "timestamp")`,
  };
  for (const [timeframe, bucket] of Object.entries(lengths)) {
    await warehouse.run(`INSERT INTO ohlcv SELECT 'BTCUSDT', '${timeframe}', 'spot', ${bucket} AS t,
      arg_min(open, "timestamp"), max(high), min(low), arg_max(close, "timestamp"), sum(volume::DECIMAL(18, 1))::VARCHAR::DOUBLE, max(close_time), 1,
      sum(number_of_trades), 1, 1, 'monthly' FROM ohlcv WHERE timeframe = '1m' GROUP BY t`);
  }
});

async function check(exceptions: readonly string[] = []) {
  const header = 'instrument_type,symbol,timeframe,date,reason';
  await bench.seed({ resampling_exceptions: [header, ...exceptions.map((exception) => `${exception},known`)] });
  const context = { db: createCompiler<Database>() } as unknown as ModelContext<Database>;
  const failures = compileSql(resampling.failures(context as never));
  const options = { runId: 'run', asOf: utc('2025-07-10T09:00'), failuresDir: failuresDir(bench.warehouse) };
  const compiled = {
    name: 'resampling',
    model: 'ohlcv',
    severity: 'warn',
    place: { file: 'pipeline.yaml', line: 1, column: 1 },
    sql: { failures },
    reads: ['ohlcv', 'resampling_exceptions'],
  } as const;
  const outcome = await runTest(bench.warehouse, compiled, options);
  return [outcome.rowsFailed, ...outcome.examples.map(({ timeframe }) => timeframe)];
}

test('bars that are the sum of their minutes pass, on every calendar (B18)', async () => {
  expect(await check()).toEqual([0]);
});

test.each([
  ['open', '5m'],
  ['high', '1h'],
  ['low', '3d'],
  ['close', '1w'],
  ['volume', '1mo'],
  ['number_of_trades', '1h'],
])('a different %s is found in a bar of %s', async (column, timeframe) => {
  await bench.warehouse.run(`UPDATE ohlcv SET ${column} = ${column} + 1 WHERE timeframe = '${timeframe}'
    AND "timestamp" = (SELECT min("timestamp") FROM ohlcv WHERE timeframe = '${timeframe}' AND "timestamp" >= '2025-01-06')`);
  const [failed, found] = await check();
  // The first whole month is February, whose bar is the one that was changed.
  expect([failed, found]).toEqual([1, timeframe]);
});

test('B32: a volume that differs in its last bit is found', async () => {
  const { warehouse } = bench;
  await warehouse.run(`UPDATE ohlcv SET volume = (SELECT sum(volume ORDER BY "timestamp") FROM ohlcv WHERE timeframe = '1m'
    AND "timestamp" >= '2025-01-09 05:00:00' AND "timestamp" < '2025-01-09 06:00:00')
    WHERE timeframe = '1h' AND "timestamp" = '2025-01-09 05:00:00'`);
  expect(await check()).toEqual([1, '1h']);
});

test('a known exception is left out by its pattern', async () => {
  await bench.warehouse.run(
    `UPDATE ohlcv SET close = 1 WHERE timeframe = '1h' AND "timestamp" = '2025-01-09 05:00:00'`,
  );
  expect(await check()).toEqual([1, '1h']);
  expect(await check(['spot,*,1h,2025-01-09'])).toEqual([0]);
  for (const other of ['futures-um,*,*,2025-01-09', 'spot,ETH*,*,2025-01-09', 'spot,*,*,2025-01-10'])
    expect(await check([other])).toEqual([1, '1h']);
});

test('bars with a missing minute are not tested', async () => {
  await bench.warehouse.run(`DELETE FROM ohlcv WHERE timeframe = '1m' AND "timestamp" = '2025-01-09 05:07:00'`);
  expect(await check()).toEqual([0]);
});
