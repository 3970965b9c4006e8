import { expect, test } from 'vitest';
import {
  absence,
  absentMonth,
  disagreement,
  duplicateRow,
  halt,
  headerlessSymbol,
  hole,
  irregularClose,
  lateDay,
  missingMinutes,
  monthWithoutDays,
  noise,
  notInDollars,
  overlongMonth,
  reissue,
  reusedTicker,
  textFormats,
  tiedVolumes,
  unpaddedMonth,
} from '../../../extract/sample/cases.ts';
import { dateOfRow, daysBetween, keyOf, periodsOf, prefixesOf, rowsOf, sample, sampleAt, textOf } from './support.ts';

const header =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n';
const months = ['2025-01', '2025-02', '2025-03', '2025-04', '2025-05', '2025-06'];
const byteOrderMark = '\ufeff';
const textOfPeriod = async (symbol: string, period: string): Promise<string> =>
  await textOf(sample, period.length === 7 ? 'monthly' : 'daily', symbol, '1d', period);

test('A1: archives have a header since March 2025, in both cadences; one symbol never has', async () => {
  const hasHeader = async (symbol: string, period: string) => (await textOfPeriod(symbol, period)).startsWith(header);
  for (const period of ['2025-01', '2025-02', '2025-01-15', '2025-02-28'])
    expect(await hasHeader('BTCUSDT', period)).toBe(false);
  for (const period of ['2025-03', '2025-06', '2025-03-01', '2025-07-09'])
    expect(await hasHeader('BTCUSDT', period)).toBe(true);
  for (const period of ['2025-06', '2025-07-09']) expect(await hasHeader(headerlessSymbol, period)).toBe(false);
  expect(await textOf(sample, 'daily', 'BTCUSDT', '1m', '2025-02-28')).toMatch(/^\d/);
});

test('A1: a daily and a monthly archive have a byte-order mark before the header', async () => {
  const forms = textFormats.filter(({ format }) => format.byteOrderMark);
  expect(forms.map(({ period }) => period.length).sort((a, b) => a - b)).toEqual([7, 10]);
  for (const { symbol, period } of forms)
    expect((await textOfPeriod(symbol, period)).startsWith(byteOrderMark + header)).toBe(true);
});

test('A1, A2: spot has no header and is in microseconds', async () => {
  for (const [cadence, period] of [
    ['monthly', '2025-06'],
    ['daily', '2025-07-09'],
  ] as const) {
    const text = await textOf(sample, cadence, 'BTCUSDT', '1d', period, 'spot');
    expect(text).toMatch(/^\d{16},/);
    for (const line of text.trimEnd().split('\n')) {
      const [openTime, , , , , , closeTime] = line.split(',').map(Number);
      expect(Number(closeTime)).toBe(Number(openTime) + 86_399_999_999);
    }
  }
});

test('A5: spot figures have eight decimals', async () => {
  for (const symbol of await prefixesOf(sample, 'data/spot/daily/klines/'))
    for (const row of await rowsOf(sample, 'daily', symbol, '1d', '2025-07-09', 'spot'))
      for (const at of [1, 2, 3, 4, 5, 7, 9, 10]) expect(row[at]).toMatch(/^\d+\.\d{8}$/);
});

test('spot is close to the perpetual contract, but not the same', async () => {
  const symbols = await prefixesOf(sample, 'data/spot/daily/klines/');
  expect(symbols).toEqual(['BNBUSDT', 'BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT']);
  for (const symbol of symbols) {
    const [spot, futures] = [
      await rowsOf(sample, 'monthly', symbol, '1d', '2025-06', 'spot'),
      await rowsOf(sample, 'monthly', symbol, '1d', '2025-06'),
    ];
    expect(spot).toHaveLength(30);
    for (const [day, row] of spot.entries()) {
      const ratio = Number(row[4]) / Number(futures[day]?.[4]);
      expect(Math.abs(ratio - 1)).toBeLessThan(0.002);
    }
    expect(spot.map((row) => Number(row[4]))).not.toEqual(futures.map((row) => Number(row[4])));
  }
});

test('A6: CRLF, an unterminated last line and a trailing blank line each occur in a daily and a monthly archive', async () => {
  const texts = async (fits: (form: (typeof textFormats)[number]['format']) => boolean) =>
    await Promise.all(
      textFormats.filter(({ format }) => fits(format)).map(({ symbol, period }) => textOfPeriod(symbol, period)),
    );
  const [crlf, open, blank] = await Promise.all([
    texts(({ newline }) => newline === '\r\n'),
    texts(({ ending }) => ending === 'open'),
    texts(({ ending }) => ending === 'blank'),
  ]);
  expect([crlf.length, open.length, blank.length]).toEqual([2, 2, 2]);
  for (const text of crlf) expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  for (const text of crlf) expect(text.endsWith(',0\r\n')).toBe(true);
  for (const text of open) expect(text.endsWith(',0')).toBe(true);
  for (const text of blank) expect(text.endsWith(',0\n\n')).toBe(true);
  expect(await textOfPeriod('BTCUSDT', '2025-07-09')).toMatch(/^open_time.*\n\d.*,0\n$/);
});

test('A7: a month that is not zero-padded exists next to the proper one, with the same bars', async () => {
  const { symbol, month, period } = unpaddedMonth;
  expect(await periodsOf(sample, 'monthly', symbol, '1d')).toEqual([...months, period]);
  expect(await rowsOf(sample, 'monthly', symbol, '1d', period)).toEqual(
    await rowsOf(sample, 'monthly', symbol, '1d', month),
  );
  expect(await sample.read(`${keyOf('monthly', symbol, '1d', period)}.CHECKSUM`)).toBeDefined();
});

test('A9: a bar during a halt closes before it opens, in both trees', async () => {
  const { symbol, date } = irregularClose;
  const inMonth = (await rowsOf(sample, 'monthly', symbol, '1d', date.slice(0, 7))).find(
    (row) => dateOfRow(row) === date,
  );
  expect(await rowsOf(sample, 'daily', symbol, '1d', date)).toEqual([inMonth]);
  expect(Number(inMonth?.[6])).toBe(Date.parse(date) - 1);
  expect(inMonth?.[8]).toBe('0');
});

test('A10: a row appears twice in a monthly archive', async () => {
  const { symbol, month, date } = duplicateRow;
  const rows = await rowsOf(sample, 'monthly', symbol, '1d', month);
  const twice = rows.filter((row) => dateOfRow(row) === date);
  expect(twice).toHaveLength(2);
  expect(twice[0]).toEqual(twice[1]);
  expect(rows).toHaveLength(31 + 1);
});

test('A13: settled copies have a flat bar without trades every day', async () => {
  for (const symbol of ['AERGOUSDTSETTLED', 'ICPUSDT_SETTLED']) {
    const days = await periodsOf(sample, 'daily', symbol, '1d');
    expect(days).toEqual(daysBetween('2025-01-15', '2025-07-10'));
    expect(await periodsOf(sample, 'daily', symbol, '1m')).toEqual(days);
    const rows = (await Promise.all(months.map((month) => rowsOf(sample, 'monthly', symbol, '1d', month)))).flat();
    expect(rows).toHaveLength(daysBetween('2025-01-15', '2025-07-01').length);
    for (const [, open, high, low, close, ...rest] of rows) {
      expect(new Set([open, high, low, close]).size).toBe(1);
      expect([rest[0], ...rest.slice(2)]).toEqual(['0', '0', '0', '0', '0', '0']);
    }
  }
});

test('A13: a perpetual halts for some days that are still published', async () => {
  const rows = await rowsOf(sample, 'monthly', halt.symbol, '1d', '2025-04');
  const untraded = rows.filter((row) => row[8] === '0').map(dateOfRow);
  expect(untraded).toEqual(daysBetween(halt.from, halt.to));
  expect(await periodsOf(sample, 'daily', halt.symbol, '1m')).toEqual(expect.arrayContaining(untraded));
});

test('A14: a monthly archive ends with a row of the next month, and the daily archives have every day', async () => {
  const { symbol, month, date } = overlongMonth;
  const rows = await rowsOf(sample, 'monthly', symbol, '1d', month);
  expect(rows.map(dateOfRow)).toEqual([...daysBetween('2025-03-01', '2025-04-01'), date]);
  for (const row of rows) expect(await rowsOf(sample, 'daily', symbol, '1d', dateOfRow(row))).toEqual([row]);
});

test('A15: a monthly archive lacks days that the daily archives have', async () => {
  const { symbol, month, dates } = monthWithoutDays;
  const inMonth = (await rowsOf(sample, 'monthly', symbol, '1d', month)).map(dateOfRow);
  const daily = (await periodsOf(sample, 'daily', symbol, '1d')).filter((date) => date.startsWith(month));
  expect(daily.filter((date) => !inMonth.includes(date))).toEqual(dates);
});

test('A16: a month is missing between its neighbours, and the daily archives have all of it', async () => {
  const { symbol, month } = absentMonth;
  expect(await periodsOf(sample, 'monthly', symbol, '1d')).toEqual(months.filter((other) => other !== month));
  expect((await periodsOf(sample, 'daily', symbol, '1d')).filter((date) => date.startsWith(month))).toHaveLength(30);
});

test('A16: one symbol has a hole of two days and another one of ten, in every tree', async () => {
  for (const { symbol, from, to } of [hole, absence]) {
    const expected = daysBetween('2025-01-15', '2025-07-10').filter((date) => date < from || date >= to);
    for (const timeframe of ['1d', '1m'] as const)
      expect(await periodsOf(sample, 'daily', symbol, timeframe)).toEqual(expected);
    const inMonth = (await rowsOf(sample, 'monthly', symbol, '1d', from.slice(0, 7))).map(dateOfRow);
    expect(inMonth).toEqual(expected.filter((date) => date.startsWith(from.slice(0, 7))));
  }
  expect([hole, absence].map(({ from, to }) => daysBetween(from, to).length)).toEqual([2, 10]);
});

test('A16: a 1m archive is missing on a day whose 1d archive exists', async () => {
  const { symbol, date } = missingMinutes;
  const bars = await periodsOf(sample, 'daily', symbol, '1d');
  const minutes = await periodsOf(sample, 'daily', symbol, '1m');
  expect(bars.filter((day) => !minutes.includes(day))).toEqual([date]);
});

test('A18: a daily archive is re-issued with another volume, and so is the monthly one', async () => {
  const { symbol, date, month, published } = reissue;
  const [before, after] = [sampleAt('2025-07-01T07:20:10Z'), sampleAt(published)];
  const read = async (store: typeof sample) => {
    const [bar = []] = await rowsOf(store, 'daily', symbol, '1d', date);
    const inMonth = (await rowsOf(store, 'monthly', symbol, '1d', month)).find((row) => dateOfRow(row) === date);
    expect(inMonth).toEqual(bar);
    return bar;
  };
  const [first, second] = [await read(before), await read(after)];
  expect(first.flatMap((value, i) => (value === second[i] ? [] : [i]))).toEqual([5, 7]);
  for (const [cadence, period] of [
    ['daily', date],
    ['monthly', month],
  ] as const) {
    const key = keyOf(cadence, symbol, '1d', period);
    const [old, fresh] = [await before.read(key), await after.read(key)];
    expect(old?.etag).not.toBe(fresh?.etag);
    expect(fresh?.lastModified).toEqual(new Date(published));
    expect(old?.lastModified.getTime()).toBeLessThan(Date.parse('2025-06-04'));
  }
});

test('A21: the archives of one day come two weeks late', async () => {
  const { symbol, date, published } = lateDay;
  const [before, after] = [sampleAt('2025-07-02T10:00:00Z'), sampleAt('2025-07-02T11:00:00Z')];
  for (const timeframe of ['1d', '1m'] as const) {
    const key = keyOf('daily', symbol, timeframe, date);
    expect(await before.read(key)).toBeUndefined();
    const late = (await after.read(key))?.lastModified.getTime() ?? 0;
    expect(late - Date.parse(published)).toBeGreaterThanOrEqual(0);
    expect(late - Date.parse(published)).toBeLessThan(60_000);
    expect(await before.read(keyOf('daily', symbol, timeframe, '2025-06-19'))).toBeDefined();
  }
});

test('A22, A23: there are at least 60 symbols, among them leading digits, non-ASCII, delivery, settled, USDC, BUSD and BTC', async () => {
  const symbols = await prefixesOf(sample, 'data/futures/um/daily/klines/');
  expect(symbols.length).toBeGreaterThanOrEqual(60);
  const named = (pattern: RegExp) => symbols.filter((symbol) => pattern.test(symbol));
  expect(named(/^1000PEPEUSDT$|^4USDT$|^币安人生USDT$|^ETHBTC$|^DOGEBUSD$/)).toHaveLength(5);
  expect(named(/_\d{6}$/)).toEqual(['BTCUSDT_250627', 'BTCUSDT_250926', 'ETHUSDT_250627', 'ETHUSDT_250926']);
  expect(named(/SETTLED$/)).toEqual(['AERGOUSDTSETTLED', 'ICPUSDT_SETTLED']);
  expect(named(/USDC$/)).toEqual(['BTCUSDC', 'ETHUSDC', 'SOLUSDC']);
  expect(await prefixesOf(sample, 'data/futures/um/monthly/klines/')).toEqual(symbols);
});

test('A23: a pair that is not quoted in dollars has no 1m archives, so that figures exist for every available day', async () => {
  expect(await prefixesOf(sample, `data/futures/um/daily/klines/${notInDollars}/`)).toEqual(['1d']);
  expect(await prefixesOf(sample, 'data/futures/um/daily/klines/BTCUSDT/')).toEqual(['1d', '1m']);
});

test('A24: a ticker comes back after more than seven days at another price level', async () => {
  const { symbol, first, second } = reusedTicker;
  const days = await periodsOf(sample, 'daily', symbol, '1d');
  expect(days).toEqual([...daysBetween(first.from, first.to), ...daysBetween(second.from, '2025-07-10')]);
  expect(daysBetween(first.to, second.from).length).toBeGreaterThan(7);
  const close = (rows: readonly (readonly string[])[]) => Number(rows.at(-1)?.[4]);
  const old = close(await rowsOf(sample, 'monthly', symbol, '1d', '2025-03'));
  const [, open] = (await rowsOf(sample, 'monthly', symbol, '1d', '2025-04'))[0] ?? [];
  expect(Math.abs(Math.log(Number(open) / old))).toBeGreaterThan(Math.log(2));
});

test('A25: symbols are listed and delisted in the period, and stay in the archive', async () => {
  const lives = await Promise.all(
    (await prefixesOf(sample, 'data/futures/um/daily/klines/')).map(async (symbol) => {
      const days = await periodsOf(sample, 'daily', symbol, '1d');
      return { symbol, first: days[0] ?? '', last: days.at(-1) ?? '' };
    }),
  );
  expect(lives.filter(({ first }) => first > '2025-01-15').length).toBeGreaterThanOrEqual(8);
  const gone = lives.filter(({ last }) => last < '2025-07-09').map(({ symbol }) => symbol);
  expect(gone).toEqual(['ALPACAUSDT', 'BNXUSDT', 'BTCUSDT_250627', 'DGBUSDT', 'ETHUSDT_250627', 'VIDTUSDT']);
});

test('some perpetuals have the same quote volume, digit by digit, on some days', async () => {
  expect(tiedVolumes.length).toBeGreaterThanOrEqual(5);
  for (const { date, symbols } of tiedVolumes) {
    const rows = await Promise.all(symbols.map((symbol) => rowsOf(sample, 'daily', symbol, '1d', date)));
    expect(new Set(rows.map(([row]) => row?.[7])).size).toBe(1);
    expect(new Set(rows.map(([row]) => row?.[5])).size).toBe(symbols.length);
  }
});

test('A12: a day closes earlier in a monthly archive of spot than in the daily one', async () => {
  const { symbol, month, date } = disagreement;
  for (const inMonth of await rowsOf(sample, 'monthly', symbol, '1d', month, 'spot')) {
    const day = new Date(Number(inMonth[0]) / 1000).toISOString().slice(0, 10);
    const [inDay = []] = await rowsOf(sample, 'daily', symbol, '1d', day, 'spot');
    expect(inMonth.flatMap((value, at) => (value === inDay[at] ? [] : [at]))).toEqual(day === date ? [6] : []);
  }
});

test('A12 does not occur in futures: if both trees have a bar, they agree', async () => {
  for (const symbol of ['ALGOUSDT', '币安人生USDT', 'ETHBTC', reissue.symbol])
    for (const month of ['2025-05', '2025-06'])
      for (const row of await rowsOf(sample, 'monthly', symbol, '1d', month))
        expect(await rowsOf(sample, 'daily', symbol, '1d', dateOfRow(row))).toEqual([row]);
});

test('objects of other kinds exist next to the kline archives', async () => {
  for (const { key, body } of noise) expect((await sample.read(key))?.body.toString()).toBe(body);
});
