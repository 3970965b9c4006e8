import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import {
  conflicts,
  coverage,
  delistings,
  gaps,
  listings,
  market,
  movers,
  openWarehouse,
  type QueryWarehouse,
  range,
  rank,
  rejected,
  revisions,
  snapshot,
  summary,
  timeline,
  top,
  volume,
} from '../../../queries/index.ts';
import { dayAfter, writeWarehouse } from './fixture.ts';

const dayOf = (date: Date | null) => date?.toISOString().slice(0, 10);

describe('a question', () => {
  let warehouse: QueryWarehouse;
  beforeAll(async () => {
    warehouse = await openWarehouse({ file: (await writeWarehouse()).file });
    return () => warehouse[Symbol.asyncDispose]();
  });

  const listed = async (date: string) => (await warehouse.rows(listings, { date })).map(({ symbol }) => symbol);
  const delisted = async (date: string) => (await warehouse.rows(delistings, { date })).map(({ symbol }) => symbol);

  test('snapshot has the symbols listed that day and says which traded', async () => {
    const rows = await warehouse.rows(snapshot, { date: '2025-05-13' });
    expect(rows.map(({ symbol, traded }) => [symbol, traded])).toEqual([
      ['BTCUSDT', true],
      ['ETHUSDT', true],
      ['HOLEUSDT', true],
      ['SETTLEDUSDT', false],
      ['SLOWUSDT', true],
      ['币安人生USDT', true],
    ]);
  });

  test('timeline has every day of the calendar, including those without a row', async () => {
    const rows = await warehouse.rows(timeline, { symbol: 'TWICEUSDT' });
    expect(rows).toHaveLength(40);
    const away = rows.filter(({ available }) => !available).map(({ date }) => dayOf(date));
    expect([away.length, away[0], away.at(-1)]).toEqual([16, '2025-05-06', '2025-05-21']);
    expect(rows[0]).toMatchObject({ traded: true, trade_count: 100n, quote_volume_usdt: expect.any(Number) });
  });

  test('range counts the days of each symbol, without the end', async () => {
    const rows = await warehouse.rows(range, { start: '2025-05-10', end: '2025-05-13' });
    const gone = rows.find(({ symbol }) => symbol === 'GONEUSDT');
    const settled = rows.find(({ symbol }) => symbol === 'SETTLEDUSDT');
    expect(rows.map(({ symbol }) => symbol)).not.toContain('TWICEUSDT');
    expect(gone).toMatchObject({ days_available: 3n, days_traded: 3n, trade_count: 300n });
    expect(dayOf(gone?.last_available ?? null)).toBe('2025-05-12');
    expect(settled).toMatchObject({ days_available: 3n, days_traded: 1n });
  });

  test('listings are the first day of trading, and the first after a long absence of a ticker (A24)', async () => {
    expect(await listed('2025-05-15')).toEqual(['NEWUSDT']);
    const [again] = await warehouse.rows(listings, { date: '2025-05-22' });
    expect([again?.symbol, dayOf(again?.previously_traded ?? null)]).toEqual(['TWICEUSDT', '2025-05-05']);
    expect(await listed('2025-05-01')).toEqual([]); // the first day is unknown
  });

  test('delistings follow trading: settled contracts with flat bars have left (A13)', async () => {
    const rows = await warehouse.rows(delistings, { date: '2025-05-11' });
    expect(rows.map(({ symbol, evidence }) => [symbol, evidence])).toEqual([['SETTLEDUSDT', 'flat bars']]);
    expect(await delisted('2025-05-13')).toEqual(['GONEUSDT']);
    const [twice] = await warehouse.rows(delistings, { date: '2025-05-06' });
    expect([twice?.symbol, dayOf(twice?.returned ?? null)]).toEqual(['TWICEUSDT', '2025-05-22']);
  });

  test('a late publication is neither a delisting nor a listing (A21)', async () => {
    for (const date of ['2025-05-20', '2025-05-21']) {
      expect(await delisted(date)).toEqual([]);
      expect(await listed(date)).toEqual([]);
    }
    expect(await delisted('2025-06-08')).toEqual([]); // SLOWUSDT: two days are too few to decide
  });

  test('a rejected archive is not a delisting', async () => {
    expect(await delisted('2025-05-15')).toEqual([]);
    expect(await delisted('2025-05-16')).toEqual([]);
  });

  test('all days except those of the fixture have neither listings nor delistings', async () => {
    const events: string[] = [];
    for (let date = '2025-05-01'; date <= '2025-06-09'; date = dayAfter(date)) {
      events.push(...(await listed(date)).map((symbol) => `${date} +${symbol}`));
      events.push(...(await delisted(date)).map((symbol) => `${date} -${symbol}`));
    }
    expect(events).toEqual([
      '2025-05-06 -TWICEUSDT',
      '2025-05-11 -SETTLEDUSDT',
      '2025-05-13 -GONEUSDT',
      '2025-05-15 +NEWUSDT',
      '2025-05-22 +TWICEUSDT',
    ]);
  });

  test('summary is one row', async () => {
    const [row, ...others] = await warehouse.rows(summary, {});
    expect(others).toEqual([]);
    expect(row).toMatchObject({ days: 40n, symbols: 9n, available_on_last_day: 7n, traded_on_last_day: 6n });
    expect([dayOf(row?.first_day ?? null), dayOf(row?.last_ranked_day ?? null)]).toEqual(['2025-05-01', '2025-06-09']);
  });

  test('top is ordered by rank, with 20 rows unless limit says otherwise', async () => {
    const rows = await warehouse.rows(top, { date: '2025-05-10' });
    expect(rows.map(({ rank, symbol }) => `${rank} ${symbol}`)).toEqual([
      '1 BTCUSDT',
      '2 ETHUSDT',
      '3 HOLEUSDT',
      '4 SETTLEDUSDT',
      '5 GONEUSDT',
      '6 SLOWUSDT',
      '7 币安人生USDT',
    ]);
    expect(await warehouse.rows(top, { date: '2025-05-10', limit: 2 })).toHaveLength(2);
  });

  test('rank and volume show a day without a row as a gap', async () => {
    const ranks = await warehouse.rows(rank, { symbol: 'TWICEUSDT', start: '2025-05-04', end: '2025-05-08' });
    expect(ranks.map((row) => row.rank)).toEqual([6, 6, null, null]);
    const volumes = await warehouse.rows(volume, { symbol: 'TWICEUSDT', start: '2025-05-04', end: '2025-05-08' });
    expect(volumes.map((row) => row.quote_volume_usdt === null)).toEqual([false, false, true, true]);
    expect(volumes.map((row) => row.available)).toEqual([true, true, false, false]);
  });

  test('has NaN for missing numbers when it is answered as columns', async () => {
    const ask = { symbol: 'TWICEUSDT', start: '2025-05-04', end: '2025-05-08' } as const;
    const { date, rank: ranks, symbol } = await warehouse.columns(rank, ask);
    expect(ranks).toEqual(Float64Array.of(6, 6, Number.NaN, Number.NaN));
    expect(date[0]).toBe(Date.parse('2025-05-04'));
    expect(symbol).toEqual(Array(4).fill('TWICEUSDT'));
    expectTypeOf(symbol).toEqualTypeOf<string[]>();
  });

  test('the trend of volume looks back beyond its start, in calendar days (B2, B3)', async () => {
    const whole = await warehouse.rows(volume, { symbol: 'BTCUSDT' });
    const part = await warehouse.rows(volume, { symbol: 'BTCUSDT', start: '2025-05-15', end: '2025-05-25' });
    expect(part).toEqual(whole.slice(14, 24));
    const values = whole.map((row) => row.quote_volume_usdt);
    const week = values.slice(13, 20).filter((value) => value !== null); // 2025-05-20 has none
    expect(week).toHaveLength(6);
    expect(whole[19]?.mean_7d).toBeCloseTo(week.reduce((sum, value) => sum + value, 0) / 6, 2);
    expect(whole[26]?.change_7d_pct).toBeNull();
    expect(whole[8]?.change_1d_pct).toBeCloseTo(100 * ((values[8] as number) / (values[7] as number) - 1), 3);
  });

  test('movers compares with the day that many calendar days earlier', async () => {
    const rows = await warehouse.rows(movers, { date: '2025-05-13', window: 2 });
    expect(rows.find(({ symbol }) => symbol === 'SLOWUSDT')).toMatchObject({
      rank: 4,
      rank_before: 5,
      rank_change: -1,
    });
    const changes = rows.map(({ rank_change }) => Math.abs(rank_change));
    expect(changes).toEqual([...changes].sort((a, b) => b - a));
    await expect(warehouse.rows(movers, { date: '2025-05-03', window: 7 })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('market sums the day and compares it with the day and the week before', async () => {
    const [row] = await warehouse.rows(market, { date: '2025-05-19' });
    const members = await warehouse.rows(snapshot, { date: '2025-05-19' });
    const total = members.reduce((sum, member) => sum + (member.quote_volume_usdt ?? 0), 0);
    expect(row?.quote_volume_usdt).toBeCloseTo(total, 6);
    expect(row).toMatchObject({ symbols_available: 7n, symbols_traded: 6n, largest_symbol: 'BTCUSDT' });
    expect(row?.ten_largest_share_pct).toBe(100);
    expect(row?.taker_buy_share_pct).toBe(50);
    const [after] = await warehouse.rows(market, { date: '2025-05-21' });
    expect(after?.volume_change_1d_pct).toBeNull(); // nothing is published of the day before
  });

  test('coverage names the symbols without figures', async () => {
    const rows = await warehouse.rows(coverage, { start: '2025-05-14', end: '2025-05-16' });
    expect(rows.map((row) => [row.bar_pct, row.without_bar])).toEqual([
      [100, null],
      [85.7143, 'HOLEUSDT'],
    ]);
  });

  test('rejected lists archives that are in no table, with the reason', async () => {
    const rows = await warehouse.rows(rejected, {});
    expect(rows.map(({ status, reason, symbol }) => [status, reason, symbol])).toEqual([
      ['absent', '404', 'ODDUSDT'],
      ['failed', 'no answer', 'SLOWUSDT'],
      ['rejected', 'not_a_number', 'HOLEUSDT'],
    ]);
  });

  test('rejected is about one market, and mentions what others have', async () => {
    const all = await warehouse.rows(rejected, { instrumentType: 'all' });
    const spot = await warehouse.rows(rejected, { instrumentType: 'spot' });
    expect([all.length, spot.map(({ reason }) => reason)]).toEqual([4, ['md5_mismatch']]);
  });

  test('gaps have cause and evidence, for one market or all, and a range selects those that touch it', async () => {
    const found = async (ask: Parameters<typeof warehouse.rows<typeof gaps.parameters, object>>[1]) =>
      (await warehouse.rows(gaps, ask)).map((gap) => `${gap.symbol} ${gap.timeframe} ${gap.cause} ${gap.missing_bars}`);
    expect(await found({})).toEqual([
      'BTCUSDT 1h not_published 1416',
      'ETHUSDT 1d archive_hole 2',
      'ETHUSDT 1d failed 1',
    ]);
    expect(await found({ instrumentType: 'all' })).toHaveLength(4);
    expect(await found({ instrumentType: 'spot' })).toEqual(['BTCUSDT 1h exchange_outage 3']);
    expect(await found({ symbol: 'eth/usdt', start: '2025-05-02', end: '2025-05-10' })).toEqual([
      'ETHUSDT 1d archive_hole 2',
    ]);
    expect(await found({ symbol: 'BTCUSDT', timeframe: '1d', instrumentType: 'spot' })).toEqual([]);
    await expect(found({ symbol: 'BTCUSDT', timeframe: '1d' })).rejects.toMatchObject({
      details: { hint: 'it is there as spot: name the market with --instrument-type' },
    });
    await expect(found({ symbol: 'BTCUDST' })).rejects.toMatchObject({ details: { hint: 'did you mean BTCUSDT?' } });
  });

  test('A12: conflicts has each figure that two archives publish differently, as published', async () => {
    const rows = await warehouse.rows(conflicts, {});
    expect(rows.map((row) => [row.symbol, row.column_name, row.monthly_value, row.daily_value])).toEqual([
      ['BTCUSDT', 'close', '2', '3'],
      ['BTCUSDT', 'volume', '0.10', '0.1000001'],
    ]);
  });

  test('A18: revisions has every re-issue and what it changed, latest first', async () => {
    const rows = await warehouse.rows(revisions, {});
    expect(
      rows.map(({ symbol, revision, etag, rows_changed, rows_removed }) => [
        symbol,
        revision,
        etag,
        rows_changed,
        rows_removed,
      ]),
    ).toEqual([
      [null, 1, 'e2', 0n, 1n],
      ['HOLEUSDT', 1, 'e2', 1n, 0n],
      ['HOLEUSDT', 2, 'e3', null, null],
    ]);
  });

  test('is typed by its query, and so is one of your own', async () => {
    const rows = await warehouse.rows(top, { date: new Date('2025-05-10'), limit: 1 });
    expectTypeOf(rows[0]?.rank_change_1d).toEqualTypeOf<number | null | undefined>();
    expectTypeOf(rows[0]?.trade_count).toEqualTypeOf<bigint | undefined>();
    // @ts-expect-error top has no such column
    expect(rows[0]?.rank_chnage_1d).toBeUndefined();
    // @ts-expect-error top wants a date
    await expect(warehouse.rows(top, { limit: 1 })).rejects.toThrow('date must be a UTC date');
    const own = await warehouse.select((db) =>
      db.selectFrom('staged_archives').where('status', '=', 'failed').select('key'),
    );
    expectTypeOf(own[0]).toEqualTypeOf<{ key: string } | undefined>();
    expect(own).toEqual([{ key: 'data/futures/um/daily/klines/SLOWUSDT/1d/SLOWUSDT-1d-2025-06-08.zip' }]);
  });
});

describe('a parameter', () => {
  let warehouse: QueryWarehouse;
  beforeAll(async () => {
    warehouse = await openWarehouse({ file: (await writeWarehouse()).file });
    return () => warehouse[Symbol.asyncDispose]();
  });

  test('can be a symbol in upper or lower case, also with a slash', async () => {
    for (const symbol of ['BTCUSDT', 'btc/usdt', 'BtcUsdt']) {
      expect(await warehouse.rows(rank, { symbol, end: '2025-05-02' })).toHaveLength(1);
    }
    expect(await warehouse.rows(rank, { symbol: '币安人生/usdt', end: '2025-05-02' })).toHaveLength(1);
  });

  test('is refused with the nearest name if there is no such symbol', async () => {
    await expect(warehouse.rows(rank, { symbol: 'BTCUSD' })).rejects.toMatchObject({
      code: 'USAGE',
      details: { key: 'symbol', value: 'BTCUSD', hint: 'did you mean BTCUSDT?' },
    });
  });

  test('must be an existing day, or the newest', async () => {
    expect(await warehouse.rows(snapshot, { date: 'latest' })).toEqual(
      await warehouse.rows(snapshot, { date: '2025-06-09' }),
    );
    await expect(warehouse.rows(snapshot, { date: '2025-06-10' })).rejects.toMatchObject({
      code: 'USAGE',
      details: { key: 'date', hint: 'choose a day of 2025-05-01 … 2025-06-09, 40 days' },
    });
    for (const date of ['2025-02-30', 'yesterday', '2025-05-10T12:00:00Z']) {
      await expect(warehouse.rows(snapshot, { date })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  test('must be a range with at least one day', async () => {
    await expect(warehouse.rows(range, { start: '2025-05-10', end: '2025-05-10' })).rejects.toMatchObject({
      code: 'USAGE',
      details: { hint: 'the end is exclusive: the day 2025-05-10 alone ends at 2025-05-11' },
    });
  });

  test('must be a whole number if it is a count', async () => {
    for (const limit of [0, 1.5, Number.NaN]) {
      await expect(warehouse.rows(top, { date: 'latest', limit })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });
});

test('questions on tables without rows are refused', async () => {
  const { file } = await writeWarehouse({ rows: false });
  await using warehouse = await openWarehouse({ file });
  const empty = {
    code: 'TABLE_MISSING',
    details: { hint: 'build it: pnpm pipeline run --select +daily_availability' },
  };
  await expect(warehouse.rows(snapshot, { date: 'latest' })).rejects.toMatchObject(empty);
  await expect(warehouse.rows(timeline, { symbol: 'BTCUSDT' })).rejects.toMatchObject(empty);
  expect(await warehouse.rows(summary, {})).toHaveLength(1);
});
