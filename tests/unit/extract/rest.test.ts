import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createVars } from '../../../engine/config/vars.ts';
import { formatKey, parseKey, parseRestKey, periodOfBar } from '../../../exchange/keys.ts';
import { slotsOf } from '../../../exchange/slots.ts';
import { timeframes } from '../../../exchange/timeframes.ts';
import { restUrls, restWeights } from '../../../extract/options.ts';
import { holds, type Range, subtract, union } from '../../../extract/rest/coverage.ts';
import { createWeightLimiter, parseBars, weightOf } from '../../../extract/rest/rest-client.ts';
import { stagedFile } from '../../../extract/staging/paths.ts';

const ranges = fc
  .array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 12 })
  .map((pairs) => pairs.map(([from, length]): Range => [from, from + length]));
const timesIn = (of: readonly Range[]) =>
  Array.from({ length: 80 }, (_, time) => time).filter((time) => of.some(([from, to]) => time >= from && time < to));

describe('ranges', () => {
  test('a union contains what any of them contains, ascending and disjoint', () => {
    fc.assert(
      fc.property(ranges, (some) => {
        const joined = union(some);
        expect(timesIn(joined)).toEqual(timesIn(some));
        for (const [at, [from]] of joined.entries())
          expect(from).toBeGreaterThan(joined[at - 1]?.[1] ?? Number.NEGATIVE_INFINITY);
      }),
    );
  });

  test('a difference contains what only the first contains', () => {
    fc.assert(
      fc.property(ranges, ranges, (some, cut) => {
        const left = subtract(union(some), union(cut));
        const gone = new Set(timesIn(cut));
        expect(timesIn(left)).toEqual(timesIn(some).filter((time) => !gone.has(time)));
        expect(left.every(([from, to]) => from < to)).toBe(true);
      }),
    );
  });

  test('a range contains the times from its start up to its end', () => {
    fc.assert(
      fc.property(ranges, fc.nat(80), (some, time) => {
        expect(holds(union(some), time)).toBe(some.some(([from, to]) => time >= from && time < to));
      }),
    );
  });
});

describe('slots', () => {
  test('B18: every time is within its slot, in any timeframe', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(timeframes) as (keyof typeof timeframes)[])),
        fc.integer({ min: Date.parse('2017-01-01'), max: Date.parse('2030-01-01') }),
        (timeframe, time) => {
          const { slotOf, opensAt } = slotsOf(timeframe, Date.parse('2020-01-02'));
          const slot = slotOf(time);
          expect(opensAt(slot)).toBeLessThanOrEqual(time);
          expect(opensAt(slot + 1)).toBeGreaterThan(time);
          expect(slotOf(opensAt(slot))).toBe(slot);
        },
      ),
    );
    expect(new Date(slotsOf('1w', 0).opensAt(0)).toISOString()).toBe('1970-01-05T00:00:00.000Z');
  });
});

describe('keys', () => {
  const symbols = fc.constantFrom('BTCUSDT', '币安人生USDT', 'BTCUSDT_260327', "a'b", 'data[1]', 'A-1d-2020-01-01');
  const keys = fc
    .record({
      instrument_type: fc.constantFrom('spot', 'futures-um', 'futures-cm'),
      symbol: symbols,
      timeframe: fc.constantFrom(...(Object.keys(timeframes) as (keyof typeof timeframes)[])),
      time: fc.integer({ min: Date.parse('2017-01-01'), max: Date.parse('2030-01-01') }),
    } as const)
    .map(
      ({ time, ...series }) => ({ ...series, cadence: 'rest', period: periodOfBar(series.timeframe, time) }) as const,
    );

  test('A22: parse(format(key)) is the key, and not a key of an archive', () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect(parseRestKey(formatKey(key))).toEqual(key);
        expect(parseKey(formatKey(key))).toBeUndefined();
        expect(stagedFile('staging', key)).toMatch(/^staging\/rest\/[^/]+\/[^/]+\/[^/]+\/[^/]+\.csv$/);
      }),
    );
  });

  test.each([
    'data/spot/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2025-06-17.zip',
    'data/spot/rest/klines/BTCUSDT/1d/BTCUSDT-1d-2025-06.zip',
    'data/spot/rest/klines/BTCUSDT/2d/BTCUSDT-2d-2025-06.csv',
    'data/spot/rest/klines/BTCUSDT/1d/ETHUSDT-1d-2025-06.csv',
    'data/spot/rest/klines/BTCUSDT/1d/BTCUSDT-1d-2025-13.csv',
    'data/spot/rest/klines/BTCUSDT',
  ])('B19: %s is not one', (key) => expect(parseRestKey(key)).toBeUndefined());
});

test('bars keep every text unchanged', () => {
  const line =
    '1499040000000,0.01634790,0.80000000,0.01575800,0.01577100,148976.11427815,1499644799999,2434.19055334,308,1756.87402397,28.46694368,0';
  const row = line.split(',').map((text, at) => ([0, 6, 8].includes(at) ? text : `"${text}"`));
  expect(parseBars(Buffer.from(`[[${row}]]`))).toEqual([{ open: 1499040000000, close: 1499644799999, line }]);
  expect(parseBars(Buffer.from('[]'))).toEqual([]);
});

describe('weights', () => {
  test('are those that the exchange publishes', () => {
    expect([1, 500, 1000].map((limit) => weightOf('spot', limit))).toEqual([2, 2, 2]);
    for (const market of ['futures-um', 'futures-cm'] as const)
      expect([1, 99, 100, 499, 500, 1000, 1001, 1500].map((limit) => weightOf(market, limit))).toEqual([
        1, 1, 2, 2, 5, 5, 10, 10,
      ]);
  });

  test('are within the limit in any minute, wherever it starts', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.record({ weight: fc.integer({ min: 1, max: 10 }), after: fc.nat(20_000) }), { maxLength: 60 }),
      async (requests) => {
        let time = 1_000_000;
        const clock = {
          now: () => time,
          async sleep(ms: number) {
            time += ms;
          },
        };
        const limiter = createWeightLimiter(20, clock, new AbortController().signal);
        const sent: { readonly at: number; readonly weight: number }[] = [];
        for (const { weight, after } of requests) {
          time += after;
          (await limiter.acquire(weight))(undefined);
          sent.push({ at: time, weight });
        }
        for (const { at } of sent) {
          const minute = sent.filter((one) => one.at >= at && one.at < at + 60_000);
          expect(minute.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(20);
        }
      },
    );
    await fc.assert(property);
  });
});

describe('settings', () => {
  const vars = (values: Record<string, readonly string[]>) => createVars(values);
  test.each([
    ['a market is missing', { rest_urls: ['spot=http://a'] }, 'the var rest_urls has no value for futures-um'],
    [
      'one is no URL',
      { rest_urls: ['spot=a', 'futures-um=http://a', 'futures-cm=http://a'] },
      'has a value for spot that is not an http(s) URL',
    ],
    [
      'a weight is not a number',
      { rest_weights: ['spot=x', 'futures-um=20', 'futures-cm=20'] },
      'has a value for spot that is not a whole number',
    ],
    [
      'a weight is too small',
      { rest_weights: ['spot=20', 'futures-um=9', 'futures-cm=20'] },
      'has a value for futures-um that is not a whole',
    ],
  ])('are refused if %s', (_what, values, message) => {
    const read = () =>
      ('rest_urls' in values ? restUrls : (restWeights as (of: never) => unknown))(vars(values as never) as never);
    expect(read).toThrow(expect.objectContaining({ code: 'VAR_INVALID', message: expect.stringContaining(message) }));
  });
});
