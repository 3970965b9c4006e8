import { beforeAll, beforeEach, expect, test } from 'vitest';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

const columns = 'base_volume, quote_volume, taker_buy_base_volume, taker_buy_quote_volume';
/** Volume 20 (taker 8) and turnover 3 (taker 1), as published. */
async function units(market: string, symbol: string) {
  await bench.warehouse.run(`INSERT INTO ohlcv VALUES ('${symbol}', '1d', '${market}', '2025-06-01', 1, 1, 1, 1, 20,
    '2025-06-01 23:59:59', 3, 5, 8, 1, 'daily')`);
  await bench.build('ohlcv_units');
  return bench.texts(`SELECT ${columns} FROM ohlcv_units WHERE symbol = '${symbol}'`);
}

test('spot and USD-M volumes stay as published', async () => {
  expect(await units('spot', 'BTCUSDT')).toEqual([['20.0', '3.0', '8.0', '1.0']]);
  expect(await units('futures-um', 'BTCUSD_PERP')).toEqual([['20.0', '3.0', '8.0', '1.0']]);
});

test.each([
  ['BTCUSD_PERP', '2000.0', '800.0'],
  ['BTCUSD_250926', '2000.0', '800.0'],
  ['ETHUSD_PERP', '200.0', '80.0'],
])('A4: %s counts base asset, and contracts of its size', async (symbol, quote, takerQuote) => {
  expect(await units('futures-cm', symbol)).toEqual([['3.0', quote, '1.0', takerQuote]]);
});

test('sizes are a seed, and the view follows it', async () => {
  await bench.seed({ contract_sizes: ['pair,contract_size', 'XRPUSD,2.5'] });
  expect(await units('futures-cm', 'XRPUSD_PERP')).toEqual([['3.0', '50.0', '1.0', '20.0']]);
  await bench.seed({ contract_sizes: ['pair,contract_size', 'XRPUSD,5'] });
  expect((await bench.build('ohlcv_units')).status).toBe('pass');
  expect(await bench.texts('SELECT quote_volume FROM ohlcv_units')).toEqual([['100.0']]);
});

test('rows appear and disappear with those of ohlcv', async () => {
  await units('spot', 'BTCUSDT');
  await bench.warehouse.run('TRUNCATE ohlcv');
  expect(await bench.texts('SELECT count(*) FROM ohlcv_units')).toEqual([['0']]);
});
