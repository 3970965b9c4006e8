import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { archive, days, type Listed, openWorkbench, type Workbench } from './workbench.ts';

const minute = 60_000;

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

type Series = Pick<Listed, 'symbol' | 'timeframe' | 'market'>;
const btc: Series = { symbol: 'BTCUSDT', timeframe: '1h', market: 'spot' };
const instrumentOf = ({ market = 'futures/um' }: Pick<Series, 'market'>) => market.replace('/', '-');

/** Writes bars that open at these times, as the model `ohlcv` would: with the state of their months. */
async function bars({ symbol, timeframe = '1d', ...series }: Series, times: string): Promise<void> {
  const market = instrumentOf(series);
  await bench.warehouse.run(`INSERT INTO ohlcv SELECT '${symbol}', '${timeframe}', '${market}', t, 1, 2, 1, 2, 5,
    t + INTERVAL 1 SECOND, 10, 3, 1, 2, 'daily' FROM (${times}) AS times(t)`);
  await bench.warehouse.run(`DELETE FROM partition_state WHERE model = 'ohlcv'`);
  await bench.warehouse.run(`INSERT INTO partition_state SELECT 'ohlcv', concat_ws('/', instrument_type, symbol, timeframe,
    cast(date_trunc('month', "timestamp") as DATE)), cast(count(*) as VARCHAR), 'run' FROM ohlcv GROUP BY ALL`);
}

/** Open times from one instant to before another, without those that a condition on `t` leaves out. */
const grid = (from: string, to: string, step: string, where = 'true') =>
  `SELECT t FROM range(TIMESTAMP '${from}', TIMESTAMP '${to}', INTERVAL ${step}) AS r(t) WHERE ${where}`;

type Status = 'loaded' | 'rejected' | 'failed' | 'absent';
/** Lists archives of these periods; with a status, the ledger has them as well. */
async function list(series: Series, periods: readonly string[], status?: Status): Promise<void> {
  const objects = periods.map((period) => ({ ...series, period }));
  await bench.list(...objects);
  if (status === undefined || objects.length === 0) return;
  const values = objects.map((object) => `('${archive(object).key}')`).join(', ');
  await bench.warehouse.run(`INSERT INTO staged_archives BY NAME SELECT key, 'e' AS etag, '${status}' AS status,
    TIMESTAMP '2025-07-10' AS staged_at FROM (VALUES ${values}) AS archives(key)`);
}

async function gaps(): Promise<readonly (readonly (string | null)[])[]> {
  await bench.build('symbols');
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass' });
  return bench.texts('SELECT gap_start, gap_end, missing_bars, cause, evidence FROM gaps ORDER BY ALL');
}
const key = (series: Series, period: string) => archive({ ...series, period }).key;

describe('a grid', () => {
  test('without a hole is no gap', async () => {
    await bars(btc, grid('2025-06-01 03:00', '2025-06-04', '1 HOUR'));
    await list(btc, days('2025-06-01', 3), 'loaded');
    expect(await gaps()).toEqual([]);
  });

  test('A8: is covered by bars off it, each for the slot that it opens in', async () => {
    await bars(
      btc,
      `${grid('2025-06-01', '2025-06-03', '1 HOUR', "t < '2025-06-01 09:00' OR t >= '2025-06-01 12:00'")}
       UNION ALL VALUES (TIMESTAMP '2025-06-01 09:28:14.789'), (TIMESTAMP '2025-06-01 11:28:14.789')`,
    );
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-01 10:00:00', '2025-06-01 11:00:00', '1', 'exchange_outage', key(btc, '2025-06-01')],
    ]);
  });

  test('B8: has its tail, up to the last published slot', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-02 22:00', '1 HOUR'));
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-02 22:00:00', '2025-06-03 00:00:00', '2', 'exchange_outage', key(btc, '2025-06-02')],
    ]);
  });

  test('B8: begins before the first bar where an archive was refused', async () => {
    await bars(btc, grid('2025-06-02', '2025-06-03', '1 HOUR'));
    await list(btc, ['2025-06-01'], 'rejected');
    await list(btc, ['2025-06-02'], 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-01 00:00:00', '2025-06-02 00:00:00', '24', 'rejected', key(btc, '2025-06-01')],
    ]);
  });

  test('is there for a series of which nothing could be read', async () => {
    await list(btc, days('2025-06-01', 2), 'failed');
    expect(await gaps()).toEqual([
      ['2025-06-01 00:00:00', '2025-06-03 00:00:00', '48', 'failed', key(btc, '2025-06-01')],
    ]);
  });

  test.each([100_000, 150_000])('B8: a gap of %i bars is whole', async (missing) => {
    const series = { ...btc, timeframe: '1m' };
    const from = Date.parse('2025-01-01T07:00Z');
    const to = new Date(from + missing * minute);
    const text = (time: Date) => time.toISOString().slice(0, 19).replace('T', ' ');
    await bars(series, grid('2025-01-01', '2025-06-01', '1 MINUTE', `t < '2025-01-01 07:00' OR t >= '${text(to)}'`));
    await list(series, ['2025-01-01', ...days('2025-02-01', 120)], 'loaded');
    const found = await bench.build('symbols').then(() => gaps());
    expect(found.reduce((sum, [, , bars]) => sum + Number(bars), 0)).toBe(missing);
    expect(found[0]?.[0]).toBe('2025-01-01 07:00:00');
    expect(found.at(-1)?.[1]).toBe(text(to));
  });

  test.each([
    ['1s', '1 SECOND', '2025-06-30 20:00', '2025-07-01', '2025-06-30 21:00:05', '1 second'],
    ['1w', '7 DAYS', '2024-01-01', '2025-07-01', '2024-06-03', '7 days'],
    ['1mo', '1 MONTH', '2023-01-01', '2025-07-01', '2024-02-01', '29 days'],
    ['3d', '3 DAYS', '2024-12-30', '2025-07-01', '2025-06-19', '3 days'],
  ])('B18: %s has its own calendar', async (timeframe, step, from, to, hole, length) => {
    const series = { ...btc, timeframe };
    const months = [...Array(30).keys()].map((i) => new Date(Date.UTC(2023, i, 1)).toISOString().slice(0, 7));
    await bars(series, grid(from, to, step));
    await list(series, months, 'loaded');
    expect(await gaps()).toEqual([]);

    await bench.warehouse.run(`DELETE FROM ohlcv WHERE "timestamp" = '${hole}'`);
    await bars(series, 'SELECT NULL::TIMESTAMP WHERE false');
    const [found, ...more] = await gaps();
    expect(more).toEqual([]);
    expect(found?.[2]).toBe('1');
    expect(await bench.texts('SELECT gap_start, gap_end - gap_start FROM gaps')).toEqual([
      [hole.length > 10 ? hole : `${hole} 00:00:00`, length === '1 second' ? '00:00:01' : length],
    ]);
  });
});

describe('the cause', () => {
  test('A17: is an outage of the exchange where a daily archive was read and has no bar', async () => {
    await bars(
      btc,
      grid('2025-06-01', '2025-06-03', '1 HOUR', "t NOT BETWEEN '2025-06-01 20:00' AND '2025-06-02 05:00'"),
    );
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-01 20:00:00', '2025-06-02 06:00:00', '10', 'exchange_outage', key(btc, '2025-06-01')],
    ]);
  });

  test('A16: is a hole of the archive where nothing is listed, or the host has nothing', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-06', '1 HOUR', "t < '2025-06-02' OR t >= '2025-06-04'"));
    await list(btc, ['2025-06-01', '2025-06-04', '2025-06-05'], 'loaded');
    await list(btc, ['2025-06-03'], 'absent');
    expect(await gaps()).toEqual([
      ['2025-06-02 00:00:00', '2025-06-04 00:00:00', '48', 'archive_hole', 'listing of 2025-06-06T08:35:00Z'],
    ]);
  });

  test('A16: is a hole of the archive for a month that lacks its file between its neighbours', async () => {
    const series = { ...btc, timeframe: '1mo' };
    await bars(series, grid('2024-01-01', '2024-06-01', '1 MONTH', "t <> '2024-03-01'"));
    await list(series, ['2024-01', '2024-02', '2024-04', '2024-05'], 'loaded');
    expect(await gaps()).toEqual([
      ['2024-03-01 00:00:00', '2024-04-01 00:00:00', '1', 'archive_hole', 'listing of 2024-06-01T08:35:00Z'],
    ]);
  });

  test('changes within a range, which is split there', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-08', '1 HOUR', "t < '2025-06-01 22:00' OR t >= '2025-06-06'"));
    await list(btc, ['2025-06-01', '2025-06-06', '2025-06-07'], 'loaded');
    await list(btc, ['2025-06-02'], 'rejected');
    await list(btc, ['2025-06-03'], 'failed');
    await list(btc, ['2025-06-05']);
    expect((await gaps()).map(([start, , bars, cause]) => [start, bars, cause])).toEqual([
      ['2025-06-01 22:00:00', '2', 'exchange_outage'],
      ['2025-06-02 00:00:00', '24', 'rejected'],
      ['2025-06-03 00:00:00', '24', 'failed'],
      ['2025-06-04 00:00:00', '24', 'archive_hole'],
      ['2025-06-05 00:00:00', '24', 'unverified'],
    ]);
  });

  test('is an outage where a monthly archive stands alone, and nothing sure while a daily one was not read (A15)', async () => {
    await bars(btc, grid('2025-06-01', '2025-07-01', '1 HOUR', "t < '2025-06-11' OR t >= '2025-06-13'"));
    await list(btc, ['2025-06'], 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-11 00:00:00', '2025-06-13 00:00:00', '48', 'exchange_outage', key(btc, '2025-06')],
    ]);
    await list(btc, ['2025-06-11', '2025-06-12']);
    expect(await gaps()).toEqual([
      ['2025-06-11 00:00:00', '2025-06-13 00:00:00', '48', 'unverified', key(btc, '2025-06-11')],
    ]);
  });

  test('is never an outage where an archive was read and its bars are not in the table', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-02', '1 HOUR'));
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect((await gaps()).map(([, , , cause]) => cause)).toEqual(['unverified']);
  });
});

describe('a ticker', () => {
  const others = { ...btc, symbol: 'ETHUSDT' };

  test('A24: that is used again was not trading in between', async () => {
    const luna = { symbol: 'LUNAUSDT', timeframe: '1h', market: 'spot' } as const;
    await bars(luna, grid('2022-05-10', '2022-06-05', '1 HOUR', "t < '2022-05-13 03:00' OR t >= '2022-05-31 06:00'"));
    await list(others, days('2022-05-01', 35));
    await list(luna, [...days('2022-05-10', 4), ...days('2022-05-31', 5), '2022-05'], 'loaded');
    expect(await gaps()).toEqual([
      ['2022-05-13 03:00:00', '2022-05-31 06:00:00', '435', 'not_trading', key(luna, '2022-05-13')],
    ]);
  });

  test('that has left has no gap after its last archive, and did not trade after its last bar', async () => {
    const gone = { ...btc, symbol: 'GONEUSDT' };
    await list(others, days('2025-06-01', 20));
    await bars(gone, grid('2025-06-01', '2025-06-03 09:00', '1 HOUR'));
    await list(gone, days('2025-06-01', 3), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-03 09:00:00', '2025-06-04 00:00:00', '15', 'not_trading', key(gone, '2025-06-03')],
    ]);
  });

  test('that has left within a month has no gap in the rest of it', async () => {
    const gone = { ...btc, symbol: 'GONEUSDT' };
    await list(others, days('2025-06-01', 40));
    await bars(gone, grid('2025-06-01', '2025-06-04', '1 HOUR'));
    await list(gone, [...days('2025-06-01', 3), '2025-06'], 'loaded');
    await bench.build('symbols');
    expect(await bench.build('gaps')).toMatchObject({ rows: 0 });
  });

  test('A21: that is late lacks what others have had published', async () => {
    const late = { ...btc, symbol: 'LATEUSDT' };
    await list(others, days('2025-06-01', 9));
    await bars(late, grid('2025-06-01', '2025-06-08', '1 HOUR'));
    await list(late, days('2025-06-01', 7), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-08 00:00:00', '2025-06-10 00:00:00', '48', 'not_published', 'listing of 2025-06-08T08:35:00Z'],
    ]);
  });

  test('A22: of a delivery contract ends with it', async () => {
    const delivery = { symbol: 'BTCUSDT_250627', timeframe: '1d', market: 'futures/um' } as const;
    await list({ ...others, timeframe: '1d', market: 'futures/um' }, days('2025-06-20', 11));
    await bars(delivery, grid('2025-06-20', '2025-06-28', '1 DAY'));
    await list(delivery, days('2025-06-20', 8), 'loaded');
    expect(await bench.build('symbols').then(() => bench.build('gaps'))).toMatchObject({ rows: 0 });
  });

  test('that is away while nothing of its market is listed leaves a hole in the archive', async () => {
    await bars(btc, grid('2025-05-01', '2025-06-02', '1 HOUR', "t < '2025-05-02' OR t >= '2025-06-01'"));
    await list(btc, ['2025-05-01', '2025-06-01'], 'loaded');
    expect((await gaps()).map(([, , bars, cause]) => [bars, cause])).toEqual([['720', 'archive_hole']]);
  });
});

test('only series of which something changed are built again', async () => {
  const others = { ...btc, symbol: 'ETHUSDT' };
  for (const series of [btc, others]) {
    await bars(series, grid('2025-06-01', '2025-06-03', '1 HOUR', "t <> '2025-06-01 05:00'"));
    await list(series, days('2025-06-01', 2), 'loaded');
  }
  await bench.build('symbols');
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass', partitions: 2, rows: 2 });
  expect(await bench.build('gaps')).toMatchObject({ status: 'reused' });
  await bars(others, "VALUES (TIMESTAMP '2025-06-01 05:00')");
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass', partitions: 1, rows: 0 });
  expect(await bench.texts('SELECT symbol, gap_start FROM gaps')).toEqual([['BTCUSDT', '2025-06-01 05:00:00']]);
});
