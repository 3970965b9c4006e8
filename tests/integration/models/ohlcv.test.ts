import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { insertLedger } from '../../support/ledger-rows.ts';
import { archive, type Listed, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

interface Line {
  readonly time: string | number;
  readonly open?: string;
  readonly high?: string;
  readonly low?: string;
  readonly close?: string;
  readonly volume?: string;
  readonly closeTime?: string | number;
  readonly quoteVolume?: string;
  readonly count?: string;
  readonly takerVolume?: string;
  readonly takerQuoteVolume?: string;
  readonly ignore?: string;
}

/** A line as published; `time` is a UTC time, or the number as it is in the file. */
function line({ time, open = '2.0', high = '2.5', low = '1.5', close = '2.1', volume = '100', ...more }: Line): string {
  const openTime = typeof time === 'number' ? time : Date.parse(`${time}Z`);
  const { closeTime = openTime + 86_399_999, quoteVolume = '200', count = '7', takerVolume = '40' } = more;
  const { takerQuoteVolume = '80', ignore = '0' } = more;
  return [
    openTime,
    open,
    high,
    low,
    close,
    volume,
    closeTime,
    quoteVolume,
    count,
    takerVolume,
    takerQuoteVolume,
    ignore,
  ].join(',');
}

/** Stages archives with these lines and builds; returns the rejections. */
async function build(archives: readonly (Listed & { readonly lines: readonly Line[] })[]) {
  await bench.stage(...archives);
  const { source, rejected } = bench.source(
    Object.fromEntries(archives.map((one) => [archive(one).key, one.lines.map(line)])),
  );
  const outcome = await bench.build('ohlcv', { source });
  return { outcome, rejected };
}
const bars = (columns: string) =>
  bench.texts(`SELECT ${columns} FROM ohlcv ORDER BY instrument_type, symbol, "timestamp"`);

const btc = { symbol: 'BTCUSDT', period: '2025-07-01' };
const day = '2025-07-01T00:00:00';

describe('a bar', () => {
  test('has the published values in any notation (A5), and symbol, timeframe and market from the key', async () => {
    const { outcome } = await build([
      { ...btc, lines: [{ time: day, low: '0.00100000', volume: '40', quoteVolume: '123.4567890123456', count: '0' }] },
      { symbol: 'BTCUSD_PERP', period: '2025-07-01', timeframe: '1h', market: 'futures/cm', lines: [{ time: day }] },
    ]);
    expect(outcome).toMatchObject({ status: 'pass', rows: 2, partitions: 2 });
    const times = '2025-07-01 00:00:00|2.0|2.5';
    const end = '2025-07-01 23:59:59.999';
    expect((await bars('*')).map((row) => row.join('|'))).toEqual([
      `BTCUSD_PERP|1h|futures-cm|${times}|1.5|2.1|100.0|${end}|200.0|7|40.0|80.0|daily`,
      `BTCUSDT|1d|futures-um|${times}|0.001|2.1|40.0|${end}|123.4567890123456|0|40.0|80.0|daily`,
    ]);
  });

  test('opens at ms or µs by the magnitude of the number, row by row (A2)', async () => {
    const [ms, micros] = [Date.parse('2025-01-01T00:00:00Z'), Date.parse('2025-01-01T01:00:00Z') * 1000];
    await build([
      {
        symbol: 'ETHUSDT',
        period: '2025-01',
        market: 'spot',
        timeframe: '1h',
        lines: [
          { time: ms, closeTime: ms + 3_599_999 },
          { time: micros, closeTime: micros + 3_599_999_999 },
        ],
      },
    ]);
    expect(await bars('"timestamp", close_time')).toEqual([
      ['2025-01-01 00:00:00', '2025-01-01 00:59:59.999'],
      ['2025-01-01 01:00:00', '2025-01-01 01:59:59.999999'],
    ]);
  });

  test('off the grid is kept unchanged (A8)', async () => {
    await build([
      {
        symbol: 'BTCUSDT',
        period: '2018-02',
        market: 'spot',
        timeframe: '1h',
        lines: [{ time: '2018-02-09T10:28:14.789' }],
      },
    ]);
    expect(await bars('"timestamp"')).toEqual([['2018-02-09 10:28:14.789']]);
  });

  test('may close before it opens, next to an outage (A9)', async () => {
    const closeTime = Date.parse('2020-12-21T14:00:00Z');
    await build([
      {
        symbol: 'BTCUSDT',
        period: '2020-12',
        timeframe: '1h',
        lines: [{ time: '2020-12-21T15:00:00', closeTime, volume: '0', takerVolume: '0' }],
      },
    ]);
    expect(await bars('"timestamp", close_time')).toEqual([['2020-12-21 15:00:00', '2020-12-21 14:00:00']]);
  });

  test('may have a number in its last column (A3)', async () => {
    expect((await build([{ ...btc, lines: [{ time: day, ignore: '39713.40' }] }])).rejected).toEqual({});
    expect(await bars('symbol')).toEqual([['BTCUSDT']]);
  });

  test('that is repeated byte by byte is stored once (A10)', async () => {
    const both = { time: '2026-02-10T00:00:00' };
    const { rejected } = await build([
      { symbol: 'AXSUSDT', period: '2026-02', lines: [both, both] },
      { symbol: 'AXSUSDT', period: '2026-02-10', lines: [both, both] },
    ]);
    expect(rejected).toEqual({});
    expect(await bars('"timestamp"')).toEqual([['2026-02-10 00:00:00']]);
  });
});

test('a daily archive wins over a monthly one if they differ; bars that only the monthly one has stay (A12, A15)', async () => {
  await build([
    {
      symbol: 'BTCUSDT',
      period: '2025-07',
      lines: [
        { time: day, close: '2.2' },
        { time: '2025-07-02T00:00:00', close: '2.3' },
      ],
    },
    { ...btc, lines: [{ time: day, close: '2.4' }] },
    { symbol: 'BTCUSDT', period: '2025-07-03', lines: [{ time: '2025-07-03T00:00:00', close: '2.45' }] },
  ]);
  expect(await bars('"timestamp", "close", data_source')).toEqual([
    ['2025-07-01 00:00:00', '2.4', 'daily'],
    ['2025-07-02 00:00:00', '2.3', 'monthly'],
    ['2025-07-03 00:00:00', '2.45', 'daily'],
  ]);
});

test('a bar of the exchange is used only if no archive has it (A12)', async () => {
  const archives = [
    {
      symbol: 'BTCUSDT',
      period: '2025-07',
      lines: [{ time: day }, { time: '2025-07-02T00:00:00', close: '2.2' }, { time: '2025-07-04T00:00:00' }],
    },
    { symbol: 'BTCUSDT', period: '2025-07-02', lines: [{ time: '2025-07-02T00:00:00', close: '2.3' }] },
    { symbol: 'BTCUSDT', period: '2025-07-04', lines: [{ time: '2025-07-04T00:00:00' }] },
  ];
  const lines = Object.fromEntries(archives.map((one) => [archive(one).key, one.lines.map(line)]));
  await bench.stage(...archives);
  await bench.build('ohlcv', { source: bench.source(lines).source });
  const published = await bars('*');

  const rest = 'data/futures/um/rest/klines/BTCUSDT/1d/BTCUSDT-1d-2025-07.csv';
  const given = [day, '2025-07-02T00:00:00', '2025-07-03T00:00:00', '2025-07-04T00:00:00'].map((time) =>
    line({ time, close: '2.45' }),
  );
  await bench.warehouse.run(insertLedger({ key: rest, etag: 'rest', sha256: 'sha', status: 'staged' }));
  await bench.build('ohlcv', { source: bench.source({ ...lines, [rest]: given }).source });
  expect(await bars('"timestamp", "close", data_source')).toEqual([
    ['2025-07-01 00:00:00', '2.1', 'monthly'],
    ['2025-07-02 00:00:00', '2.3', 'daily'],
    ['2025-07-03 00:00:00', '2.45', 'rest'],
    ['2025-07-04 00:00:00', '2.1', 'monthly'],
  ]);
  expect(await bench.texts(`SELECT status FROM staged_archives WHERE "key" = '${rest}'`)).toEqual([['loaded']]);
  expect((await bars('*')).filter(([, , , time]) => time !== '2025-07-03 00:00:00')).toEqual(published);
});

test('the order in which archives arrive does not matter: the same bars, whichever build saw them (B3)', async () => {
  const monthly = {
    symbol: 'BTCUSDT',
    period: '2025-07',
    lines: [{ time: day }, { time: '2025-07-02T00:00:00', close: '2.2' }],
  };
  const daily = { ...btc, lines: [{ time: day }] };
  await build([monthly, daily]);
  const together = await bars('*');
  for (const order of [
    [monthly, daily],
    [daily, monthly],
  ]) {
    await bench.reset();
    const lines: Record<string, readonly string[]> = {};
    for (const one of order) {
      await bench.stage(one);
      lines[archive(one).key] = one.lines.map(line);
      await bench.build('ohlcv', { source: bench.source(lines).source });
    }
    expect(await bars('*')).toEqual(together);
  }
});

test('spot and futures of one ticker exist side by side (B5)', async () => {
  await build([
    { ...btc, lines: [{ time: day, close: '2.2' }] },
    { ...btc, market: 'spot', lines: [{ time: day, close: '2.3' }] },
  ]);
  expect(await bars('instrument_type, "close"')).toEqual([
    ['futures-um', '2.2'],
    ['spot', '2.3'],
  ]);
});

describe('an archive is rejected entirely', () => {
  const defects: Readonly<Record<string, readonly [Partial<Line>, string | undefined]>> = {
    'for NaN (A14)': [{ close: 'NaN' }, 'not_a_number: row 2, close NaN'],
    'for an infinite value': [{ quoteVolume: 'inf' }, 'not_a_number: row 2, quote_volume inf'],
    'for a text (A14)': [{ volume: 'many' }, 'not_a_number: row 2, volume many'],
    'for an empty field': [{ takerVolume: '' }, 'not_a_number: row 2, taker_buy_volume is empty'],
    'for a count that is no whole number': [{ count: '7.5' }, 'not_a_number: row 2, count 7.5'],
    'for a count that is a text': [{ count: 'x' }, 'not_a_number: row 2, count x'],
    'for a count that no double tells from its neighbour': [
      { count: '9007199254740993' },
      'not_a_number: row 2, count 9007199254740993',
    ],
    'for a close time with a fraction': [
      { closeTime: '1751414399999.5' },
      'not_a_number: row 2, close_time 1751414399999.5',
    ],
    'for a close time that is no number': [{ closeTime: 'later' }, 'not_a_number: row 2, close_time later'],
    'for a negative volume (A11)': [{ volume: '-1.5' }, 'negative_value: row 2, volume -1.5'],
    'for a negative turnover': [{ quoteVolume: '-0.1' }, 'negative_value: row 2, quote_volume -0.1'],
    'for a negative taker volume': [{ takerQuoteVolume: '-0.1' }, 'negative_value: row 2, taker_buy_quote_volume -0.1'],
    'for a negative count': [{ count: '-1' }, 'negative_value: row 2, count -1'],
    'for a negative price': [{ low: '-1.5' }, 'negative_value: row 2, low -1.5'],
    'for low above high (A14)': [{ low: '3.0' }, 'ohlc_nonsense: row 2, open 2.0, high 2.5, low 3.0, close 2.1'],
    'for low above close': [
      { low: '2.05', open: '2.2', close: '2.04' },
      'ohlc_nonsense: row 2, open 2.2, high 2.5, low 2.05, close 2.04',
    ],
    'for high below open': [
      { high: '2.05', open: '2.06', close: '2.0' },
      'ohlc_nonsense: row 2, open 2.06, high 2.05, low 1.5, close 2.0',
    ],
    'for more bought by takers than was traded (B25)': [
      { takerVolume: '100.00000001' },
      'taker_above_total: row 2, taker_buy_volume 100.00000001, volume 100',
    ],
    'for a larger turnover of takers than of all (B25)': [
      { takerQuoteVolume: '201' },
      'taker_above_total: row 2, taker_buy_quote_volume 201, quote_volume 200',
    ],
    'not for takers that bought all there was': [{ takerVolume: '100', takerQuoteVolume: '200.0' }, undefined],
    'not for numbers of any form (A5)': [
      { open: '2', volume: '0', quoteVolume: '0.00000000', count: '0', takerVolume: '0E-8', takerQuoteVolume: '0.0' },
      undefined,
    ],
  };
  const names = Object.keys(defects);
  const listed = (name: string): Listed => ({ symbol: `S${names.indexOf(name)}USDT`, period: '2025-07-01' });
  let rejected: Readonly<Record<string, string>>;
  let stored: readonly (string | null)[];
  beforeAll(async () => {
    await using own = await openWorkbench();
    const lines = Object.entries(defects).map(([name, [defect]]): [string, string[]] => [
      archive(listed(name)).key,
      [line({ time: day }), line({ time: '2025-07-01T01:00:00', ...defect })],
    ]);
    await own.stage(...names.map(listed));
    const area = own.source(Object.fromEntries(lines));
    await own.build('ohlcv', { source: area.source });
    rejected = area.rejected;
    stored = (await own.texts('SELECT DISTINCT symbol FROM ohlcv')).map(([symbol]) => symbol ?? null);
  });

  test.each(names)('%s', (name) => {
    const reason = defects[name]?.[1];
    expect(rejected[archive(listed(name)).key]).toBe(reason);
    expect(stored.includes(listed(name).symbol)).toBe(reason === undefined);
  });

  test.each(['monthly', 'daily'])('if a bar appears twice and the %s one is bad', async (bad) => {
    const day31 = { time: '2019-01-31T00:00:00' };
    const { rejected } = await build([
      { symbol: 'BTTUSDT', period: '2019-01', lines: [{ ...day31, ...(bad === 'monthly' && { low: 'NaN' }) }] },
      { symbol: 'BTTUSDT', period: '2019-01-31', lines: [{ ...day31, ...(bad === 'daily' && { low: 'NaN' }) }] },
    ]);
    expect(Object.values(rejected)).toEqual(['not_a_number: row 1, low NaN']);
    expect(await bars('data_source')).toEqual([[bad === 'monthly' ? 'daily' : 'monthly']]);
  });

  test('for different rows of the same time', async () => {
    const { rejected } = await build([{ ...btc, lines: [{ time: day }, { time: day, close: '2.2' }] }]);
    expect(rejected).toEqual({
      [archive(btc).key]: 'conflicting_duplicate: row 2, opens when the row above it does, and differs',
    });
  });

  test('and its partition is built from the daily ones if the monthly one is bad (A11)', async () => {
    const { rejected } = await build([
      {
        symbol: 'BTTUSDT',
        period: '2019-01',
        lines: [{ time: '2019-01-31T00:00:00', volume: '-9', takerVolume: '-10' }],
      },
      { symbol: 'BTTUSDT', period: '2019-01-31', lines: [{ time: '2019-01-31T00:00:00', volume: '90' }] },
    ]);
    expect(Object.values(rejected)).toEqual(['negative_value: row 1, volume -9']);
    expect(await bars('"timestamp", volume, data_source')).toEqual([['2019-01-31 00:00:00', '90.0', 'daily']]);
  });
});

test('only the months of new or changed archives are rebuilt, and those whose archives are gone are removed', async () => {
  const june = { symbol: 'BTCUSDT', period: '2025-06-30', lines: [{ time: '2025-06-30T00:00:00' }] };
  const july = { ...btc, lines: [{ time: day }] };
  await build([june, july]);
  await bench.warehouse.run(`UPDATE staged_archives SET sha256 = 'another' WHERE "key" = '${archive(july).key}'`);
  const changed = bench.source({ [archive(july).key]: [line({ time: day, close: '2.4' })] });
  expect(await bench.build('ohlcv', { source: changed.source })).toMatchObject({ partitions: 1, rows: 1 });
  expect(await bars('"timestamp", "close"')).toEqual([
    ['2025-06-30 00:00:00', '2.1'],
    ['2025-07-01 00:00:00', '2.4'],
  ]);
  await bench.warehouse.run(`DELETE FROM staged_archives WHERE "key" = '${archive(june).key}'`);
  expect(await bench.build('ohlcv', { source: bench.source({}).source })).toMatchObject({ partitions: 1, rows: 0 });
  expect(await bars('"timestamp"')).toEqual([['2025-07-01 00:00:00']]);
});

test('a window includes every month that contains one of its days (B18)', async () => {
  const months = ['2025-05-31', '2025-06-30', '2025-07-01', '2025-08-01'].map((period) => ({
    symbol: 'BTCUSDT',
    period,
    lines: [{ time: `${period}T00:00:00` }],
  }));
  await bench.stage(...months);
  const lines = months.slice(1, 3).map((one): [string, string[]] => [archive(one).key, one.lines.map(line)]);
  const window = { start: new Date('2025-06-30'), end: new Date('2025-08-01') };
  const { source } = bench.source(Object.fromEntries(lines));
  expect(await bench.build('ohlcv', { source, window })).toMatchObject({ partitions: 2, rows: 2 });
  expect(await bench.texts(`SELECT "partition" FROM partition_state WHERE model = 'ohlcv' ORDER BY ALL`)).toEqual([
    ['futures-um/BTCUSDT/1d/2025-06-01'],
    ['futures-um/BTCUSDT/1d/2025-07-01'],
  ]);
  // Only what was built has the status loaded in the ledger.
  expect(await bench.texts('SELECT status FROM staged_archives ORDER BY "key"')).toEqual([
    ['staged'],
    ['loaded'],
    ['loaded'],
    ['staged'],
  ]);
});

test('a published build gives the archives that it has read the status loaded', async () => {
  await build([{ ...btc, lines: [{ time: day }] }]);
  expect(await bench.texts('SELECT status FROM staged_archives')).toEqual([['loaded']]);
});

test('a reused build does so too, in a ledger that was read again', async () => {
  await build([{ ...btc, lines: [{ time: day }] }]);
  await bench.warehouse.run("UPDATE staged_archives SET status = 'staged'");
  expect(await bench.build('ohlcv', { source: bench.source({}).source })).toMatchObject({ status: 'reused' });
  expect(await bench.texts('SELECT status FROM staged_archives')).toEqual([['loaded']]);
});
