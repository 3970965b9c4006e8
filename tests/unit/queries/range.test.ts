import { expect, test } from 'vitest';
import { describeRange } from '../../../queries/parameters/range.ts';

test('a range is printed as people read it', () => {
  const at = (text: string) => new Date(text);
  expect(describeRange({ start: at('2025-06-17'), end: at('2025-06-29') })).toBe('2025-06-17 … 2025-06-28, 12 days');
  expect(describeRange({ start: at('2025-06-17'), end: at('2025-06-18') })).toBe('2025-06-17 … 2025-06-17, 1 day');
  expect(describeRange({ start: at('2025-06-17') })).toBe('from 2025-06-17');
  expect(describeRange({ end: at('2025-06-29') })).toBe('before 2025-06-29');
  expect(describeRange({ start: at('2025-06-17T12:00Z'), end: at('2025-06-18') })).toBe(
    '2025-06-17 12:00 UTC … before 2025-06-18',
  );
  expect(describeRange({})).toBeUndefined();
});
