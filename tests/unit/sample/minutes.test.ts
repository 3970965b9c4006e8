import { expect, test } from 'vitest';
import { fullMinutes } from '../../../extract/sample/cases.ts';
import { rowsOf, sample } from './support.ts';

const days = ['2025-07-07', '2025-07-08', '2025-07-09'];

/** The exact sum of decimal texts. */
const sumOf = (texts: readonly string[]): string => {
  const decimals = Math.max(...texts.map((text) => text.split('.')[1]?.length ?? 0));
  const units = texts.map((text) => {
    const [whole = '', fraction = ''] = text.split('.');
    return BigInt(whole + fraction.padEnd(decimals, '0'));
  });
  const digits = String(units.reduce((a, b) => a + b, 0n)).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
};

test.each(fullMinutes.symbols.flatMap((symbol) => days.map((day) => [symbol, day] as const)))(
  'the 1,440 minutes of %s on %s add up to its 1d bar, digit by digit',
  async (symbol, day) => {
    const minutes = await rowsOf(sample, 'daily', symbol, '1m', day);
    const [bar = []] = await rowsOf(sample, 'daily', symbol, '1d', day);
    const column = (i: number) => minutes.map((row) => row[i] ?? '');
    expect(column(0)).toEqual(Array.from({ length: 1_440 }, (_, i) => String(Date.parse(day) + i * 60_000)));
    expect([column(1)[0], column(4).at(-1)]).toEqual([bar[1], bar[4]]);
    expect(Math.max(...column(2).map(Number))).toBe(Number(bar[2]));
    expect(Math.min(...column(3).map(Number))).toBe(Number(bar[3]));
    expect([5, 7, 8, 9, 10].map((i) => sumOf(column(i)))).toEqual([5, 7, 8, 9, 10].map((i) => bar[i]));
  },
);

test.each(fullMinutes.symbols)(
  'each minute of %s has a mean price near its own range, and takers within the total',
  async (symbol) => {
    for (const row of await rowsOf(sample, 'daily', symbol, '1m', '2025-07-08')) {
      const [, , high = 0, low = 0, , volume = 0, , quote = 0, trades = 0, taker = 0, takerQuote = 0] = row.map(Number);
      expect(volume).toBeGreaterThan(0);
      expect(trades).toBeGreaterThan(0);
      expect(quote / volume).toBeGreaterThan(low * 0.999);
      expect(quote / volume).toBeLessThan(high * 1.001);
      expect(taker).toBeLessThanOrEqual(volume);
      expect(takerQuote).toBeLessThanOrEqual(quote);
    }
  },
);

test('other 1m archives have the first minute of every six hours, within the range of the day', async () => {
  for (const [symbol, day] of [
    ['SOLUSDT', '2025-07-09'],
    ['币安人生USDT', '2025-05-20'],
    ['ICPUSDT_SETTLED', '2025-03-01'],
  ] as const) {
    const minutes = await rowsOf(sample, 'daily', symbol, '1m', day);
    const [bar = []] = await rowsOf(sample, 'daily', symbol, '1d', day);
    expect(minutes.map(([openTime]) => Number(openTime) - Date.parse(day))).toEqual(
      [0, 6, 12, 18].map((h) => h * 3_600_000),
    );
    expect(minutes[0]?.[1]).toBe(bar[1]);
    for (const row of minutes) {
      const prices = row.slice(1, 5).map(Number);
      expect(Math.max(...prices)).toBeLessThanOrEqual(Number(bar[2]));
      expect(Math.min(...prices)).toBeGreaterThanOrEqual(Number(bar[3]));
      expect(Number(row[5])).toBeLessThanOrEqual(Number(bar[5]));
      expect(row[6]).toBe(String(Number(row[0]) + 59_999));
    }
  }
});
