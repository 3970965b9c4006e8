import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { utc } from '../../support/engine.ts';
import { days, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

type Options = Parameters<Workbench['build']>[1];

/** Day → symbol → turnover. A symbol is available on its trading days, and without a bar on its days in `silent`. */
async function trade(history: Readonly<Record<string, Readonly<Record<string, number>>>>): Promise<void> {
  const cells = Object.entries(history).flatMap(([date, volumes]) =>
    Object.entries(volumes).map(([symbol, quoteVolume]) => ({ symbol, date, quoteVolume })),
  );
  await bench.list(...cells.map(({ symbol, date }) => ({ symbol, period: date, timeframe: '1m' })));
  await bench.trade(...cells.filter(({ quoteVolume }) => quoteVolume > 0));
}
const list = (symbol: string, ...periods: readonly string[]) =>
  bench.list(...periods.map((period) => ({ symbol, period, timeframe: '1m' })));

const later = utc('2025-12-01T09:00');
async function rank({ asOf = later, ...options }: NonNullable<Options> = {}) {
  for (const name of ['symbols', 'daily_availability']) await bench.build(name, { asOf, vars: options.vars ?? {} });
  return bench.build('volume_rankings', { asOf, ...options });
}
const rows = (columns: string, where = 'true') =>
  bench.texts(`SELECT ${columns} FROM volume_rankings WHERE ${where} ORDER BY date, rank, symbol`);

describe('the cohort of a day', () => {
  test('is the perpetual contracts in USDT: no delivery, no settled copy, no other quote asset (B4)', async () => {
    const volumes = {
      BTCUSDT: 9,
      BTCUSDT_250926: 8,
      AERGOUSDTSETTLED: 7,
      ICPUSDT_SETTLED: 6,
      ETHUSDC: 5,
      ETHBTC: 4,
      FOOBAR: 3,
      币安人生USDT: 2,
    };
    await trade({ '2025-07-01': volumes });
    await rank();
    expect(await rows('symbol, rank')).toEqual([
      ['BTCUSDT', '1'],
      ['币安人生USDT', '2'],
    ]);
  });

  test('follows the var ranking_quote_assets', async () => {
    await trade({ '2025-07-01': { BTCUSDT: 9, ETHUSDC: 10, ETHBTC: 11 } });
    await rank({ vars: { ranking_quote_assets: ['USDT', 'USDC', 'BTC'] } });
    // ETHBTC has no turnover in dollars.
    expect(await rows('symbol')).toEqual([['ETHUSDC'], ['BTCUSDT']]);
  });

  test('leaves out symbols without a trade or without a volume (A13)', async () => {
    await trade({ '2025-07-01': { AUSDT: 5, BUSDT: 9, CUSDT: 0 } });
    await bench.trade({ symbol: 'BUSDT', date: '2025-07-01', quoteVolume: 9, trades: 0 });
    await rank();
    expect(await rows('symbol')).toEqual([['AUSDT']]);
  });

  test('includes symbols that traded but are not available', async () => {
    await trade({
      '2025-07-01': { AUSDT: 5, BUSDT: 5 },
      '2025-07-03': { AUSDT: 5, BUSDT: 5 },
      '2025-07-02': { BUSDT: 5 },
    });
    await bench.trade({ symbol: 'AUSDT', date: '2025-07-02', quoteVolume: 50 });
    await rank();
    expect(await rows('symbol, rank', "date = '2025-07-02'")).toEqual([
      ['AUSDT', '1'],
      ['BUSDT', '2'],
    ]);
  });
});

describe('rank, percentile and share', () => {
  test('are by turnover, largest first; ties share a rank, and no rank is skipped', async () => {
    await trade({ '2025-07-01': { AUSDT: 20, BUSDT: 10, CUSDT: 20, DUSDT: 40, EUSDT: 10 } });
    await rank();
    expect(await rows('symbol, rank, percentile, market_share_pct, quote_volume_usdt, trade_count')).toEqual([
      ['DUSDT', '1', '0.0', '40.0', '40.0', '10'],
      ['AUSDT', '2', '25.0', '20.0', '20.0', '10'],
      ['CUSDT', '2', '25.0', '20.0', '20.0', '10'],
      ['BUSDT', '3', '75.0', '10.0', '10.0', '10'],
      ['EUSDT', '3', '75.0', '10.0', '10.0', '10'],
    ]);
  });

  test('of a day with one symbol are 1, 0 and 100', async () => {
    await trade({ '2025-07-01': { AUSDT: 0.001 } });
    await rank();
    expect(await rows('rank, percentile, market_share_pct')).toEqual([['1', '0.0', '100.0']]);
  });

  test('have shares that sum to 100 even if turnovers are far apart (B21)', async () => {
    const volumes = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`S${i}USDT`, 1e10 / 1.7 ** i]));
    await trade({ '2025-07-01': volumes });
    await rank();
    const [[sum] = []] = await bench.texts('SELECT sum(market_share_pct::DOUBLE) FROM volume_rankings');
    expect(Math.abs(Number(sum) - 100)).toBeLessThan(0.001);
  });
});

describe('rank changes and days_available', () => {
  test('count calendar days, not rows: NULL if the symbol was unranked that day (B3)', async () => {
    const first = '2025-06-01';
    const [d0 = '', d1 = '', , , , , , d7 = '', d8 = '', , , , , , d14 = ''] = days(first, 31);
    const d30 = '2025-07-01';
    const all = days(first, 31);
    await trade(Object.fromEntries(all.map((day) => [day, { BTCUSDT: 100, AUSDT: 50, BUSDT: 20 }])));
    // A is first on day 0, third on day 1, away on days 2 to 6, and second on the others.
    await trade({ [d0]: { AUSDT: 1_000 }, [d1]: { AUSDT: 10 } });
    for (const date of all.slice(2, 7)) await bench.trade({ symbol: 'AUSDT', date, trades: 0 });
    await rank();
    const changes = 'rank, rank_change_1d, rank_change_7d, rank_change_14d, rank_change_30d, days_available';
    const ofA = (date: string) => rows(changes, `symbol = 'AUSDT' AND date = '${date}'`);
    expect(await ofA(d0)).toEqual([['1', null, null, null, null, '1']]);
    expect(await ofA(d1)).toEqual([['3', '2', null, null, null, '2']]);
    expect(await ofA(d7)).toEqual([['2', null, '1', null, null, '3']]);
    expect(await ofA(d8)).toEqual([['2', '0', '-1', null, null, '4']]);
    expect(await ofA(d14)).toEqual([['2', '0', '0', '1', null, '10']]);
    expect(await ofA(d30)).toEqual([['2', '0', '0', '0', '1', '25']]);
    expect(await bench.texts(`SELECT max(days_available) FROM volume_rankings`)).toEqual([['30']]);
  });

  test('do not bridge a day on which no symbol was ranked', async () => {
    await trade({ '2025-07-01': { AUSDT: 1, BUSDT: 2 }, '2025-07-03': { AUSDT: 2, BUSDT: 1 } });
    await rank();
    expect(await rows('symbol, rank_change_1d, days_available', "date = '2025-07-03'")).toEqual([
      ['AUSDT', null, '2'],
      ['BUSDT', null, '2'],
    ]);
  });
});

describe('an incomplete day', () => {
  const names = Array.from({ length: 10 }, (_, i) => `S${i}USDT`);
  const volumes = (count: number) => Object.fromEntries(names.slice(0, count).map((name, i) => [name, i + 1]));
  const morning = utc('2025-07-04T09:00');
  const dates = async (options: Options = {}) => {
    await rank(options);
    return (await bench.texts('SELECT DISTINCT date FROM volume_rankings ORDER BY date')).map(([date]) => date);
  };

  test('is withheld while fewer than 9 of 10 symbols of the day before have arrived', async () => {
    await trade({ '2025-07-02': volumes(10), '2025-07-03': volumes(8) });
    expect(await dates({ asOf: morning })).toEqual(['2025-07-02']);
    await trade({ '2025-07-03': volumes(9) });
    expect(await dates({ asOf: morning })).toEqual(['2025-07-02', '2025-07-03']);
  });

  test('is ranked from the ratio of the var on', async () => {
    await trade({ '2025-07-02': volumes(10), '2025-07-03': volumes(5) });
    expect(await dates({ asOf: morning, vars: { day_complete_ratio: 0.5 } })).toEqual(['2025-07-02', '2025-07-03']);
    expect(await dates({ asOf: morning, vars: { day_complete_ratio: 0.51 } })).toEqual(['2025-07-02']);
  });

  test('counts the symbols of the day before, so that new listings do not make up for missing ones', async () => {
    await trade({
      '2025-07-02': volumes(10),
      '2025-07-03': { ...volumes(5), XUSDT: 1, YUSDT: 1, ZUSDT: 1, WUSDT: 1, VUSDT: 1 },
    });
    expect(await dates({ asOf: morning })).toEqual(['2025-07-02']);
  });

  test('counts them even if a missing symbol has no row at all', async () => {
    await trade({ '2025-07-02': volumes(10), '2025-07-03': volumes(5) });
    expect(await dates({ asOf: morning, vars: { grace_days: 0 } })).toEqual(['2025-07-02']);
  });

  test('is ranked once it is more than 48 h old, whatever is missing', async () => {
    await trade({ '2025-07-02': volumes(10), '2025-07-03': volumes(2) });
    expect(await dates({ asOf: utc('2025-07-06T00:00') })).toEqual(['2025-07-02']);
    expect(await dates({ asOf: utc('2025-07-06T00:00:00.001') })).toEqual(['2025-07-02', '2025-07-03']);
  });

  test('does not count as a day on which a symbol was ranked', async () => {
    await trade({ '2025-07-02': volumes(10), '2025-07-03': volumes(2), '2025-07-04': volumes(2) });
    await rank({ asOf: utc('2025-07-05T09:00') });
    // The 4th is complete against the 3rd, which is not.
    expect(await rows('date, rank_change_1d, days_available', "symbol = 'S0USDT'")).toEqual([
      ['2025-07-02', null, '1'],
      ['2025-07-04', null, '2'],
    ]);
  });

  test('the first day of all is complete', async () => {
    await trade({ '2025-07-03': volumes(1) });
    expect(await dates({ asOf: morning })).toEqual(['2025-07-03']);
  });
});

describe('what is rebuilt', () => {
  beforeEach(async () => {
    await trade(Object.fromEntries(days('2025-06-01', 40).map((day) => [day, { AUSDT: 3, BUSDT: 2, CUSDT: 1 }])));
    await rank();
  });

  test('is nothing if nothing changed', async () => {
    expect(await rank({ asOf: utc('2025-12-02T09:00') })).toMatchObject({ status: 'reused' });
  });

  test('is a day whose volumes changed, and those of the 30 after it whose rows come out differently (B2, B3)', async () => {
    await trade({ '2025-06-05': { CUSDT: 9 } });
    expect(await rank({ asOf: utc('2025-12-02T09:00') })).toMatchObject({ partitions: 5 }); // of 31 that are computed
    expect(
      await rows(
        'date, rank_change_1d, rank_change_30d',
        "symbol = 'CUSDT' AND rank_change_1d <> 0 OR symbol = 'CUSDT' AND rank_change_30d <> 0",
      ),
    ).toEqual([
      ['2025-06-05', '-2', null],
      ['2025-06-06', '2', null],
      ['2025-07-05', '0', '2'],
    ]);
    expect(
      await bench.texts("SELECT min(date), max(date) FROM volume_rankings WHERE generation_timestamp > '2025-12-02'"),
    ).toEqual([['2025-06-05', '2025-07-05']]);
  });

  test('has the time of its run as generation_timestamp', async () => {
    expect(await bench.texts('SELECT DISTINCT generation_timestamp FROM volume_rankings')).toEqual([
      ['2025-12-01 09:00:00'],
    ]);
  });

  test('is removed if a symbol turns out not to trade at all', async () => {
    for (const date of days('2025-06-01', 40)) await bench.trade({ symbol: 'AUSDT', date, trades: 0 });
    await rank();
    expect(await bench.texts('SELECT DISTINCT symbol FROM volume_rankings ORDER BY ALL')).toEqual([
      ['BUSDT'],
      ['CUSDT'],
    ]);
  });
});

test('does not include days that were listed and never traded', async () => {
  await list('AUSDT', '2025-07-01');
  expect(await rank()).toMatchObject({ status: 'reused', rows: 0 });
  expect(await rows('*')).toEqual([]);
});
