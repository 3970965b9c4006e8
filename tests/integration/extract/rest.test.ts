import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import klines from '../../../extract/klines.ts';
import { pruneStaged } from '../../../extract/staging/prune.ts';
import { daysFrom } from '../../support/archive.ts';
import { barLine, barLines, type Exchange, type Market, openExchange } from '../../support/exchange.ts';
import { node } from '../../support/node-process.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { jumpingClock, restLines, runRest, runRestAlone } from './rest-support.ts';
import { filesBelow, keyOf, ledgerOf, runExtracts } from './support.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const at = (time: string) => Date.parse(`${time}Z`);
const opensIn =
  (from: string, to: string) =>
  (line: string): boolean =>
    Number(line.split(',')[0]) >= at(from) && Number(line.split(',')[0]) < at(to);

let bucket: Bucket;
let exchange: Exchange;
let stagingDir: string;

beforeEach(async () => {
  bucket = await openBucket();
  exchange = await openExchange();
  stagingDir = await tempDir('rest-');
});
afterEach(async () => {
  await bucket[Symbol.asyncDispose]();
  await exchange[Symbol.asyncDispose]();
});

const hours = { options: { timeframes: ['1h'] } };
const run = () => ({ url: bucket.url, stagingDir, exchange, ...hours });

/** Daily archives of USD-M hours, each with the exchange's bars of its day. */
function publish(days: readonly string[], bars: readonly string[], symbol = 'BTCUSDT', timeframe = '1h'): void {
  for (const date of days) {
    const next = new Date(Date.parse(date) + day).toISOString().slice(0, -1);
    bucket.putArchive(keyOf(date, symbol, timeframe), bars.filter(opensIn(`${date}T00:00:00`, next)));
  }
}

describe('the extract requests', () => {
  test('B8: the recent tail and an inner hole, exactly the bars that only the exchange has', async () => {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-12T00:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-01', '2025-07-02', '2025-07-03', '2025-07-06', '2025-07-07', '2025-07-08'], bars);
    const { summary } = await runRest(run());
    const expected = [
      ...bars.filter(opensIn('2025-07-04T00:00', '2025-07-06T00:00')),
      ...bars.filter(opensIn('2025-07-09T00:00', '2025-07-10T09:00')),
    ];
    expect(restLines(stagingDir)).toEqual(expected);
    expect(summary).toMatchObject({ series: 1, bars: 48 + 33, requests: 1 });
    expect(ledgerOf(stagingDir).get('BTCUSDT-1h-2025-07.csv')).toMatchObject({
      key: 'data/futures/um/rest/klines/BTCUSDT/1h/BTCUSDT-1h-2025-07.csv',
      ...{ status: 'staged', row_count: 81, first_open_time: at('2025-07-04T00:00') * 1000 },
    });
  });

  test.each<[Market, string, number]>([
    ['spot', 'spot', 5],
    ['futures-um', 'futures/um', 9],
    ['futures-cm', 'futures/cm', 9],
  ])('B8: all pages of a hole of %s that is too large for one answer', async (market, path, pages) => {
    const bars = barLines('2025-07-05T00:00:00Z', '2025-07-10T00:00:00Z', minute);
    exchange.bars.set(`${market}/BTCUSDT/1m`, bars);
    for (const [date, next] of [
      ['2025-07-05', '2025-07-06'],
      ['2025-07-09', '2025-07-10'],
    ] as const) {
      bucket.putArchive(keyOf(date, 'BTCUSDT', '1m', path), bars.filter(opensIn(`${date}T00:00`, `${next}T00:00`)));
    }
    const options = { instrument_types: [market], timeframes: ['1m'] };
    const { summary } = await runRest({ ...run(), options, asOf: new Date('2025-07-10T00:00:00Z') });
    expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-07-06T00:00', '2025-07-09T00:00')));
    expect(summary).toMatchObject({ bars: 3 * 1440, requests: pages });
    expect([...filesBelow(stagingDir).keys()].filter((name) => /^rest\/.*csv$/.test(name))).toHaveLength(3);
  });

  test('further pages after a short answer', async () => {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-01'], bars);
    exchange.bodies.push(
      `[[${bars[24]?.replace(/[^,]+/g, '"$&"').replace(/^"(\d+)"/, '$1')}]]`
        .replace(/"(\d{13})"/, '$1')
        .replace(/"(\d+)"(?=,"[\d.]+","[\d.]+","0")/, '$1'),
    );
    await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
    expect(exchange.requests().map(({ start }) => start)).toEqual([at('2025-07-02T00:00'), at('2025-07-02T01:00')]);
  });

  test('hours that a daily archive lacks, and none that a bar off the grid covers (A8)', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-09T00:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    const offGrid = barLine(at('2025-07-08T09:28:14.789'), hour);
    const archived = bars.flatMap((line, index) =>
      index === 7 || index === 8 ? [] : index === 9 ? [offGrid] : [line],
    );
    bucket.putArchive(keyOf('2025-07-08', 'BTCUSDT', '1h'), archived);
    await runRest({ ...run(), asOf: new Date('2025-07-09T00:00:00Z') });
    expect(restLines(stagingDir)).toEqual([bars[7], bars[8]]);
    expect(exchange.requests()).toMatchObject([
      { start: at('2025-07-08T07:00'), end: at('2025-07-08T09:00') - 1, limit: 2 },
    ]);
  });

  test('the edges of the window, and nothing outside it', async () => {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-10T00:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-04'], bars);
    const window = { start: new Date('2025-07-03'), end: new Date('2025-07-06') };
    await runRest({ ...run(), window });
    expect(restLines(stagingDir)).toEqual([
      ...bars.filter(opensIn('2025-07-03T00:00', '2025-07-04T00:00')),
      ...bars.filter(opensIn('2025-07-05T00:00', '2025-07-06T00:00')),
    ]);
  });

  test('B18: months, as 1M, weeks and 3d, each in its own calendar', async () => {
    const months = ['2025-01', '2025-02', '2025-03', '2025-04', '2025-05', '2025-06'].map((month) => {
      const end = new Date(`${month}-01`).setUTCMonth(Number(month.slice(5)));
      return barLine(Date.parse(`${month}-01`), end - Date.parse(`${month}-01`));
    });
    const weeks = barLines('2025-06-02T00:00:00Z', '2025-07-21T00:00:00Z', 7 * day);
    const threes = barLines('2025-06-03T00:00:00Z', '2025-07-15T00:00:00Z', 3 * day);
    for (const [interval, bars] of [
      ['1M', months],
      ['1w', weeks],
      ['3d', threes],
    ] as const)
      exchange.bars.set(`futures-um/BTCUSDT/${interval}`, bars);
    bucket.putArchive(keyOf('2025-01', 'BTCUSDT', '1mo'), months.slice(0, 1));
    bucket.putArchive(keyOf('2025-03', 'BTCUSDT', '1mo'), months.slice(2, 3));
    bucket.putArchive(keyOf('2025-06', 'BTCUSDT', '1w'), weeks.filter(opensIn('2025-06-01', '2025-07-01')));
    bucket.putArchive(keyOf('2025-06', 'BTCUSDT', '3d'), threes.filter(opensIn('2025-06-01', '2025-07-01')));
    await runRest({ ...run(), options: { timeframes: ['1mo', '1w', '3d'] } });
    const closed = (bars: readonly string[]) =>
      bars.filter((line) => Number(line.split(',')[6]) < at('2025-07-10T09:00'));
    expect([...restLines(stagingDir)].sort()).toEqual(
      [
        ...[months[1], months[3], months[4], months[5]],
        ...closed(weeks).filter(opensIn('2025-07-01', '2025-08-01')),
        ...closed(threes).filter(opensIn('2025-07-01', '2025-08-01')),
      ].sort(),
    );
  });

  test('few pages for years without trading', async () => {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-02T00:00:00Z', minute);
    const oldest = barLines('2022-03-05T10:00:00Z', '2022-03-05T12:00:00Z', minute);
    exchange.bars.set('futures-um/BTCUSDT/1m', [...oldest, ...bars]);
    exchange.bars.set('futures-um/BTCUSDT/1d', [
      barLine(at('2022-03-05T00:00'), day),
      barLine(at('2025-07-01T00:00'), day),
    ]);
    publish(['2025-07-01'], bars, 'BTCUSDT', '1m');
    const window = { start: new Date('2019-01-01'), end: new Date('2025-07-02') };
    const { summary } = await runRest({ ...run(), options: { timeframes: ['1m'] }, window });
    expect(restLines(stagingDir)).toEqual(oldest);
    expect(summary.requests).toBeLessThan(30);
  });
});

describe('no bar is invented', () => {
  test('A17: a slot without a bar at the exchange stays empty, and is not requested again', async () => {
    const all = barLines('2025-07-06T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    const bars = all.filter((line) => !opensIn('2025-07-07T03:00', '2025-07-07T13:00')(line));
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-06', '2025-07-07', '2025-07-08', '2025-07-09'], bars);
    const first = await runRest({ ...run(), asOf: new Date('2025-07-10T00:00:00Z') });
    expect(first).toMatchObject({ status: 'no-op', summary: { bars: 0, requests: 1 } });
    const files = filesBelow(stagingDir);
    exchange.requests();
    await runRest({ ...run(), asOf: new Date('2025-07-10T00:00:00Z') });
    expect(exchange.requests()).toEqual([]);
    expect(filesBelow(stagingDir)).toEqual(files);
    expect(restLines(stagingDir)).toEqual([]);
  });

  test('the last bar counts once it has closed by the clocks of both the run and the exchange', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-12T00:00:00Z', hour);
    await using late = await openExchange({ now: () => at('2025-07-10T07:30') });
    for (const one of [exchange, late]) one.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    const half = { ...run(), asOf: new Date('2025-07-10T08:59:59.999Z') };
    await runRest({ ...half, exchange: late });
    expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-07-09T00:00', '2025-07-10T07:00')));
    await runRest(half);
    expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-07-09T00:00', '2025-07-10T08:00')));
    await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-07-09T00:00', '2025-07-10T09:00')));
  });

  test('A9: a bar with a far-off close time is taken unchanged once its slot is over', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-12T00:00:00Z', hour);
    const closing = (index: number, close: number) => (bars[index] as string).split(',').with(6, `${close}`).join(',');
    const odd = bars
      .with(30, closing(30, 0))
      .with(40, closing(40, at('2030-01-01T00:00')))
      .with(55, closing(55, 0));
    await using late = await openExchange({ now: () => at('2025-07-10T07:30') });
    late.bars.set('futures-um/BTCUSDT/1h', odd);
    publish(['2025-07-08'], bars);
    const { warnings } = await runRest({ ...run(), exchange: late });
    expect(warnings).toEqual([]);
    expect(restLines(stagingDir)).toEqual(odd.slice(24, 55));
  });

  test('A14, B25: a bar with impossible values is left out and named, and the others are taken', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    const odd = [...bars];
    const change = (index: number, field: number, value: string) => {
      odd[index] = (odd[index] as string).split(',').with(field, value).join(',');
    };
    change(25, 5, '-1.0');
    change(26, 2, '1.0');
    change(27, 9, '1e9');
    change(28, 5, 'NaN');
    change(29, 8, '7.5');
    exchange.bars.set('futures-um/BTCUSDT/1h', odd);
    publish(['2025-07-08'], bars);
    const { status, warnings, summary } = await runRest(run());
    expect({ status, odd: summary.odd, retries: summary.retries }).toEqual({ status: 'warn', odd: 5, retries: 0 });
    expect(warnings).toEqual([
      'skipped the bar of futures-um/1h/BTCUSDT at 2025-07-09T01:00:00.000Z: negative_value: row 2, volume -1.0',
      'skipped the bar of futures-um/1h/BTCUSDT at 2025-07-09T02:00:00.000Z: ohlc_nonsense: row 3, open 102.00, high 1.0, low 101.00, close 103.00',
      'skipped the bar of futures-um/1h/BTCUSDT at 2025-07-09T03:00:00.000Z: taker_above_total: row 4, taker_buy_volume 1e9, volume 4.00000000',
      'skipped the bar of futures-um/1h/BTCUSDT at 2025-07-09T04:00:00.000Z: not_a_number: row 5, volume NaN',
      'skipped the bar of futures-um/1h/BTCUSDT at 2025-07-09T05:00:00.000Z: not_a_number: row 6, count 7.5',
    ]);
    expect(restLines(stagingDir)).toEqual(bars.slice(24).filter((_, index) => index < 1 || index > 5));
    expect(ledgerOf(stagingDir).get('BTCUSDT-1h-2025-07.csv')).toMatchObject({
      status: 'staged',
      reason: expect.stringMatching(/^left_out: 2025-07-09T01:00:00.000Z: negative_value: row 2, volume -1.0; /),
    });
  });

  test('B25: a file with only impossible bars is rejected in the ledger, with row and reason', async () => {
    const bars = barLines('2025-06-29T00:00:00Z', '2025-07-01T01:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars.with(48, (bars[48] as string).split(',').with(5, '-1').join(',')));
    publish(['2025-06-29'], bars);
    await runRest({ ...run(), asOf: new Date('2025-07-01T01:00:00Z') });
    expect(restLines(stagingDir)).toEqual(bars.slice(24, 48));
    const entry = ledgerOf(stagingDir).get('BTCUSDT-1h-2025-07.csv');
    const reason = 'left_out: 2025-07-01T00:00:00.000Z: negative_value: row 25, volume -1';
    expect(entry).toMatchObject({ status: 'rejected', reason });
  });

  test('B25: the bars of a file that the load has rejected are requested again', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    await runRest(run());
    const { source } = await klines.staged({ stagingDir, asOf: new Date('2025-07-10T09:00:00Z') });
    const key = 'data/futures/um/rest/klines/BTCUSDT/1h/BTCUSDT-1h-2025-07.csv';
    await source?.reject([{ key, reason: 'taker_above_total: row 1, taker_buy_volume 2, volume 1' }]);
    expect(restLines(stagingDir)).toEqual([]);
    const { summary } = await runRestAlone(run());
    expect(summary).toMatchObject({ bars: 33 });
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
    expect(await runRestAlone(run())).toMatchObject({ status: 'no-op', summary: { requests: 0 } });
  });

  test.each([
    ['invalid JSON', '<html>'],
    ['no list', '{"code":0}'],
    ['11 fields', '[[1752019200000,"1","1","1","1","1",1752022799999,"1",1,"1","1"]]'],
    ['a number instead of a text', '[[1752019200000,"1",1,"1","1","1",1752022799999,"1",1,"1","1","0"]]'],
    ['a text instead of a number', '[[1752019200000,"1","1","1","1","1","1752022799999","1",1,"1","1","0"]]'],
    [
      'rows that do not ascend',
      `[${'[1752019200000,"1","1","1","1","1",1752022799999,"1",1,"1","1","0"],'.repeat(2).slice(0, -1)}]`,
    ],
  ])('an answer with %s is requested again', async (_what, body) => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    exchange.bodies.push(body, body);
    const { summary } = await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
    expect(summary).toMatchObject({ requests: 3, retries: 2 });
  });

  test('bars outside the requested range are not taken', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    const stray = (open: number) => `[${open},"1","1","1","1","1",${open + hour - 1},"1",1,"1","1","0"]`;
    exchange.bodies.push(`[${[at('2025-07-07T00:00'), at('2025-07-10T09:00'), at('2025-07-11T00:00')].map(stray)}]`);
    await runRest(run());
    expect(restLines(stagingDir)).not.toContainEqual(expect.stringMatching(/,1,1,1,/));
  });
});

describe('what the archive publishes', () => {
  test('replaces bars of the exchange, equal or not', async () => {
    const bars = barLines('2025-07-07T00:00:00Z', '2025-07-12T00:00:00Z', hour);
    exchange.bars.set(
      'futures-um/BTCUSDT/1h',
      bars.map((line) => line.replace(/,0$/, ',1')),
    );
    publish(['2025-07-07'], bars);
    await runRest(run());
    expect(restLines(stagingDir)).toHaveLength(57);
    publish(['2025-07-08'], bars);
    const { summary } = await runRest(run());
    expect(summary).toMatchObject({ bars: 0, archived: 24, requests: 0 });
    expect(restLines(stagingDir)).toHaveLength(33);
    publish(['2025-07-09', '2025-07-10'], bars);
    await runRest({ ...run(), asOf: new Date('2025-07-11T00:00:00Z') });
    expect(restLines(stagingDir)).toEqual([]);
    expect(ledgerOf(stagingDir).get('BTCUSDT-1h-2025-07.csv')).toMatchObject({
      status: 'absent',
      reason: expect.stringMatching(/^archived: /),
    });
  });

  test('is requested from the exchange again if it is withdrawn', async () => {
    const bars = barLines('2025-07-07T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-07', '2025-07-08', '2025-07-09'], bars);
    await runRest(run());
    publish(['2025-07-08'], bars.slice(0, 30));
    await runRest(run());
    expect(restLines(stagingDir)).toEqual([
      ...bars.filter(opensIn('2025-07-08T06:00', '2025-07-09T00:00')),
      ...bars.slice(72),
    ]);
  });

  test('a second run requests only new bars', async () => {
    const bars = barLines('2025-07-07T00:00:00Z', '2025-07-12T00:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-07'], bars);
    await runRest(run());
    const files = filesBelow(stagingDir);
    exchange.requests();
    expect(await runRestAlone(run())).toMatchObject({ status: 'no-op', summary: { requests: 0 } });
    expect(filesBelow(stagingDir)).toEqual(files);
    await runRestAlone({ ...run(), asOf: new Date('2025-07-10T11:00:00Z') });
    expect(exchange.requests()).toMatchObject([
      { start: at('2025-07-10T09:00'), end: at('2025-07-10T11:00') - 1, limit: 2 },
    ]);
    expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-07-08T00:00', '2025-07-10T11:00')));
  });
});

test('months whose archives were pruned after the load are left alone until these are staged again', async () => {
  const bars = barLines('2025-06-29T00:00:00Z', '2025-07-11T00:00:00Z', hour);
  exchange.bars.set('futures-um/BTCUSDT/1h', bars);
  publish(['2025-06-29', '2025-07-08'], bars);
  await runExtracts(run());
  pruneStaged(stagingDir, new Set(['futures-um/BTCUSDT/1h/2025-07-01']));
  await runRestAlone(run());
  expect(restLines(stagingDir)).toEqual(bars.filter(opensIn('2025-06-30T00:00', '2025-07-01T00:00')));
  publish(['2025-07-09'], bars);
  await runRest(run());
  expect(restLines(stagingDir)).toHaveLength(24 + 7 * 24 + 9);
});

describe('limits', () => {
  const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT', 'BNBUSDT'];

  /** A tail of 9 days of minutes for each symbol: 26 pages with a weight of 2. */
  function fillExchange(): void {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-10T09:00:00Z', minute);
    for (const symbol of symbols) {
      exchange.bars.set(`futures-um/${symbol}/1m`, bars);
      publish(['2025-07-01'], bars, symbol, '1m');
    }
  }
  const minutes = () => ({ ...run(), options: { timeframes: ['1m'] } });
  const rows = symbols.length * (8 * 1440 + 9 * 60);

  test('no minute of the exchange gets more than the declared weight', async () => {
    fillExchange();
    const clock = jumpingClock();
    await using strict = await openExchange(clock);
    for (const [name, bars] of exchange.bars) strict.bars.set(name, bars);
    strict.limits['futures-um'] = 40;
    const weights = ['spot=6000', 'futures-um=40', 'futures-cm=2400'];
    const { summary } = await runRest({ ...minutes(), exchange: strict, clock, weights });
    expect(summary).toMatchObject({ bars: rows, retries: 0 });
    expect(strict.counts.most).toBeLessThanOrEqual(40);
    expect(strict.counts.most).toBeGreaterThan(24);
    expect([...strict.counts.statuses]).toEqual([[200, summary.requests]]);
  });

  test('the weight that the exchange reports counts, including other programs', async () => {
    fillExchange();
    const clock = jumpingClock();
    await using strict = await openExchange(clock);
    for (const [name, bars] of exchange.bars) strict.bars.set(name, bars);
    strict.limits['futures-um'] = 60;
    strict.others = 30;
    const weights = ['spot=6000', 'futures-um=60', 'futures-cm=2400'];
    const { summary } = await runRest({ ...minutes(), exchange: strict, clock, weights });
    expect(summary.bars).toBe(rows);
    expect([...strict.counts.statuses]).toEqual([[200, summary.requests]]);
  });

  test('429 pauses all requests for as long as it says', async () => {
    fillExchange();
    const clock = jumpingClock('2025-07-10T09:00:20Z');
    await using strict = await openExchange(clock);
    for (const [name, bars] of exchange.bars) strict.bars.set(name, bars);
    strict.limits['futures-um'] = 100;
    const { summary, infos } = await runRest({
      ...minutes(),
      exchange: strict,
      clock,
      options: { timeframes: ['1m'], connections: 2 },
    });
    expect(summary.bars).toBe(rows);
    expect(infos).toContain('the exchange demands a pause of 40 s (429)');
    expect(clock.waits).toContain(40_000);
    expect(strict.counts.statuses.get(418)).toBeUndefined();
  });

  test('418 ends the extract with a specific error, and earlier answers are kept', async () => {
    fillExchange();
    let answers = 0;
    exchange.intercept = () => void (++answers === 10 && exchange.faults.push(...Array(8).fill(418)));
    await expect(runRest(minutes())).rejects.toMatchObject({
      code: 'EXCHANGE_BANNED',
      details: { status: 418, url: expect.stringContaining('/fapi/v1/klines?') },
    });
    const staged = restLines(stagingDir).length;
    expect(staged).toBeGreaterThan(0);
    expect(answers).toBeLessThan(16);
    exchange.intercept = undefined;
    exchange.faults.length = 0;
    expect((await runRestAlone(minutes())).summary.bars).toBe(rows - staged);
    expect(restLines(stagingDir)).toHaveLength(rows);
  });
});

describe('symbols that the exchange does not know', () => {
  test('A25: are recorded with its answer, and not requested for a while', async () => {
    publish(['2025-07-07'], barLines('2025-07-07T00:00:00Z', '2025-07-08T00:00:00Z', hour), 'LUNAUSDT');
    publish(['2025-07-07'], barLines('2025-07-07T00:00:00Z', '2025-07-08T00:00:00Z', minute), 'LUNAUSDT', '1m');
    const both = { ...run(), options: { timeframes: ['1h', '1m'], connections: 1 } };
    const first = await runRest(both);
    expect(first).toMatchObject({ status: 'no-op', summary: { unknown: 1, failed: 0, requests: 1 } });
    expect(ledgerOf(stagingDir).get('LUNAUSDT')).toMatchObject({
      ...{ key: 'data/futures/um/rest/klines/LUNAUSDT', status: 'absent' },
      reason: 'unknown_symbol: the exchange answers -1121 Invalid symbol.',
    });
    for (const [asOf, requests] of [
      ['2025-07-10T09:00:00Z', 0],
      ['2025-07-17T08:59:00Z', 0],
      ['2025-07-17T09:00:00Z', 1],
    ] as const) {
      expect((await runRestAlone({ ...both, asOf: new Date(asOf) })).summary.requests).toBe(requests);
    }
    expect((await runRestAlone({ ...both, relist: true })).summary.requests).toBe(1);
  });

  test('A22: a name that is not ASCII is requested unchanged', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/币安人生USDT/1h', bars);
    publish(['2025-07-08'], bars, '币安人生USDT');
    await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
  });
});

describe('faults', () => {
  test('5xx and broken connections are retried', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    exchange.faults.push(500, 503, 502, 504);
    let answers = 0;
    exchange.intercept = () => {
      if (++answers === 2) throw new Error('broken off');
    };
    const { summary } = await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
    expect(summary).toMatchObject({ requests: 6, retries: 5, failed: 0 });
  });

  test('missing answers are an error above max_failed and a warning below, and the next run asks again', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    exchange.faults.push(...Array(8).fill(500));
    await expect(runRest(run())).rejects.toMatchObject({ code: 'TOO_MANY_FAILED' });
    exchange.faults.push(...Array(8).fill(500));
    expect(await runRest({ ...run(), vars: { max_failed: 1 } })).toMatchObject({
      status: 'warn',
      summary: { failed: 1 },
    });
    expect(restLines(stagingDir)).toEqual([]);
    await runRest(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
  });

  test.each([403, 451])('%s ends the extract: the exchange does not serve this address', async (status) => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    exchange.faults.push(status);
    await expect(runRest(run())).rejects.toMatchObject({ code: 'EXCHANGE_REFUSED', details: { status } });
  });

  test('an interruption ends it at once, and the next run continues', async () => {
    const bars = barLines('2025-07-01T00:00:00Z', '2025-07-10T09:00:00Z', minute);
    exchange.bars.set('futures-um/BTCUSDT/1m', bars);
    publish(['2025-07-01'], bars, 'BTCUSDT', '1m');
    const controller = new AbortController();
    let answers = 0;
    exchange.intercept = () => void (++answers === 7 && controller.abort());
    const minutes = { ...run(), options: { timeframes: ['1m'] } };
    await expect(runRest({ ...minutes, signal: controller.signal })).rejects.toThrow();
    exchange.intercept = undefined;
    const staged = restLines(stagingDir).length;
    expect(staged).toBe(6 * 499);
    expect((await runRestAlone(minutes)).summary.bars).toBe(bars.length - 1440 - staged);
    expect(restLines(stagingDir)).toEqual(bars.slice(1440));
  });

  test('a file that is gone is requested again', async () => {
    const bars = barLines('2025-07-08T00:00:00Z', '2025-07-10T09:00:00Z', hour);
    exchange.bars.set('futures-um/BTCUSDT/1h', bars);
    publish(['2025-07-08'], bars);
    await runRest(run());
    await rm(`${stagingDir}/rest/futures-um/1h/BTCUSDT/BTCUSDT-1h-2025-07.csv`);
    await runRestAlone(run());
    expect(restLines(stagingDir)).toEqual(bars.slice(24));
  });
});

test('SIGKILL at any request loses at most what is in flight: the next run ends with the same bars', async () => {
  const bars = barLines('2025-07-01T00:00:00Z', '2025-07-10T09:00:00Z', minute);
  exchange.bars.set('futures-um/BTCUSDT/1m', bars);
  publish(['2025-07-01', '2025-07-06'], bars, 'BTCUSDT', '1m');
  const minutes = { ...run(), options: { timeframes: ['1m'] } };
  const { summary } = await runRest(minutes);
  const undisturbed = restLines(stagingDir);
  const script = `
    import { runRest } from './tests/integration/extract/rest-support.ts';
    const [url, stagingDir, exchangeUrl] = process.argv.slice(1);
    const urls = ['spot', 'futures-um', 'futures-cm'].map((market) => market + '=' + exchangeUrl);
    await runRest({ url, stagingDir, exchange: { urls }, options: { timeframes: ['1m'] } });
  `;
  for (const instant of [1, 4, 10, 17]) {
    const killed = await tempDir('killed-');
    const child = node(script, { args: [bucket.url, killed, exchange.url] });
    let answers = 0;
    exchange.intercept = () => void (++answers === instant && child.kill('SIGKILL'));
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    exchange.intercept = undefined;
    const rest = await runRest({ ...minutes, stagingDir: killed });
    expect(restLines(killed)).toEqual(undisturbed);
    // The bars of a day are kept together, so the pages of a day and a half may be in flight.
    expect(rest.summary.requests).toBeLessThanOrEqual(Number(summary.requests) - instant + 6);
    expect(ledgerOf(killed)).toEqual(ledgerOf(stagingDir));
  }
});

test('days are requested from the first archived bar on, for every listed symbol', async () => {
  const days = daysFrom('2025-06-01', 39);
  for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
    const bars = barLines('2025-06-01T00:00:00Z', '2025-07-10T00:00:00Z', day);
    exchange.bars.set(`futures-um/${symbol}/1d`, bars);
    publish(days.filter((date) => date !== '2025-06-20').slice(symbol === 'BTCUSDT' ? 0 : 10, -2), bars, symbol, '1d');
  }
  const { summary } = await runRest({ ...run(), options: {} });
  expect(summary).toMatchObject({ series: 2, bars: 2 * 3, requests: 2 });
});
