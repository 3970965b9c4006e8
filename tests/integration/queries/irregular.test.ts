import { expect, test } from 'vitest';
import { irregular, openWarehouse } from '../../../queries/index.ts';
import { archive, openWorkbench } from '../models/workbench.ts';

const openTime = Date.parse('2020-12-21T14:00:00Z');
const hour = 3_600_000;

test('A9: bars with a far-off close time are stored as published, and listed', async () => {
  const closes: Readonly<Record<string, number>> = {
    AUSDT: openTime + hour - 1,
    BUSDT: openTime + hour,
    CUSDT: openTime,
    DUSDT: openTime - 759_479,
    EUSDT: openTime + hour + 1,
    FUSDT: 0,
    GUSDT: -5,
    HUSDT: 9_007_199_254_740_991,
  };
  await using bench = await openWorkbench();
  const listed = (symbol: string) => ({ symbol, period: '2020-12', timeframe: '1h', market: 'spot' }) as const;
  const lines = Object.entries(closes).map(([symbol, closeTime]): [string, string[]] => [
    archive(listed(symbol)).key,
    [`${openTime},2,2.5,1.5,2.1,0,${closeTime},0,0,0,0,0`],
  ]);
  await bench.stage(...Object.keys(closes).map(listed));
  const { source, rejected } = bench.source(Object.fromEntries(lines));
  await bench.build('ohlcv', { source, tests: await bench.tests('ohlcv') });
  expect(rejected).toEqual({});
  expect(await bench.texts('SELECT count(*) FROM ohlcv')).toEqual([['8']]);
  await bench.warehouse[Symbol.asyncDispose]();

  await using warehouse = await openWarehouse({ file: bench.warehouse.file });
  const rows = await warehouse.rows(irregular, {});
  expect(rows.map(({ symbol, timestamp, close_time }) => [symbol, timestamp.getTime(), close_time.getTime()])).toEqual([
    ['DUSDT', openTime, openTime - 759_479],
    ['EUSDT', openTime, openTime + hour + 1],
    ['FUSDT', openTime, 0],
    ['GUSDT', openTime, -5],
    // 16 digits are µs (A2).
    ['HUSDT', openTime, 9_007_199_254_740],
  ]);
});

test('A9: a month may have 31 days, a week seven, and no more', async () => {
  await using bench = await openWorkbench();
  const day = 86_400_000;
  const bars = [
    ['AUSDT', '1mo', 31 * day],
    ['BUSDT', '1mo', 32 * day],
    ['CUSDT', '1w', 7 * day],
    ['DUSDT', '1w', 8 * day],
    ['EUSDT', '3d', 3 * day],
    ['FUSDT', '3d', 4 * day],
  ] as const;
  const start = Date.parse('2025-05-01');
  for (const [symbol, timeframe, length] of bars) {
    await bench.warehouse.run(`INSERT INTO ohlcv VALUES ('${symbol}', '${timeframe}', 'spot', epoch_ms(${start}), 1, 1, 1, 1, 0,
      epoch_ms(${start + length}), 0, 0, 0, 0, 'monthly')`);
  }
  await bench.warehouse[Symbol.asyncDispose]();
  await using warehouse = await openWarehouse({ file: bench.warehouse.file });
  expect((await warehouse.rows(irregular, {})).map(({ symbol }) => symbol)).toEqual(['BUSDT', 'DUSDT', 'FUSDT']);
});
