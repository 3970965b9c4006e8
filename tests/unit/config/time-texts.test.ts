import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDay, parseDuration, parseInstant } from '../../../engine/units.ts';

describe('an instant', () => {
  test('written by JavaScript is read back unchanged', () => {
    const years = {
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(years), (date) => {
        expect(parseInstant(date.toISOString())).toEqual(date);
        expect(formatDay(parseInstant(formatDay(date)) as Date)).toBe(formatDay(date));
      }),
    );
  });

  test('exists only on days of the calendar', () => {
    const parts = [
      fc.integer({ min: 1900, max: 2100 }),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
    ];
    fc.assert(
      fc.property(fc.tuple(...parts), ([year = 0, month = 0, day = 0]) => {
        const text = [year, `${month}`.padStart(2, '0'), `${day}`.padStart(2, '0')].join('-');
        const daysOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
        const exists = month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth;
        expect(parseInstant(text) !== undefined).toBe(exists);
      }),
      { numRuns: 500 },
    );
  });

  test('without a zone is UTC, whatever the zone of the machine (B7)', () => {
    const zone = process.env.TZ;
    process.env.TZ = 'America/New_York';
    try {
      expect(new Date('2025-07-10T09:00').toISOString()).toBe('2025-07-10T13:00:00.000Z');
      expect(parseInstant('2025-07-10T09:00')?.toISOString()).toBe('2025-07-10T09:00:00.000Z');
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});

describe('a duration', () => {
  test.each([
    ['1 second', 1_000],
    ['90 minutes', 5_400_000],
    ['12 hours', 43_200_000],
    ['1 day', 86_400_000],
    ['30 days', 2_592_000_000],
    ['2 weeks', 1_209_600_000],
    ['0 days', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['30', 'days', '30days', '1.5 days', '-1 day', '1 month', '30 d', '1 day ', '9999999 days'])(
    '%o is not one',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});
