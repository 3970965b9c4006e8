import { describe, expect, test } from 'vitest';
import { describeWindow, openEnd, openStart, resolveWindow } from '../../../engine/config/window.ts';
import { PipelineError } from '../../../engine/errors.ts';
import type { Window } from '../../../engine/extract.ts';

const resolved = (start?: string, end?: string): Window | undefined =>
  resolveWindow({ ...(start !== undefined && { start }), ...(end !== undefined && { end }) });

describe('a range', () => {
  test('is half-open: the end is the first day after it (B9)', () => {
    const window = resolved('2025-06-17', '2025-06-29') as Window;
    expect(window).toEqual({ start: new Date('2025-06-17T00:00:00Z'), end: new Date('2025-06-29T00:00:00Z') });
    expect(describeWindow(window)).toBe('2025-06-17 … 2025-06-28, 12 days');
  });

  test('of a month in a leap year has all its days', () => {
    expect(describeWindow(resolved('2024-02-01', '2024-03-01') as Window)).toBe('2024-02-01 … 2024-02-29, 29 days');
  });

  test('of one day says so', () => {
    expect(describeWindow(resolved('2025-06-17', '2025-06-18') as Window)).toBe('2025-06-17 … 2025-06-17, 1 day');
  });

  test('may be given as instants that are midnight UTC', () => {
    expect(resolved('2025-06-17T00:00:00Z', '2025-06-29T02:00:00+02:00')).toEqual(resolved('2025-06-17', '2025-06-29'));
    expect(resolved('2025-06-17T00:00', '2025-06-29')).toEqual(resolved('2025-06-17', '2025-06-29'));
  });

  test('may be open at either end', () => {
    const from = resolved('2025-06-17') as Window;
    const to = resolved(undefined, '2025-06-29') as Window;
    expect([from.end, to.start]).toEqual([openEnd, openStart]);
    expect([describeWindow(from), describeWindow(to)]).toEqual(['from 2025-06-17', 'to 2025-06-28']);
    expect(describeWindow({ start: openStart, end: openEnd })).toBe('all days');
  });

  test('is undefined if neither end is given', () => {
    expect(resolved()).toBeUndefined();
  });
});

describe('a range is refused', () => {
  test.each<[string | undefined, string | undefined, string, string, string]>([
    ['2025-06-29', '2025-06-17', '--end', 'the range from 2025-06-29 to 2025-06-17 is empty', '2025-06-17'],
    ['2025-06-17', '2025-06-17', '--end', 'the range from 2025-06-17 to 2025-06-17 is empty', '2025-06-17'],
    ['2025-02-30', undefined, '--start', '--start must be a UTC date, not `2025-02-30`', '2025-02-30'],
    ['2025-13-01', undefined, '--start', '--start must be a UTC date, not `2025-13-01`', '2025-13-01'],
    ['2025-06-00', undefined, '--start', '--start must be a UTC date, not `2025-06-00`', '2025-06-00'],
    ['2025-6-1', undefined, '--start', '--start must be a UTC date, not `2025-6-1`', '2025-6-1'],
    [undefined, '17.06.2025', '--end', '--end must be a UTC date, not `17.06.2025`', '17.06.2025'],
    [
      undefined,
      '2025-06-17T25:00:00Z',
      '--end',
      '--end must be a UTC date, not `2025-06-17T25:00:00Z`',
      '2025-06-17T25:00:00Z',
    ],
    [
      '2025-06-17T12:00:00Z',
      undefined,
      '--start',
      '--start must be midnight UTC, not 2025-06-17T12:00:00.000Z',
      '2025-06-17T12:00:00Z',
    ],
    [
      '2025-06-17T00:00:00+02:00',
      undefined,
      '--start',
      '--start must be midnight UTC, not 2025-06-16T22:00:00.000Z',
      '2025-06-17T00:00:00+02:00',
    ],
  ])('from %s to %s', (start, end, key, message, value) => {
    expect(() => resolved(start, end)).toThrow(PipelineError);
    expect(() => resolved(start, end)).toThrow(
      expect.objectContaining({ code: 'USAGE', message, details: expect.objectContaining({ key, value }) }),
    );
  });

  test('with a hint that explains the exclusive end', () => {
    expect(() => resolved('2025-06-17', '2025-06-17')).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          hint: '--end is exclusive: the day 2025-06-17 alone ends at 2025-06-18',
        }),
      }),
    );
  });
});
