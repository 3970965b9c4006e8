import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { insertLedger } from '../../support/ledger-rows.ts';
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

/** Writes bars that open at these times, with the state of their months, as the model `ohlcv` would. */
async function bars({ symbol, timeframe = '1d', ...series }: Series, times: string): Promise<void> {
  const market = instrumentOf(series);
  await bench.warehouse.run(`INSERT INTO ohlcv SELECT '${symbol}', '${timeframe}', '${market}', t, 1, 2, 1, 2, 5,
    t + INTERVAL 1 SECOND, 10, 3, 1, 2, 'daily' FROM (${times}) AS times(t)`);
  await bench.warehouse.run(`DELETE FROM partition_state WHERE model = 'ohlcv'`);
  await bench.warehouse.run(`INSERT INTO partition_state (model, partition, input_digest, run_id) SELECT 'ohlcv', concat_ws('/', instrument_type, symbol, timeframe,
    cast(date_trunc('month', "timestamp") as DATE)), cast(count(*) as VARCHAR), 'run' FROM ohlcv GROUP BY ALL`);
}

/** Open times from one instant up to another, restricted by a condition on `t`. */
const grid = (from: string, to: string, step: string, where = 'true') =>
  `SELECT t FROM range(TIMESTAMP '${from}', TIMESTAMP '${to}', INTERVAL ${step}) AS r(t) WHERE ${where}`;

type Status = 'loaded' | 'rejected' | 'failed' | 'absent';
/** Lists archives of these periods; with a status, adds them to the ledger as well. */
async function list(series: Series, periods: readonly string[], status?: Status): Promise<void> {
  const objects = periods.map((period) => ({ ...series, period }));
  await bench.list(...objects);
  if (status === undefined || objects.length === 0) return;
  await bench.warehouse.run(insertLedger(...objects.map((object) => ({ key: archive(object).key, status }))));
}

async function gaps(): Promise<readonly (readonly (string | null)[])[]> {
  await bench.build('symbols');
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass' });
  return bench.texts('SELECT gap_start, gap_end, missing_bars, cause, evidence FROM gaps ORDER BY ALL');
}
const key = (series: Series, period: string) => archive({ ...series, period }).key;

describe('a grid', () => {
  test('without a hole has no gap', async () => {
    await bars(btc, grid('2025-06-01 03:00', '2025-06-04', '1 HOUR'));
    await list(btc, days('2025-06-01', 3), 'loaded');
    expect(await gaps()).toEqual([]);
  });

  test('A8: is also covered by bars off it, each for the slot that it opens in', async () => {
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

  test('B8: has a tail up to the last published slot', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-02 22:00', '1 HOUR'));
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-02 22:00:00', '2025-06-03 00:00:00', '2', 'exchange_outage', key(btc, '2025-06-02')],
    ]);
  });

  test('B8: starts before the first bar if an archive was refused', async () => {
    await bars(btc, grid('2025-06-02', '2025-06-03', '1 HOUR'));
    await list(btc, ['2025-06-01'], 'rejected');
    await list(btc, ['2025-06-02'], 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-01 00:00:00', '2025-06-02 00:00:00', '24', 'rejected', key(btc, '2025-06-01')],
    ]);
  });

  test('exists for a series of which nothing could be read', async () => {
    await list(btc, days('2025-06-01', 2), 'failed');
    expect(await gaps()).toEqual([
      ['2025-06-01 00:00:00', '2025-06-03 00:00:00', '48', 'failed', key(btc, '2025-06-01')],
    ]);
  });

  test.each([100_000, 150_000])('B8: has a gap of %i bars in one piece', async (missing) => {
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
  ])('B18: of %s follows its own calendar', async (timeframe, step, from, to, hole, length) => {
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
  test('A17: is an outage of the exchange if a daily archive was read and has no bar', async () => {
    await bars(
      btc,
      grid('2025-06-01', '2025-06-03', '1 HOUR', "t NOT BETWEEN '2025-06-01 20:00' AND '2025-06-02 05:00'"),
    );
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-01 20:00:00', '2025-06-02 06:00:00', '10', 'exchange_outage', key(btc, '2025-06-01')],
    ]);
  });

  test('A16: is a hole of the archive if nothing is listed, or the host has nothing', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-06', '1 HOUR', "t < '2025-06-02' OR t >= '2025-06-04'"));
    await list(btc, ['2025-06-01', '2025-06-04', '2025-06-05'], 'loaded');
    await list(btc, ['2025-06-03'], 'absent');
    expect(await gaps()).toEqual([
      ['2025-06-02 00:00:00', '2025-06-04 00:00:00', '48', 'archive_hole', 'listing of 2025-06-06T08:35:00Z'],
    ]);
  });

  test('A16: is a hole of the archive for a month without a file between its neighbours', async () => {
    const series = { ...btc, timeframe: '1mo' };
    await bars(series, grid('2024-01-01', '2024-06-01', '1 MONTH', "t <> '2024-03-01'"));
    await list(series, ['2024-01', '2024-02', '2024-04', '2024-05'], 'loaded');
    expect(await gaps()).toEqual([
      ['2024-03-01 00:00:00', '2024-04-01 00:00:00', '1', 'archive_hole', 'listing of 2024-06-01T08:35:00Z'],
    ]);
  });

  test('can change within a range, which is split there', async () => {
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

  test('is an outage if there is only a monthly archive, and unverified while a daily one is unread (A15)', async () => {
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

  test('is never an outage if an archive was read and its bars are not in the table', async () => {
    await bars(btc, grid('2025-06-01', '2025-06-02', '1 HOUR'));
    await list(btc, days('2025-06-01', 2), 'loaded');
    expect((await gaps()).map(([, , , cause]) => cause)).toEqual(['unverified']);
  });
});

describe('a ticker', () => {
  const others = { ...btc, symbol: 'ETHUSDT' };

  test('A24: that is reused was not trading in between', async () => {
    const luna = { symbol: 'LUNAUSDT', timeframe: '1h', market: 'spot' } as const;
    await bars(luna, grid('2022-05-10', '2022-06-05', '1 HOUR', "t < '2022-05-13 03:00' OR t >= '2022-05-31 06:00'"));
    await list(others, days('2022-05-01', 35));
    await list(luna, [...days('2022-05-10', 4), ...days('2022-05-31', 5), '2022-05'], 'loaded');
    expect(await gaps()).toEqual([
      ['2022-05-13 03:00:00', '2022-05-31 06:00:00', '435', 'not_trading', key(luna, '2022-05-13')],
    ]);
  });

  test('that has left has no gap after its last archive, and is not trading after its last bar', async () => {
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

  test('A21: that is late lacks the days that are published for others', async () => {
    const late = { ...btc, symbol: 'LATEUSDT' };
    await list(others, days('2025-06-01', 9));
    await bars(late, grid('2025-06-01', '2025-06-08', '1 HOUR'));
    await list(late, days('2025-06-01', 7), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-08 00:00:00', '2025-06-10 00:00:00', '48', 'not_published', 'listing of 2025-06-08T08:35:00Z'],
    ]);
  });

  test('A22: of a delivery contract ends with the contract', async () => {
    const delivery = { symbol: 'BTCUSDT_250627', timeframe: '1d', market: 'futures/um' } as const;
    await list({ ...others, timeframe: '1d', market: 'futures/um' }, days('2025-06-20', 11));
    await bars(delivery, grid('2025-06-20', '2025-06-28', '1 DAY'));
    await list(delivery, days('2025-06-20', 8), 'loaded');
    expect(await bench.build('symbols').then(() => bench.build('gaps'))).toMatchObject({ rows: 0 });
  });

  test('that is missing while nothing of its market is listed is a hole of the archive', async () => {
    await bars(btc, grid('2025-05-01', '2025-06-02', '1 HOUR', "t < '2025-05-02' OR t >= '2025-06-01'"));
    await list(btc, ['2025-05-01', '2025-06-01'], 'loaded');
    expect((await gaps()).map(([, , bars, cause]) => [bars, cause])).toEqual([['720', 'archive_hole']]);
  });
});

describe('the head of a grid', () => {
  const monthOfHours = grid('2025-06-01', '2025-07-01', '1 HOUR');
  const ranges = async () => (await gaps()).map(([start, , bars, cause]) => [start, bars, cause]);

  test.each(['rejected', 'failed'] as const)(
    'A28: is a monthly archive that was %s, followed by daily ones',
    async (status) => {
      await bars(btc, grid('2025-06-01', '2025-06-10', '1 HOUR'));
      await list(btc, ['2025-05'], status);
      await list(btc, days('2025-06-01', 9), 'loaded');
      expect(await gaps()).toEqual([
        ['2025-05-01 00:00:00', '2025-06-01 00:00:00', '744', status, key(btc, '2025-05')],
      ]);
    },
  );

  test('A28: is a monthly archive that the host does not have', async () => {
    await bars(btc, monthOfHours);
    await list(btc, ['2025-05'], 'absent');
    await list(btc, ['2025-06'], 'loaded');
    expect(await ranges()).toEqual([['2025-05-01 00:00:00', '744', 'archive_hole']]);
  });

  test('A28: is a refused daily archive, followed by monthly ones', async () => {
    await bars(btc, monthOfHours);
    await list(btc, ['2025-05-30'], 'rejected');
    await list(btc, ['2025-05-31'], 'failed');
    await list(btc, ['2025-06'], 'loaded');
    expect(await ranges()).toEqual([
      ['2025-05-30 00:00:00', '24', 'rejected'],
      ['2025-05-31 00:00:00', '24', 'failed'],
    ]);
  });

  test('A28: is the first listed daily archive of a refused month, if it has any (A11)', async () => {
    await bars(btc, grid('2025-05-21', '2025-06-01', '1 HOUR'));
    await list(btc, ['2025-05', '2025-05-20'], 'rejected');
    await list(btc, days('2025-05-21', 11), 'loaded');
    expect(await ranges()).toEqual([['2025-05-20 00:00:00', '24', 'rejected']]);
  });

  test('A28: is the first row of a month that was read and rejected for a value', async () => {
    await bars(btc, monthOfHours);
    await list(btc, ['2025-05'], 'rejected');
    await list(btc, ['2025-06'], 'loaded');
    await bench.warehouse.run(
      `UPDATE staged_archives SET first_open_time = '2025-05-20 10:00:00' WHERE key = '${key(btc, '2025-05')}'`,
    );
    expect(await ranges()).toEqual([['2025-05-20 10:00:00', '278', 'rejected']]);
  });

  test('A28: is the first listed archive, if it has not been requested', async () => {
    await bars(btc, monthOfHours);
    await list(btc, ['2025-04', '2025-05']);
    await list(btc, ['2025-06'], 'loaded');
    expect(await gaps()).toEqual([
      ['2025-04-01 00:00:00', '2025-06-01 00:00:00', '1464', 'unverified', key(btc, '2025-04')],
    ]);
  });

  test('A28: is the first bar if the first archive was read and starts before trading did', async () => {
    await bars(btc, grid('2025-05-20 10:00', '2025-07-01', '1 HOUR'));
    await list(btc, ['2025-05', '2025-06'], 'loaded');
    await list(btc, days('2025-05-20', 42));
    expect(await gaps()).toEqual([]);
  });

  test('A28: of weeks is the first Monday of a refused month', async () => {
    const weeks = { ...btc, timeframe: '1w' };
    await bars(weeks, grid('2025-06-02', '2025-07-01', '7 DAYS'));
    await list(weeks, ['2025-05'], 'rejected');
    await list(weeks, ['2025-06'], 'loaded');
    expect(await ranges()).toEqual([['2025-05-05 00:00:00', '4', 'rejected']]);
  });

  test('A28: of 3d is counted from the first bar', async () => {
    const bars3d = { ...btc, timeframe: '3d' };
    await bars(bars3d, grid('2025-06-03', '2025-07-01', '3 DAYS'));
    await list(bars3d, ['2025-05'], 'rejected');
    await list(bars3d, ['2025-06'], 'loaded');
    expect(await ranges()).toEqual([['2025-05-01 00:00:00', '11', 'rejected']]);
  });
});

describe('a truncated file', () => {
  const eth = { ...btc, symbol: 'ETHUSDT' };
  const missing = "t NOT BETWEEN '2025-06-02 20:00' AND '2025-06-03 05:00'";
  const hour = (times: string) => grid('2025-06-01', '2025-06-05', '1 HOUR', times);

  beforeEach(async () => {
    await bars(btc, hour(missing));
    await list(btc, days('2025-06-01', 4), 'loaded');
  });

  test('A30 B38: is a hole of the archive if another symbol has the hours, and an outage if none has', async () => {
    await bars(eth, hour("t NOT BETWEEN '2025-06-02 22:00' AND '2025-06-03 02:00'"));
    await list(eth, days('2025-06-01', 4), 'loaded');
    const [second, third] = ['2025-06-02', '2025-06-03'].map((day) => key(btc, day));
    expect((await gaps()).filter(([, , , , evidence]) => evidence?.includes('BTCUSDT'))).toEqual([
      ['2025-06-02 20:00:00', '2025-06-02 22:00:00', '2', 'archive_hole', second],
      ['2025-06-02 22:00:00', '2025-06-03 03:00:00', '5', 'exchange_outage', second],
      ['2025-06-03 03:00:00', '2025-06-03 06:00:00', '3', 'archive_hole', third],
    ]);
  });

  const witnesses: readonly (readonly [string, Series, string, string])[] = [
    ['its own minutes', { ...btc, timeframe: '1m' }, '2025-06-02 23:59', 'archive_hole'],
    ['minutes of another', { ...eth, timeframe: '1m' }, '2025-06-02 23:59', 'archive_hole'],
    ['a bar off the grid', eth, '2025-06-02 23:28:14.789', 'archive_hole'],
    ['a longer bar', { ...eth, timeframe: '2h' }, '2025-06-02 22:00', 'exchange_outage'],
    ['a day', { ...eth, timeframe: '1d' }, '2025-06-02 00:00', 'exchange_outage'],
    ['an hour of another market', { ...eth, market: 'futures/um' }, '2025-06-02 23:00', 'exchange_outage'],
    ['the hour before and after', { ...eth, timeframe: '30m' }, '2025-06-02 19:30', 'exchange_outage'],
  ];
  test.each(witnesses)('A30 B38: is judged by %s (%o)', async (_, series, time, cause) => {
    await bars(series, `VALUES (TIMESTAMP '${time}')`);
    const found = (await gaps()).filter(([, , , , evidence]) => evidence?.includes('/BTCUSDT/1h/'));
    const at = found.find(([start, end]) => `${start}` <= '2025-06-02 23:00:00' && `${end}` > '2025-06-02 23:00:00');
    expect(at?.[3]).toBe(cause);
    expect(found.reduce((sum, [, , bars]) => sum + Number(bars), 0)).toBe(10);
  });

  test('A30 B38: has an outage exactly in those slots in which no series of the market has a bar', async () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { maxLength: 20 });
    const quarters = fc.uniqueArray(fc.integer({ min: 0, max: 95 }), { maxLength: 8 });
    const at = (minutes: number) =>
      new Date(Date.parse('2025-06-02T00:00Z') + minutes * minute).toISOString().slice(0, 16).replace('T', ' ');
    const values = (minutes: readonly number[]) =>
      `SELECT t FROM (VALUES ${[...minutes, -1440].map((one) => `(TIMESTAMP '${at(one)}')`).join(', ')}) AS v(t)`;
    await fc.assert(
      fc.asyncProperty(some, some, quarters, async (own, others, short) => {
        await bench.reset();
        await bars(btc, `${values(own.map((hour) => hour * 60))} UNION SELECT TIMESTAMP '2025-06-03'`);
        await bars(eth, values(others.map((hour) => hour * 60)));
        await bars({ ...eth, symbol: 'XUSDT', timeframe: '15m' }, values(short.map((quarter) => quarter * 15)));
        await list(btc, days('2025-06-01', 3), 'loaded');
        const found = new Map<number, string>();
        for (const [start, end, , cause, evidence] of await gaps()) {
          if (!evidence?.includes('/BTCUSDT/1h/')) continue;
          const [from, to] = [start, end].map(
            (time) => (Date.parse(`${time}Z`.replace(' ', 'T')) - Date.parse('2025-06-02T00:00Z')) / (60 * minute),
          );
          for (let hour = from as number; hour < (to as number); hour++) found.set(hour, cause ?? '');
        }
        for (let hour = 0; hour < 24; hour++) {
          const isThere = own.includes(hour);
          const isKnown = others.includes(hour) || short.some((quarter) => Math.floor(quarter / 4) === hour);
          const cause = own.length === 0 ? 'unverified' : isKnown ? 'archive_hole' : 'exchange_outage';
          expect(found.get(hour), `hour ${hour}`).toBe(isThere ? undefined : cause);
        }
      }),
      { numRuns: 8 },
    );
  });
});

describe('a truncated month', () => {
  const shib = { symbol: 'SHIBUSDT', timeframe: '1d', market: 'spot' } as const;

  test('A30: is a hole of the archive from where it breaks off if the next one continues', async () => {
    await bars(shib, grid('2024-06-01', '2024-09-01', '1 DAY', "t < '2024-07-08' OR t >= '2024-08-01'"));
    await list(shib, ['2024-06', '2024-07', '2024-08'], 'loaded');
    expect(await gaps()).toEqual([
      ['2024-07-08 00:00:00', '2024-08-01 00:00:00', '24', 'archive_hole', key(shib, '2024-07')],
    ]);
  });

  test('A24: is a ticker that was away if trading ends and starts within files', async () => {
    await bars({ ...shib, symbol: 'BTCUSDT' }, grid('2024-06-01', '2024-09-01', '1 DAY'));
    await bars(shib, grid('2024-06-01', '2024-09-01', '1 DAY', "t < '2024-07-08' OR t >= '2024-07-28'"));
    await list(shib, ['2024-06', '2024-07', '2024-08'], 'loaded');
    expect((await gaps()).map(([, , bars, cause]) => [bars, cause])).toEqual([['20', 'not_trading']]);
  });

  test('A30: of weeks lacks any number of weeks whose days exist', async () => {
    const weeks = { ...shib, timeframe: '1w' };
    await bars(shib, grid('2024-05-01', '2024-09-01', '1 DAY'));
    await list(shib, ['2024-05', '2024-06', '2024-07', '2024-08'], 'loaded');
    await bars(weeks, grid('2024-05-06', '2024-08-27', '7 DAYS', "t NOT BETWEEN '2024-06-10' AND '2024-06-24'"));
    await list(weeks, ['2024-05', '2024-06', '2024-07', '2024-08'], 'loaded');
    expect(await gaps()).toEqual([
      ['2024-06-10 00:00:00', '2024-07-01 00:00:00', '3', 'archive_hole', key(weeks, '2024-06')],
    ]);
  });
});

describe('a contract after its delivery', () => {
  const delivery = { symbol: 'BTCUSDT_250627', timeframe: '1h', market: 'futures/um' } as const;
  const others = { ...delivery, symbol: 'BTCUSDT' };

  test('A32: is not trading immediately, even on the newest day', async () => {
    await bars(others, grid('2025-06-25', '2025-06-28', '1 HOUR'));
    await bars(delivery, grid('2025-06-25', '2025-06-27 08:00', '1 HOUR'));
    await list(delivery, days('2025-06-25', 3), 'loaded');
    expect(await gaps()).toEqual([
      ['2025-06-27 08:00:00', '2025-06-28 00:00:00', '16', 'not_trading', key(delivery, '2025-06-27')],
    ]);
  });

  test.each([
    ['rejected', 'rejected'],
    ['failed', 'failed'],
    ['absent', 'archive_hole'],
    [undefined, 'unverified'],
  ] as const)("A32: is not trading whatever the status of that day's archive: %s", async (status, cause) => {
    await bars(delivery, grid('2025-06-25', '2025-06-27', '1 HOUR'));
    await list(delivery, days('2025-06-25', 2), 'loaded');
    await list(delivery, ['2025-06-27'], status);
    await list(others, days('2025-06-25', 20));
    expect((await gaps()).map(([start, end, , cause]) => [start, end, cause])).toEqual([
      ['2025-06-27 00:00:00', '2025-06-27 08:00:00', cause],
      ['2025-06-27 08:00:00', '2025-06-28 00:00:00', 'not_trading'],
    ]);
  });

  test('A32: is not trading even if that day is not listed yet', async () => {
    await bars(delivery, grid('2025-06-25', '2025-06-27', '1 HOUR'));
    await list(delivery, days('2025-06-25', 2), 'loaded');
    await list(others, days('2025-06-25', 3));
    expect((await gaps()).map(([start, end, , cause]) => [start, end, cause])).toEqual([
      ['2025-06-27 00:00:00', '2025-06-27 08:00:00', 'not_published'],
      ['2025-06-27 08:00:00', '2025-06-28 00:00:00', 'not_trading'],
    ]);
  });

  test('A32: is a hole of the archive before its delivery if the file is truncated', async () => {
    await bars(others, grid('2025-06-25', '2025-07-10', '1 HOUR'));
    await list(others, days('2025-06-25', 15), 'loaded');
    await bars(delivery, grid('2025-06-25', '2025-06-27 05:00', '1 HOUR'));
    await list(delivery, days('2025-06-25', 3), 'loaded');
    expect((await gaps()).map(([start, end, , cause]) => [start, end, cause])).toEqual([
      ['2025-06-27 05:00:00', '2025-06-27 08:00:00', 'archive_hole'],
      ['2025-06-27 08:00:00', '2025-06-28 00:00:00', 'not_trading'],
    ]);
  });

  test.each([
    ['4h', '4 HOURS', 4],
    ['12h', '12 HOURS', 1],
    ['1d', '1 DAY', 0],
  ])('A32: has traded, at %s, in the slot of its delivery', async (timeframe, step, after) => {
    const series = { ...delivery, timeframe };
    await bars(series, grid('2025-06-25', '2025-06-27 08:00', step));
    await list(series, days('2025-06-25', 3), 'loaded');
    await list({ ...others, timeframe }, days('2025-06-25', 20));
    const found = await bench.build('symbols').then(() => bench.build('gaps'));
    expect(found).toMatchObject({ rows: after > 0 ? 1 : 0 });
    expect(await bench.texts('SELECT missing_bars, cause FROM gaps')).toEqual(
      after > 0 ? [[String(after), 'not_trading']] : [],
    );
  });
});

test('B38: a bar of one series changes the causes of another', async () => {
  const others = { ...btc, symbol: 'ETHUSDT' };
  const earlier = { ...btc, symbol: 'OLDUSDT' };
  const elsewhere = { ...btc, market: 'futures/um' } as const;
  for (const series of [btc, others, elsewhere]) {
    await bars(series, grid('2025-06-01', '2025-06-03', '1 HOUR', "t <> '2025-06-01 05:00'"));
    await list(series, days('2025-06-01', 2), 'loaded');
  }
  await bars(earlier, grid('2025-03-01', '2025-03-02', '1 HOUR', "t <> '2025-03-01 05:00'"));
  await list(earlier, ['2025-03-01'], 'loaded');
  await bench.build('symbols');
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass', partitions: 4, rows: 4 });
  expect(await bench.build('gaps')).toMatchObject({ status: 'reused' });
  await bars(others, "VALUES (TIMESTAMP '2025-06-01 05:00')");
  // The new bar of another series shows that the file of the first one is truncated.
  expect(await bench.build('gaps')).toMatchObject({ status: 'pass', partitions: 4, rows: 3 });
  expect(await bench.texts('SELECT instrument_type, symbol, gap_start, cause FROM gaps ORDER BY ALL')).toEqual([
    ['futures-um', 'BTCUSDT', '2025-06-01 05:00:00', 'exchange_outage'],
    ['spot', 'BTCUSDT', '2025-06-01 05:00:00', 'archive_hole'],
    ['spot', 'OLDUSDT', '2025-03-01 05:00:00', 'exchange_outage'],
  ]);
});
