import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { schema } from '../../../models/schema.ts';
import { utc } from '../../support/engine.ts';
import { days, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

/** Lists the daily 1m archives of these days. */
const available = (symbol: string, ...periods: readonly string[]) =>
  bench.list(...periods.map((period) => ({ symbol, period, timeframe: '1m' })));
type Options = Parameters<Workbench['build']>[1];
const refresh = async (options: Options = {}) => {
  await bench.build('symbols', { vars: options.vars ?? {} });
  return bench.build('daily_availability', options);
};
const rows = (columns: string, where = 'true') =>
  bench.texts(`SELECT ${columns} FROM daily_availability WHERE ${where} ORDER BY symbol, date`);
const figures = Object.keys(schema.daily_availability.columns).slice(8).join(', ');

describe('rows', () => {
  test('run from the first listed day to the last, including days without an archive', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-02', '2025-07-05');
    await available('BUSDT', '2025-07-03', '2025-07-05');
    expect(await refresh()).toMatchObject({ status: 'pass', rows: 8, partitions: 5 });
    expect(await rows('symbol, date, available')).toEqual([
      ['AUSDT', '2025-07-01', 'true'],
      ['AUSDT', '2025-07-02', 'true'],
      ['AUSDT', '2025-07-03', 'false'],
      ['AUSDT', '2025-07-04', 'false'],
      ['AUSDT', '2025-07-05', 'true'],
      ['BUSDT', '2025-07-03', 'true'],
      ['BUSDT', '2025-07-04', 'false'],
      ['BUSDT', '2025-07-05', 'true'],
    ]);
  });

  test('continue for grace_days while a symbol stays away, but not past the last published day', async () => {
    await available('GONEUSDT', '2025-05-01');
    await available('LATEUSDT', '2025-06-08');
    await available('HEREUSDT', '2025-06-09', '2025-06-10');
    const last = async (graceDays?: number) => {
      await refresh(graceDays === undefined ? {} : { vars: { grace_days: graceDays } });
      return bench.texts('SELECT symbol, max(date) FROM daily_availability GROUP BY symbol ORDER BY symbol');
    };
    expect(await last()).toEqual([
      ['GONEUSDT', '2025-05-31'],
      ['HEREUSDT', '2025-06-10'],
      ['LATEUSDT', '2025-06-10'],
    ]);
    expect(await last(1)).toEqual([
      ['GONEUSDT', '2025-05-02'],
      ['HEREUSDT', '2025-06-10'],
      ['LATEUSDT', '2025-06-09'],
    ]);
    expect(await last(0)).toEqual([
      ['GONEUSDT', '2025-05-01'],
      ['HEREUSDT', '2025-06-10'],
      ['LATEUSDT', '2025-06-08'],
    ]);
  });

  test('of a symbol that comes back fill the days of its absence (A24)', async () => {
    await available('LUNAUSDT', '2022-05-01', '2022-08-01');
    await refresh();
    expect(await bench.texts('SELECT count(*), count_if(available) FROM daily_availability')).toEqual([['93', '2']]);
  });

  test('are of USD-M only, and only the daily tree at the availability timeframe counts as listed (B5)', async () => {
    await bench.list(
      { symbol: 'AUSDT', period: '2025-07-01', timeframe: '1m' },
      { symbol: 'AUSDT', period: '2025-07-02', timeframe: '1d' },
      { symbol: 'AUSDT', period: '2025-07', timeframe: '1m' },
      { symbol: 'AUSDT', period: '2025-07-03', timeframe: '1m', market: 'spot' },
      { symbol: 'BUSDT', period: '2025-07-01', timeframe: '1m', market: 'futures/cm' },
    );
    await refresh();
    expect(await rows('symbol, date')).toEqual([['AUSDT', '2025-07-01']]);
    await refresh({ vars: { availability_timeframe: '1d' } });
    expect(await rows('symbol, date')).toEqual([['AUSDT', '2025-07-02']]);
  });
});

describe('the archive of a row', () => {
  test('has size, time, URL and 200 if it is listed, otherwise 404, NULLs and the URL where it would be', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-03');
    await bench.list({
      symbol: 'AUSDT',
      period: '2025-07-01',
      timeframe: '1m',
      size: 71_234,
      modified: '2025-07-02 08:36:07',
    });
    await refresh({ asOf: utc('2025-07-04T09:00') });
    const url = (day: string) =>
      `https://data.binance.vision/data/futures/um/daily/klines/AUSDT/1m/AUSDT-1m-2025-07-0${day}.zip`;
    expect(
      await rows('available, file_size_bytes, last_modified, url, status_code, probe_timestamp', "date < '2025-07-03'"),
    ).toEqual([
      ['true', '71234', '2025-07-02 08:36:07', url('1'), '200', '2025-07-04 09:00:00'],
      ['false', null, null, url('2'), '404', '2025-07-04 09:00:00'],
    ]);
  });

  test('has a URL of percent-encoded UTF-8 (A22)', async () => {
    for (const symbol of ['币安人生USDT', '1000PEPEUSDT', 'BTCUSDT_260327']) await available(symbol, '2025-07-01');
    await refresh();
    for (const [symbol = '', url] of await rows('symbol, url')) {
      const name = encodeURIComponent(symbol ?? '');
      expect(url).toBe(`https://data.binance.vision/data/futures/um/daily/klines/${name}/1m/${name}-1m-2025-07-01.zip`);
    }
  });
});

describe('the nine figures', () => {
  test('are those of the 1d bar', async () => {
    await available('AUSDT', '2025-07-01');
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-01', quoteVolume: 1000, trades: 7 });
    await refresh();
    expect(await rows(figures)).toEqual([['1000.0', '7', '500.0', '250.0', '500.0', '2.0', '2.5', '1.5', '2.0']]);
  });

  test('are NULL if the archive is listed and there is no bar', async () => {
    await available('AUSDT', '2025-07-01');
    await refresh();
    expect(await rows(`available, ${figures}`)).toEqual([['true', ...Array(9).fill(null)]]);
  });

  test('exist if there is a bar, even if the archive is not listed', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-03');
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-02', quoteVolume: 50 });
    await refresh();
    expect(await rows('status_code, quote_volume_usdt', "date = '2025-07-02'")).toEqual([['404', '50.0']]);
  });

  test('of a bar outside the days of its symbol make no row', async () => {
    await available('AUSDT', '2025-07-02');
    await available('BUSDT', '2025-07-03');
    await bench.trade(...['2025-07-01', '2025-07-05'].map((date) => ({ symbol: 'AUSDT', date })));
    await bench.trade({ symbol: 'ZUSDT', date: '2025-07-02' });
    await refresh();
    expect(await rows('symbol, date')).toEqual([
      ['AUSDT', '2025-07-02'],
      ['AUSDT', '2025-07-03'],
      ['BUSDT', '2025-07-03'],
    ]);
  });

  test('come from no other timeframe or market (B5)', async () => {
    await available('AUSDT', '2025-07-01');
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-01', quoteVolume: 10 });
    await bench.warehouse.run(`INSERT INTO ohlcv SELECT * REPLACE ('1h' AS timeframe, 99 AS quote_asset_volume) FROM ohlcv
      UNION ALL SELECT * REPLACE ('spot' AS instrument_type, 98 AS quote_asset_volume) FROM ohlcv`);
    await refresh();
    expect(await rows('quote_volume_usdt')).toEqual([['10.0']]);
  });

  test('in dollars are NULL unless the quote asset is a dollar at par (A23)', async () => {
    for (const symbol of ['AUSDT', 'AUSDC', 'ETHBTC', 'FOOBAR']) {
      await available(symbol, '2025-07-01');
      await bench.trade({ symbol, date: '2025-07-01', quoteVolume: 100 });
    }
    const dollars = async (options: Options = {}) => {
      await refresh(options);
      return rows('symbol, quote_volume_usdt, taker_buy_quote_volume_usdt');
    };
    expect(await dollars()).toEqual([
      ['AUSDC', '100.0', '50.0'],
      ['AUSDT', '100.0', '50.0'],
      ['ETHBTC', null, null],
      ['FOOBAR', null, null],
    ]);
    expect(await rows('trade_count, volume_base, taker_buy_volume_base, close_price', "symbol = 'ETHBTC'")).toEqual([
      ['10', '50.0', '25.0', '2.0'],
    ]);
    expect(await dollars({ vars: { usd_quote_assets: ['BTC'] } })).toEqual([
      ['AUSDC', null, null],
      ['AUSDT', null, null],
      ['ETHBTC', '100.0', '50.0'],
      ['FOOBAR', null, null],
    ]);
  });
});

describe('probe_timestamp', () => {
  const probes = () => rows("strftime(probe_timestamp, '%d')");
  const on = (day: number): Options => ({ asOf: utc(`2025-07-${day}T09:00`) });

  test('is the as-of of the run that first saw the state, however often the row is rebuilt', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-03');
    await refresh(on(10));
    await bench.trade(...days('2025-07-01', 3).map((date) => ({ symbol: 'AUSDT', date })));
    expect(await refresh(on(11))).toMatchObject({ partitions: 3 });
    expect(await probes()).toEqual([['10'], ['10'], ['10']]);
    await bench.warehouse.run(`UPDATE partition_state SET input_digest = ''`);
    expect(await refresh(on(12))).toMatchObject({ partitions: 3 });
    expect(await probes()).toEqual([['10'], ['10'], ['10']]);
  });

  test('changes for an archive that appeared, disappeared or was re-issued (A16, A18, A21)', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-02', '2025-07-04');
    await refresh(on(10));
    await bench.list({ symbol: 'AUSDT', period: '2025-07-01', timeframe: '1m', modified: '2025-07-10 12:00:00' });
    await bench.unlist({ symbol: 'AUSDT', period: '2025-07-02', timeframe: '1m' });
    await available('AUSDT', '2025-07-03');
    await refresh(on(11));
    expect(await probes()).toEqual([['11'], ['11'], ['11'], ['10']]);
    expect(await rows('status_code')).toEqual([['200'], ['404'], ['200'], ['200']]);
  });
});

describe('collect_volume: false', () => {
  const without: Options = { vars: { collect_volume: false } };

  test('builds availability from listings alone', async () => {
    await available('AUSDT', '2025-07-01');
    await refresh(without);
    expect(await rows(`available, ${figures}`)).toEqual([['true', ...Array(9).fill(null)]]);
  });

  test('leaves stored figures as they are, whatever happens to the listing (B1)', async () => {
    await available('AUSDT', '2025-07-01', '2025-07-02');
    await bench.trade(
      { symbol: 'AUSDT', date: '2025-07-01', quoteVolume: 10 },
      { symbol: 'AUSDT', date: '2025-07-02', quoteVolume: 20 },
    );
    await refresh();
    await bench.list({ symbol: 'AUSDT', period: '2025-07-01', timeframe: '1m', size: 999 });
    await bench.unlist({ symbol: 'AUSDT', period: '2025-07-02', timeframe: '1m' });
    await available('AUSDT', '2025-07-03');
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-01', quoteVolume: 11 });
    for (const options of [without, without]) await refresh(options);
    expect(await rows('date, status_code, file_size_bytes, quote_volume_usdt, trade_count')).toEqual([
      ['2025-07-01', '200', '999', '10.0', '10'],
      ['2025-07-02', '404', null, '20.0', '10'],
      ['2025-07-03', '200', '300', null, null],
    ]);
  });

  test('is caught up by a run that collects', async () => {
    await available('AUSDT', '2025-07-01');
    await refresh(without);
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-01', quoteVolume: 10 });
    await refresh();
    expect(await rows('quote_volume_usdt')).toEqual([['10.0']]);
  });
});

describe('a day is rebuilt', () => {
  beforeEach(async () => {
    await available('AUSDT', ...days('2025-06-01', 40));
    await available('BUSDT', ...days('2025-06-01', 40));
    await bench.trade(...days('2025-06-01', 40).map((date) => ({ symbol: 'AUSDT', date })));
    await refresh();
  });

  test('if its inputs changed, and no other day is', async () => {
    expect(await refresh()).toMatchObject({ status: 'reused' });
    await bench.trade({ symbol: 'BUSDT', date: '2025-06-02', quoteVolume: 7 });
    expect(await refresh()).toMatchObject({ partitions: 1, rows: 2 });
    await bench.list({ symbol: 'BUSDT', period: '2025-06-05', timeframe: '1m', size: 5 });
    expect(await refresh()).toMatchObject({ partitions: 1, rows: 2 });
    expect(
      await rows(
        'date, quote_volume_usdt, file_size_bytes',
        "symbol = 'BUSDT' AND (quote_volume_usdt > 0 OR file_size_bytes < 9)",
      ),
    ).toEqual([
      ['2025-06-02', '7.0', '300'],
      ['2025-06-05', null, '5'],
    ]);
  });

  test('only within a window, and the rows outside stay as they are', async () => {
    await available('AUSDT', '2025-07-11', '2025-07-12');
    await bench.trade(
      { symbol: 'AUSDT', date: '2025-06-01', quoteVolume: 8 },
      { symbol: 'AUSDT', date: '2025-06-02', quoteVolume: 9 },
    );
    const window = { start: utc('2025-06-02T00:00'), end: utc('2025-07-12T00:00') };
    await refresh({ window });
    expect(
      await rows('date, quote_volume_usdt', "symbol = 'AUSDT' AND (date < '2025-06-04' OR date > '2025-07-09')"),
    ).toEqual([
      ['2025-06-01', '100.0'],
      ['2025-06-02', '9.0'],
      ['2025-06-03', '100.0'],
      ['2025-07-10', '100.0'],
      ['2025-07-11', null],
    ]);
  });

  test('even if its symbol is no longer listed at all: its rows are removed', async () => {
    for (const period of days('2025-06-01', 40)) await bench.unlist({ symbol: 'BUSDT', period, timeframe: '1m' });
    await refresh();
    expect(await bench.texts('SELECT DISTINCT symbol FROM daily_availability')).toEqual([['AUSDT']]);
  });
});
