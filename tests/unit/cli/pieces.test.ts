import { expect, test } from 'vitest';
import { createRunId } from '../../../engine/cli/build.ts';
import { formatTable } from '../../../engine/cli/text-table.ts';

test('a run id is the UTC time to the second and four hex digits', () => {
  const now = new Date('2026-11-20T10:30:00.987Z');
  expect(createRunId(now, () => 0xab12 / 0x10000)).toBe('20261120T103000Z-ab12');
  expect(createRunId(now, () => 0)).toBe('20261120T103000Z-0000');
  expect(createRunId(now, () => 0.999_999_999)).toBe('20261120T103000Z-ffff');
});

test('an empty list has no heading', () => {
  expect(formatTable(['symbol', 'rank'], [])).toEqual([]);
});

test('A22: wide characters in names keep the columns aligned', () => {
  expect(
    formatTable(
      ['symbol', 'rank'],
      [
        ['币安人生USDT', '1'],
        ['BTCUSDT', '2'],
      ],
    ),
  ).toEqual(['symbol        rank', '币安人生USDT  1', 'BTCUSDT       2']);
});
