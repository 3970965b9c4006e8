import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readCsv } from '../../support/rows.ts';
import { describeShared, sharedPath } from '../../support/shared.ts';
import { days, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});

const listDays = (symbol: string, ...periods: readonly string[]) =>
  bench.list(...periods.map((period) => ({ symbol, period })));
const columnsOf = async (columns: string, options: Parameters<Workbench['build']>[1] = {}) => {
  await bench.build('symbols', options);
  return bench.texts(`SELECT ${columns} FROM symbols ORDER BY instrument_type, symbol`);
};

describe('the parts of a name (A22, A23)', () => {
  const names: readonly (readonly [string, string | null, string | null, string])[] = [
    ['BTCUSDT', 'BTC', 'USDT', 'perpetual'],
    ['1000PEPEUSDT', '1000PEPE', 'USDT', 'perpetual'],
    ['4USDT', '4', 'USDT', 'perpetual'],
    ['币安人生USDT', '币安人生', 'USDT', 'perpetual'],
    ['BTCUSDT_260327', 'BTC', 'USDT', 'delivery'],
    ['BTCUSD_PERP', 'BTC', 'USD', 'perpetual'],
    ['AERGOUSDTSETTLED', 'AERGO', 'USDT', 'settled'],
    ['AERGOUSDTSETTLEDSETTLED', 'AERGO', 'USDT', 'settled'],
    ['ICPUSDT_SETTLED', 'ICP', 'USDT', 'settled'],
    ['BTCUSDT_260327SETTLED', 'BTC', 'USDT', 'settled'],
    ['ICPUSDT_SETTLED1', 'ICP', 'USDT', 'settled'],
    ['ICPUSDTSETTLED2SETTLED13', 'ICP', 'USDT', 'settled'],
    ['ETHBTC', 'ETH', 'BTC', 'perpetual'],
    ['BTCUSD1', 'BTC', 'USD1', 'perpetual'],
    ['BTCU', 'BTC', 'U', 'perpetual'],
    ['BUSDUSDT', 'BUSD', 'USDT', 'perpetual'],
    ['FOOBAR', null, null, 'perpetual'],
    ['USDT', null, null, 'perpetual'],
  ];
  beforeAll(async () => {
    await bench.reset();
    await bench.list(...names.map(([symbol]) => ({ symbol, period: '2025-07-01' })));
    await bench.build('symbols');
  });

  test.each(names)('%s is %s in %s, %s', async (...name) => {
    const row = `SELECT symbol, base_asset, quote_asset, contract_type FROM symbols WHERE symbol = '${name[0]}'`;
    expect(await bench.texts(row)).toEqual([name]);
  });
});

describe('the table of symbols', () => {
  beforeEach(() => bench.reset());

  test('has the longest known quote asset that fits, whatever the order of the seed', async () => {
    await listDays('XUSDT', '2025-07-01');
    for (const known of [
      ['T', 'SDT', 'USDT'],
      ['USDT', 'SDT', 'T'],
    ]) {
      await bench.seed({ known_quote_assets: ['asset', ...known] });
      expect(await columnsOf('base_asset, quote_asset')).toEqual([['X', 'USDT']]);
    }
  });

  test('a spot symbol is spot, and the same ticker in two markets is two rows (B5)', async () => {
    await bench.list(
      { symbol: 'BTCUSDT', period: '2025-07-01', market: 'spot' },
      { symbol: 'BTCUSDT', period: '2025-07-02' },
    );
    expect(await columnsOf('instrument_type, contract_type, first_date')).toEqual([
      ['futures-um', 'perpetual', '2025-07-02'],
      ['spot', 'spot', '2025-07-01'],
    ]);
  });

  test('is built anew where the listing, a trade or a seed changed, and only then', async () => {
    await listDays('A', '2025-07-01');
    const status = async () => (await bench.build('symbols')).status;
    expect([await status(), await status()]).toEqual(['pass', 'reused']);
    await bench.list({ symbol: 'A', period: '2025-07-01', size: 999 });
    expect(await status()).toBe('reused');
    await listDays('A', '2025-07-02');
    expect(await status()).toBe('pass');
    await bench.trade({ symbol: 'A', date: '2025-07-02' });
    expect(await status()).toBe('pass');
    await bench.seed({ known_quote_assets: ['asset', 'A'] });
    expect(await status()).toBe('pass');
    await bench.seed({ known_quote_assets: ['asset', 'A'], symbol_exceptions: ['name,base_asset,quote_asset'] });
    expect(await status()).toBe('pass');
  });

  test('has no symbol that is no longer listed', async () => {
    await listDays('A', '2025-07-01');
    await listDays('B', '2025-07-01');
    await columnsOf('symbol');
    await bench.unlist({ symbol: 'A', period: '2025-07-01' });
    expect(await columnsOf('symbol')).toEqual([['B']]);
  });
});

describe('the life of a symbol', () => {
  beforeEach(() => bench.reset());

  test('lasts from its first listed day to its last, in any timeframe', async () => {
    await bench.list(
      { symbol: 'A', period: '2025-07-03', timeframe: '1m' },
      { symbol: 'A', period: '2025-07-01' },
      { symbol: 'A', period: '2025-07-02' },
    );
    expect(await columnsOf('first_date, last_date, spells')).toEqual([['2025-07-01', '2025-07-03', '1']]);
  });

  test('is determined by daily archives if there are any, since a month names no day', async () => {
    await bench.list(
      { symbol: 'A', period: '2025-06' },
      { symbol: 'A', period: '2025-06-10' },
      { symbol: 'A', period: '2025-06-12' },
    );
    expect(await columnsOf('first_date, last_date, spells')).toEqual([['2025-06-10', '2025-06-12', '1']]);
  });

  test('is determined by months if there is nothing else, up to the last day of the last month', async () => {
    await bench.list(
      { symbol: 'A', period: '2024-01' },
      { symbol: 'A', period: '2024-02' },
      { symbol: 'B', period: '2024-01' },
      { symbol: 'B', period: '2024-03' },
    );
    expect(await columnsOf('symbol, first_date, last_date, spells')).toEqual([
      ['A', '2024-01-01', '2024-02-29', '1'],
      ['B', '2024-01-01', '2024-03-31', '2'],
    ]);
  });

  test('has a new spell after a hole of more than 7 days, but not after 7 (A24)', async () => {
    await listDays('SEVEN', '2025-07-01', '2025-07-09');
    await listDays('EIGHT', '2025-07-01', '2025-07-10');
    await listDays('LUNAUSDT', ...days('2022-05-01', 13), ...days('2022-05-30', 3), '2022-07-01');
    expect(await columnsOf('symbol, spells')).toEqual([
      ['EIGHT', '2'],
      ['LUNAUSDT', '3'],
      ['SEVEN', '1'],
    ]);
  });

  test('has its last traded day at the last bar with a trade; flat bars do not count (A13)', async () => {
    await listDays('A', '2025-07-01');
    await listDays('B', '2025-07-01');
    await bench.trade(
      { symbol: 'A', date: '2025-07-01', trades: 5 },
      { symbol: 'A', date: '2025-07-02', trades: 1 },
      { symbol: 'A', date: '2025-07-03', trades: 0 },
      { symbol: 'B', date: '2025-07-01', trades: 0 },
    );
    expect(await columnsOf('symbol, last_traded_date')).toEqual([
      ['A', '2025-07-02'],
      ['B', null],
    ]);
  });
});

describeShared('the 1,007 names of the USD-M tree', () => {
  test('are read as in the expected CSV (A22, A23)', async () => {
    const { columns, rows } = await readCsv(sharedPath('real-archive/expected-symbols.csv'));
    expect(rows).toHaveLength(1_007);
    await bench.reset();
    await bench.list(...rows.map(([symbol = '']) => ({ symbol, period: '2025-07-01' })));
    await bench.build('symbols');
    const built = await bench.texts(`SELECT ${columns.join(', ')} FROM symbols ORDER BY symbol`);
    const expected = rows.map((row) => row.map((text) => (text === '' ? null : text)));
    expect(new Map(built.map((row) => [row[0], row]))).toEqual(new Map(expected.map((row) => [row[0], row])));
  });
});
