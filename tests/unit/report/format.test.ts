import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatUtc,
} from '../../../engine/format.ts';

test('counts have thousands separators, also as bigint', () => {
  expect([0, 999, 1_000, 338_100, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '338,100', '1,234,567']);
  expect(formatCount(-12_345n)).toBe('-12,345');
});

test('a count without its separators is the number', () => {
  fc.assert(fc.property(fc.bigInt(), (count) => BigInt(formatCount(count).replaceAll(',', '')) === count));
});

test('sizes never show four digits before the point', () => {
  expect([0, 999, 1_000, 12_345_678, 999_949, 999_950, 2e15].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 MB',
    '999.9 kB',
    '1.0 MB',
    '2000.0 TB',
  ]);
});

test('durations become minutes and hours and never show 60 seconds', () => {
  expect([0.04, 1.2, 59.94, 59.96, 125, 3599.6, 3_720].map((seconds) => formatDuration(seconds))).toEqual([
    '0.0s',
    '1.2s',
    '59.9s',
    '1m 00s',
    '2m 05s',
    '1h 00m',
    '1h 02m',
  ]);
  expect(formatDuration(1.204, 2)).toBe('1.20s');
});

test('100 percent means that everything is done', () => {
  expect(formatPercent(150, 715)).toBe('21%');
  expect(formatPercent(9_999, 10_000)).toBe('99%');
  expect(formatPercent(10_000, 10_000)).toBe('100%');
  expect(formatPercent(0, 0)).toBe('100%');
});

test('slow rates keep one decimal', () => {
  expect(formatRate(1_234.5, 'files')).toBe('1,235 files/s');
  expect(formatRate(0.25, 'symbols')).toBe('0.3 symbols/s');
});

test('instants are shown in UTC, whatever the time zone', () => {
  expect(formatUtc(new Date('2025-07-10T09:00:00Z'))).toBe('2025-07-10 09:00 UTC');
  expect(formatUtc(new Date('2025-07-10T23:59:07Z'))).toBe('2025-07-10 23:59:07 UTC');
});
