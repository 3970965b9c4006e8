import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { archive, type Listed, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

const figures = ['open', 'high', 'low', 'close', 'volume', 'closeTime', 'quoteVolume', 'count', 'taker', 'takerQuote'];
type Changes = Readonly<Record<string, string | number>>;

/** A spot 1d line as published; `changes` are keyed by the names above. */
function line(day: string, changes: Changes = {}): string {
  const openTime = Date.parse(day);
  const usual: Changes = {
    ...{ open: '23455.54', high: '24102.77', low: '21815.00', close: '22719.71', volume: '88030.297200' },
    ...{ closeTime: openTime + 86_399_999, quoteVolume: '2024186161.13', count: '1681216' },
    ...{ taker: '41894.40', takerQuote: '963535163.22' },
  };
  return [openTime, ...figures.map((name) => changes[name] ?? usual[name]), 0].join(',');
}

type Archive = Listed & { readonly lines: readonly string[] };
const btc = { symbol: 'BTCUSDT', market: 'spot' } as const;
const monthly = (period: string, ...lines: readonly string[]): Archive => ({ ...btc, period, lines });
const daily = (period: string, changes?: Changes): Archive => ({ ...btc, period, lines: [line(period, changes)] });

/** Stages archives and builds; records the partitions that `conflicts` has opened. */
function stagingArea() {
  const lines: Record<string, readonly string[]> = {};
  let opened: (readonly string[])[] = [];
  return {
    async build(...archives: readonly Archive[]) {
      for (const one of archives) {
        const { key } = archive(one);
        await bench.warehouse.run(`DELETE FROM staged_archives WHERE "key" = '${key}'`);
        await bench.stage({ ...one, size: crc32(one.lines.join()) });
        lines[key] = one.lines;
      }
      await bench.build('ohlcv', { source: bench.source(lines).source });
      const { source } = bench.source(lines);
      const open: typeof source.staged.open = (partitions, options) => {
        opened = [...opened, partitions];
        return source.staged.open(partitions, options);
      };
      return bench.build('conflicts', { source: { ...source, staged: { ...source.staged, open } } });
    },
    async remove(one: Archive) {
      const { key } = archive(one);
      await bench.warehouse.run(`DELETE FROM staged_archives WHERE "key" = '${key}'`);
      delete lines[key];
    },
    opened: () => opened,
  };
}
const conflicts = (columns = '"timestamp", column_name, monthly_value, daily_value') =>
  bench.texts(`SELECT ${columns} FROM conflicts ORDER BY ALL`);

test('A12: a difference between a monthly and a daily archive is recorded as published in both, and daily wins', async () => {
  await stagingArea().build(
    monthly(
      '2020-12',
      line('2020-12-20'),
      line('2020-12-21', { volume: '85000.1', count: '1600000' }),
      line('2020-12-22'),
    ),
    daily('2020-12-21', { volume: '88030.297200' }),
    daily('2020-12-22'),
  );
  const keys =
    'data/spot/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2020-12.zip|data/spot/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2020-12-21.zip';
  expect((await conflicts('*')).map((row) => row.join('|'))).toEqual([
    `spot|BTCUSDT|1d|2020-12-21 00:00:00|${keys}|number_of_trades|1600000|1681216`,
    `spot|BTCUSDT|1d|2020-12-21 00:00:00|${keys}|volume|85000.1|88030.297200`,
  ]);
  expect(await bench.texts(`SELECT volume, data_source FROM ohlcv WHERE "timestamp" = '2020-12-21'`)).toEqual([
    ['88030.2972', 'daily'],
  ]);
});

test('every stored figure is compared, and nothing else', async () => {
  const other = Object.fromEntries(
    figures.map((name) => [name, name === 'closeTime' ? Date.parse('2020-12-21') : '5']),
  ) as Changes;
  const even = { ...other, open: '5', high: '5', low: '5', close: '5' };
  await stagingArea().build(
    monthly('2020-12', line('2020-12-21', even), line('2020-12-22').replace(/0$/, '39713.40')),
    daily('2020-12-21'),
    daily('2020-12-22'),
  );
  expect((await conflicts('column_name')).flat()).toEqual([
    ...['close', 'close_time', 'high', 'low', 'number_of_trades', 'open', 'quote_asset_volume'],
    ...['taker_buy_base_asset_volume', 'taker_buy_quote_asset_volume', 'volume'],
  ]);
});

test.each([
  [
    'numbers that are written differently (A5)',
    line('2020-12-21', { volume: '88030.2972', quoteVolume: '2024186161.1300' }),
  ],
  ['repeated rows (A10)', `${line('2020-12-21')}\n${line('2020-12-21')}`],
])('%s are not conflicts', async (_what, text) => {
  await stagingArea().build(monthly('2020-12', ...text.split('\n')), daily('2020-12-21'));
  expect(await conflicts()).toEqual([]);
});

test('an archive with impossible values takes part in no conflict (A11)', async () => {
  await stagingArea().build(monthly('2020-12', line('2020-12-21', { volume: '-9' })), daily('2020-12-21'));
  expect(await conflicts()).toEqual([]);
});

test('CSVs are read only for months with both kinds staged, and only once', async () => {
  const area = stagingArea();
  const months = [monthly('2020-11', line('2020-11-01')), monthly('2020-12', line('2020-12-21'))];
  await area.build(...months, daily('2021-01-01'));
  expect(area.opened()).toEqual([]);
  await area.build(daily('2020-12-21', { close: '22720' }));
  expect(area.opened()).toEqual([['spot/BTCUSDT/1d/2020-12-01']]);
  expect(await area.build()).toMatchObject({ status: 'reused' });
  expect(area.opened()).toHaveLength(1);
});

test('a conflict disappears with its archive', async () => {
  const area = stagingArea();
  const day = daily('2020-12-21', { close: '22720' });
  await area.build(monthly('2020-12', line('2020-12-21')), day);
  expect(await conflicts()).toHaveLength(1);
  await area.remove(day);
  await area.build();
  expect(await conflicts()).toEqual([]);
});

test('in any order of arrival, including re-issues, the rows are those of a full build', async () => {
  const days = ['2021-09-28', '2021-09-29', '2021-10-01'];
  const close = fc.constantFrom('22719.71', '22720', '22721');
  const version = fc.oneof(
    fc.record({ day: fc.constantFrom(...days), close }).map((one) => daily(one.day, { close: one.close })),
    fc
      .record({ month: fc.constantFrom('2021-09', '2021-10'), closes: fc.tuple(close, close) })
      .map(({ month, closes }) => {
        const of = days.filter((day) => day.startsWith(month));
        return monthly(month, ...of.map((day, at) => line(day, { close: closes[at] as string })));
      }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(version, { minLength: 2, maxLength: 5 }), async (versions) => {
      await bench.reset();
      const area = stagingArea();
      for (const one of versions) await area.build(one);
      const grown = await conflicts('*');
      const latest = new Map(versions.map((one) => [archive(one).key, one]));
      await bench.reset();
      await stagingArea().build(...latest.values());
      expect(grown).toEqual(await conflicts('*'));
      const closeIn = (period: string, day: string) =>
        latest
          .get(archive({ ...btc, period }).key)
          ?.lines.find((text) => text.startsWith(`${Date.parse(day)}`))
          ?.split(',')[4];
      const expected = days.filter((day) => {
        const [one, other] = [closeIn(day.slice(0, 7), day), closeIn(day, day)];
        return one !== undefined && other !== undefined && one !== other;
      });
      expect(grown.map((row) => row[3]?.slice(0, 10))).toEqual(expected);
    }),
    { numRuns: 10 },
  );
}, 60_000);
