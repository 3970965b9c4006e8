import { beforeAll, describe, expect, test } from 'vitest';
import { openWarehouse as openDatabase } from '../../../engine/duckdb/warehouse.ts';
import { type Timeframe, timeframes } from '../../../exchange/timeframes.ts';
import {
  type Bar,
  getOhlcv,
  getOhlcvColumns,
  type OhlcvRequest,
  ohlcv,
  openWarehouse,
  type ResampledBar,
} from '../../../queries/index.ts';
import { writeWarehouse } from './fixture.ts';

const day = 86_400_000;

describe('getOhlcv', () => {
  let file: string;
  beforeAll(async () => {
    ({ file } = await writeWarehouse());
  });

  const january = (request: Partial<OhlcvRequest> = {}) =>
    ({ symbol: 'BTCUSDT', timeframe: '1h', start: '2024-01-01', end: '2024-02-01', file, ...request }) as const;

  test('returns 744 hours for a month of 31 days (B9)', async () => {
    const bars = await getOhlcv(january());
    expect(bars).toHaveLength(744);
    expect(bars[0]?.timestamp.toISOString()).toBe('2024-01-01T00:00:00.000Z');
    expect(bars.at(-1)?.timestamp.toISOString()).toBe('2024-01-31T23:00:00.000Z');
  });

  test('separates the markets, with spot as the default (B5)', async () => {
    expect((await getOhlcv(january())).every((bar) => bar.instrument_type === 'spot')).toBe(true);
    const futures = await getOhlcv(january({ instrumentType: 'futures' }));
    expect(futures.map((bar) => bar.instrument_type)).toEqual(Array(24).fill('futures-um'));
  });

  test('accepts an end within a day, and open ends', async () => {
    const within = await getOhlcv(january({ start: '2024-01-01T22:00', end: new Date('2024-01-02T02:00:00Z') }));
    expect(within.map((bar) => bar.timestamp.getUTCHours())).toEqual([22, 23, 0, 1]);
    const whole = await getOhlcv({ symbol: 'BTCUSDT', timeframe: '1h', file });
    expect(whole).toHaveLength(60 * 24 - 3);
  });

  test('returns the same as rows, as columns and as a stream', async () => {
    const rows = await getOhlcv(january());
    const columns = await getOhlcvColumns(january());
    expect(columns.timestamp).toEqual(Float64Array.from(rows, (bar) => bar.timestamp.getTime()));
    expect(columns.close).toEqual(Float64Array.from(rows, (bar) => bar.close));
    expect(columns.number_of_trades).toEqual(Float64Array.from(rows, (bar) => Number(bar.number_of_trades)));

    await using warehouse = await openWarehouse({ file });
    const all = await warehouse.columns(ohlcv, january());
    expect(all.data_source).toEqual(rows.map((bar) => bar.data_source));
    const streamed: Bar[] = [];
    for await (const bar of warehouse.stream(ohlcv, january())) {
      // Another question can run while a stream is open.
      if (streamed.length === 0) expect(await warehouse.rows(ohlcv, january())).toEqual(rows);
      streamed.push(bar);
    }
    expect(streamed).toEqual(rows);
  });

  test('says what exists of a symbol if the series does not', async () => {
    const refused = (request: Partial<OhlcvRequest>) => expect(getOhlcv(january(request))).rejects;
    const load = 'add --fetch, or load it: pnpm pipeline run --select +ohlcv --instrument-type spot --symbols';
    await refused({ timeframe: '5m' }).toMatchObject({
      code: 'USAGE',
      details: { hint: `available: 1d, 1h, 1m; ${load} BTCUSDT --timeframes 5m` },
    });
    await refused({ symbol: 'BTCUSD_PERP' }).toMatchObject({
      details: {
        hint: `it exists as futures-cm 1h; choose the market with --instrument-type, or ${load} BTCUSD_PERP --timeframes 1h`,
      },
    });
    await refused({ symbol: 'BTCUDST' }).toMatchObject({ details: { hint: 'did you mean BTCUSDT?' } });
    await refused({ timeframe: '1s', instrumentType: 'futures-um' }).toMatchObject({ code: 'USAGE' });
    await refused({ timeframe: '7m' as Timeframe }).toMatchObject({ code: 'USAGE', details: { key: 'timeframe' } });
    await refused({ instrumentType: 'margin' as 'spot' }).toMatchObject({ code: 'USAGE' });
  });

  test('is empty if the series has no bar in the range', async () => {
    expect(await getOhlcv(january({ start: '2023-01-01', end: '2023-02-01' }))).toEqual([]);
  });
});

describe('resampling', () => {
  let file: string;
  beforeAll(async () => {
    ({ file } = await writeWarehouse());
  });
  const ask = { symbol: 'BTCUSDT', start: '2024-01-01', end: '2024-03-01' };

  /** Resamples by hand: buckets of the calendar, folded bar by bar. */
  function byHand(bars: readonly Bar[], from: Timeframe, to: Timeframe): readonly object[] {
    const length = timeframes[from] as number;
    const buckets = Map.groupBy(bars, ({ timestamp }) => bucketStart(timestamp, to).getTime());
    const sum = (of: readonly Bar[], read: (bar: Bar) => number) =>
      of.reduce((total, bar) => total + Math.round(read(bar) * 100), 0) / 100;
    return [...buckets].map(([start, of]) => ({
      symbol: 'BTCUSDT',
      timeframe: to,
      instrument_type: 'spot',
      timestamp: new Date(start),
      open: of[0]?.open,
      high: Math.max(...of.map((bar) => bar.high)),
      low: Math.min(...of.map((bar) => bar.low)),
      close: of.at(-1)?.close,
      volume: sum(of, (bar) => bar.volume),
      close_time: new Date(Math.max(...of.map((bar) => bar.close_time.getTime()))),
      quote_asset_volume: sum(of, (bar) => bar.quote_asset_volume),
      number_of_trades: of.reduce((total, bar) => total + bar.number_of_trades, 0n),
      taker_buy_base_asset_volume: sum(of, (bar) => bar.taker_buy_base_asset_volume),
      taker_buy_quote_asset_volume: sum(of, (bar) => bar.taker_buy_quote_asset_volume),
      bars: BigInt(new Set(of.map(({ timestamp }) => Math.floor(timestamp.getTime() / length))).size),
      bars_expected: BigInt((bucketEnd(start, to) - start) / length),
    }));
  }

  function bucketStart(time: Date, timeframe: Timeframe): Date {
    if (timeframe === '1mo') return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth()));
    const monday = Date.UTC(1970, 0, 5);
    if (timeframe === '1w') return new Date(Math.floor((time.getTime() - monday) / (7 * day)) * 7 * day + monday);
    const length = timeframes[timeframe] as number;
    return new Date(Math.floor(time.getTime() / length) * length);
  }

  function bucketEnd(start: number, timeframe: Timeframe): number {
    const date = new Date(start);
    if (timeframe === '1mo') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
    return start + (timeframe === '1w' ? 7 * day : (timeframes[timeframe] as number));
  }

  const pairs: readonly (readonly [Timeframe, readonly Timeframe[]])[] = [
    ['1m', ['3m', '5m', '15m', '30m', '1h', '4h', '1d']],
    ['1h', ['2h', '4h', '6h', '8h', '12h', '1d', '1w', '1mo']],
    ['1d', ['1w', '1mo']],
  ];
  test.each(pairs)('sums bars of %s like a fold by hand', async (timeframe, targets) => {
    const bars = await getOhlcv({ ...ask, timeframe, file });
    expect(bars.length).toBeGreaterThan(50);
    for (const resample of targets) {
      const resampled: readonly ResampledBar[] = await getOhlcv({ ...ask, timeframe, resample, file });
      expect(resampled, resample).toEqual(byHand(bars, timeframe, resample));
    }
  });

  test('marks a bucket with bars that are missing or were not requested', async () => {
    const days = await getOhlcv({ ...ask, timeframe: '1h', resample: '1d', start: '2024-02-07T12:00', file });
    expect(days.slice(0, 3).map(({ bars, bars_expected }) => [bars, bars_expected])).toEqual([
      [12n, 24n],
      [21n, 24n], // three hours have no bar; bars off the grid count for their hour (A8)
      [24n, 24n],
    ]);
  });

  test('is exact even if binary sums are not (B21)', async () => {
    const [first] = await getOhlcv({ ...ask, timeframe: '1h', resample: '1d', file });
    expect(
      Array(24)
        .fill(0.1)
        .reduce((a, b) => a + b),
    ).not.toBe(2.4);
    expect(first?.volume).toBe(2.4);
  });

  test('to 3d starts at the published bars of the series (B18)', async () => {
    const own = (await writeWarehouse()).file;
    const resample = { ...ask, timeframe: '1d', resample: '3d', start: '2024-01-01', file: own } as const;
    await expect(getOhlcv(resample)).rejects.toMatchObject({
      code: 'USAGE',
      details: { hint: expect.stringContaining('--instrument-type spot --symbols BTCUSDT --timeframes 3d') },
    });
    for (const first of ['2023-12-30', '2023-12-31', '2024-01-04']) {
      {
        await using database = await openDatabase({ file: own });
        await database.run(`DELETE FROM ohlcv WHERE timeframe = '3d'`);
        await database.run(`INSERT INTO ohlcv SELECT * REPLACE ('3d' AS timeframe, TIMESTAMP '${first}' AS "timestamp")
          FROM ohlcv WHERE instrument_type = 'spot' AND timeframe = '1d' LIMIT 1`);
      }
      const bars = await getOhlcv(resample);
      const opens = bars.map(({ timestamp }) => timestamp.getTime());
      expect(opens.every((time) => (time - Date.parse(first)) % (3 * day) === 0)).toBe(true);
      expect(bars.slice(1, -1).every((bar) => bar.bars === 3n && bar.bars_expected === 3n)).toBe(true);
      expect(opens[1]).toBe((opens[0] as number) + 3 * day);
      expect(bars.reduce((sum, bar) => sum + bar.bars, 0n)).toBe(60n);
      const hours = await getOhlcv({ ...resample, timeframe: '1h' });
      expect(hours.map(({ timestamp }) => timestamp.getTime())).toEqual(opens);
      expect(hours[1]?.bars_expected).toBe(72n);
    }
  });

  test.each([
    ['3m', '5m', '3m makes 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1mo'],
    ['1d', '1h', '1d makes 3d, 1w, 1mo'],
    ['1w', '1mo', 'nothing can be made of 1w'],
  ] as const)('of %s to %s is refused', async (timeframe, resample, hint) => {
    await expect(getOhlcv({ ...ask, timeframe, resample, file })).rejects.toMatchObject({
      code: 'USAGE',
      details: { hint },
    });
  });
});
