import { basename, join, normalize } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { archiveName, formatKey, parseKey } from '../../../exchange/keys.ts';
import { dailyTimeframes, timeframes } from '../../../exchange/timeframes.ts';
import { objectUrl } from '../../../extract/archive/client.ts';
import { symbolsOf } from '../../../extract/listing/archive-listing.ts';
import { nameOfPathComponent, pathComponent, stagedFile } from '../../../extract/staging/paths.ts';
import { keyOf } from './support.ts';

const nastyNames = [
  'CON',
  "a'b",
  'data[1]',
  '🚀',
  '币安人生USDT',
  '..',
  '.',
  'nul.txt',
  'a:b',
  'a/b',
  'a\\b',
  'x\u0000y',
  '',
  'trailing.',
  '%',
  '%2E',
];

const arbitraryKey = fc
  .record({
    instrument_type: fc.constantFrom('spot', 'futures-um', 'futures-cm'),
    cadence: fc.constantFrom('daily', 'monthly'),
    symbol: fc.oneof(
      fc.stringMatching(/^[A-Z0-9_]{1,20}$/),
      fc.constantFrom(
        '1000PEPEUSDT',
        '币安人生USDT',
        'BTCUSDT_260327',
        'ICPUSDT_SETTLED',
        "a'b",
        'data[1]',
        '🚀',
        'A-1d-2020-01-01',
      ),
    ),
    timeframe: fc.constantFrom(...(Object.keys(timeframes) as (keyof typeof timeframes)[])),
    day: fc.date({ min: new Date('2017-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
  } as const)
  .map(({ day, ...series }) => ({
    ...series,
    period: day.toISOString().slice(0, series.cadence === 'daily' ? 10 : 7),
  }));

describe('keys', () => {
  test('A22: parse(format(key)) is the key', () => {
    fc.assert(
      fc.property(arbitraryKey, (key) => {
        expect(parseKey(formatKey(key))).toEqual(key);
      }),
    );
  });

  test.each([
    'data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2020-8.zip',
    'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2020-02-30.zip',
    'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2020-02.zip',
    'data/spot/daily/klines/BTCUSDT/1h/ETHUSDT-1h-2020-02-01.zip',
    'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1m-2020-02-01.zip',
    'data/spot/daily/klines/BTCUSDT/1M/BTCUSDT-1M-2020-02-01.zip',
    'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2020-02-01.zip.CHECKSUM',
    'data/spot/daily/klines//1h/-1h-2020-02-01.zip',
    'data/options/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2020-02-01.zip',
    'BTCUSDT-1h-2020-02-01.zip',
  ])('A7 B19: %s is not an archive, and nothing is guessed', (key) => expect(parseKey(key)).toBeUndefined());

  test('the daily tree ends at 1d', () => {
    expect(Object.keys(timeframes).filter((name) => !dailyTimeframes.has(name as '1d'))).toEqual(['3d', '1w', '1mo']);
  });

  test('A22: a URL is percent-encoded UTF-8', () => {
    const url = objectUrl('http://127.0.0.1:8080/mirror/', 'data/币安人生USDT/a b#?%.zip');
    expect(url.href).toBe(
      'http://127.0.0.1:8080/mirror/data/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT/a%20b%23%3F%25.zip',
    );
  });
});

describe('names in paths', () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary-ascii' }),
    fc.constantFrom(...nastyNames),
  );

  test('different names stay different, and each can be restored', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(nameOfPathComponent(pathComponent(text))).toBe(text);
      }),
    );
  });

  test('no name leaves its folder, names a device or is hidden', () => {
    fc.assert(
      fc.property(name, (text) => {
        const component = pathComponent(text);
        expect(normalize(join('/staging', component))).toBe(`/staging/${component}`);
        expect(basename(join('/staging', component))).toBe(component);
        expect(component).not.toMatch(/[<>:"/\\|?*\0]|^\.|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i);
      }),
    );
  });

  test('names of symbols are unchanged', () => {
    for (const symbol of ['BTCUSDT', '1000PEPEUSDT', '币安人生USDT', 'BTCUSDT_260327', "a'b", 'data[1]', '🚀']) {
      expect(pathComponent(symbol)).toBe(symbol);
    }
  });

  test('B5: no two archives share a path', () => {
    fc.assert(
      fc.property(arbitraryKey, arbitraryKey, (a, b) => {
        const same = formatKey(a) === formatKey(b);
        expect(stagedFile('/staging', a) === stagedFile('/staging', b)).toBe(same);
      }),
    );
    const key = keyOf();
    expect(stagedFile('/s', key)).toBe(`/s/futures-um/1d/BTCUSDT/${archiveName(key)}.csv`);
  });
});

describe('symbols', () => {
  const parent = 'data/futures/um/daily/klines/';
  const below = (names: readonly string[]) => names.map((name) => `${parent}${name}/`);

  test('A22 A26: are the prefixes, without empty names and the echo of the request', () => {
    const names = ['1000PEPEUSDT', 'BTCUSDT_260327', 'ICPUSDT_SETTLED', '币安人生USDT', 'CON', "a'b", 'data[1]', '🚀'];
    expect(symbolsOf(parent, [parent, ...below(['', ...names, ''])])).toEqual({ symbols: names, refused: [] });
  });

  test('with dots that climb, control characters or commas are refused', () => {
    const bad = ['..', '../../etc', 'x\u0000', 'a\nb', 'a,b', '.', 'a\\b', 'X'.repeat(101)];
    const { symbols, refused } = symbolsOf(parent, below([...bad, 'BTCUSDT']));
    expect(symbols).toEqual(['BTCUSDT']);
    expect(refused).toHaveLength(bad.length);
  });
});
