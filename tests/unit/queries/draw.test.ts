import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAmount } from '../../../engine/format.ts';
import { msOfDay } from '../../../exchange/timeframes.ts';
import { drawCalendar } from '../../../queries/draw/calendar.ts';
import { drawRank, sparkline, squeeze } from '../../../queries/draw/trend.ts';

const plain = { width: 80, color: false };
const days = (first: string, count: number) =>
  Array.from({ length: count }, (_, at) => new Date(Date.parse(first) + at * msOfDay));

describe('a sparkline', () => {
  test('ranges from the smallest to the largest value, with gaps', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([5, null, 1, 9])).toBe('▅ ▁█');
    expect(sparkline([3, 3])).toBe('▄▄');
    expect(sparkline([])).toBe('');
  });

  test('is squeezed into a width by averaging, and a gap stays a gap', () => {
    expect(squeeze([1, 3, 5, 7], 2)).toEqual([2, 6]);
    expect(squeeze([1, null, null, null], 2)).toEqual([1, null]);
    expect(squeeze([1, 2], 5)).toEqual([1, 2]);
  });

  test('has the requested width and stays within the values, whatever they are', () => {
    const value = fc.option(fc.double({ noNaN: true, min: -1e12, max: 1e12 }), { nil: null });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.integer({ min: 1, max: 200 }), (values, width) => {
        const squeezed = squeeze(values, width);
        expect(squeezed).toHaveLength(Math.min(values.length, width));
        expect(sparkline(squeezed)).toHaveLength(squeezed.length);
        expect(sparkline(squeezed)).toMatch(/^[ ▁-█]*$/);
        expect(squeezed.every((each) => each === null)).toBe(values.every((each) => each === null));
      }),
    );
  });
});

test('numbers are shortened for people', () => {
  expect([0, 12, 0.5, 999, 1_500, 56_400_000, 32.5e9, 1.2e12].map(formatAmount)).toEqual([
    '0',
    '12',
    '0.50',
    '999',
    '1,500',
    '56.40 m',
    '32.50 bn',
    '1.20 tn',
  ]);
});

describe('a calendar', () => {
  const calendar = days('2025-05-30', 34).map((date, at) => ({
    date,
    symbol: 'KAVAUSDT',
    available: at !== 3,
    traded: at !== 3 && at !== 5,
  }));

  test('has a row per month and a cell per day, under the number of the day', () => {
    expect(drawCalendar(calendar, plain)).toEqual([
      'KAVAUSDT  2025-05-30 … 2025-07-02, 34 days',
      '',
      '         1   5    10   15   20   25   30',
      '2025-05                               ██',
      '2025-06  █·█▒██████████████████████████',
      '2025-07  ██',
      '',
      '█ traded 32   ▒ listed, no trade 1   · not listed 1',
    ]);
  });

  test('has years side by side if the terminal is wide, within its width', () => {
    const years = days('2023-11-10', 800).map((date) => ({ date, symbol: 'A', available: true, traded: true }));
    for (const width of [80, 100, 200]) {
      const lines = drawCalendar(years, { width, color: false });
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
      const months = lines.flatMap((line) => line.match(/\d{4}-\d{2}(?= )/g) ?? []);
      expect(new Set(months).size).toBe(27);
      expect(lines.join('').match(/█/g)).toHaveLength(801); // and the one in the legend
    }
    const [, , head, first] = drawCalendar(years, { width: 100, color: false });
    expect(head).toMatch(/^ {9}1 .* 30 +1 .*30$/);
    expect(first).toBe(`2023-11  ${' '.repeat(9)}${'█'.repeat(21)} ${' '.repeat(3)}2025-01  ${'█'.repeat(31)}`);
  });

  test('has colours if the terminal has them', () => {
    const lines = drawCalendar(calendar, { width: 80, color: true });
    expect(lines.at(-1)).toContain('\u001b[32m█\u001b[39m traded 32');
  });
});

test('a rank is drawn with the first rank on top, above its volume', () => {
  const ranks = [3, 2, null, 1];
  const rows = days('2025-06-01', 4).map((date, at) => ({
    date,
    symbol: 'ETHUSDT',
    rank: ranks[at] ?? null,
    quote_volume_usdt: ranks[at] === null ? null : 1e9 * (at + 1),
  }));
  expect(drawRank(rows, plain)).toEqual([
    'ETHUSDT  2025-06-01 … 2025-06-04, 4 days',
    '',
    'rank    ▁▅ █',
    '        last #1 on 2025-06-04   highest #1 on 2025-06-04',
    '        lowest #3 on 2025-06-01',
    '',
    'volume  ▁▃ █',
    '        last 4.00 bn USDT on 2025-06-04   highest 4.00 bn USDT on 2025-06-04',
    '        lowest 1.00 bn USDT on 2025-06-01',
  ]);
  const months = days('2025-01-01', 300).map((date) => ({ date, symbol: 'A', rank: 1, quote_volume_usdt: 1 }));
  const drawn = drawRank(months, { width: 60, color: false });
  expect(drawn[0]).toContain('300 days, about 5.8 days/cell');
  expect(Math.max(...drawn.map((line) => line.length))).toBe(60);
  expect(drawn.at(-1)).toBe(`${'        2025-01-01'.padEnd(50)}2025-10-27`);
  const none = rows.map((row) => ({ ...row, quote_volume_usdt: null }));
  expect(drawRank(none, plain).at(-1)).toBe('volume  no figures');
});
