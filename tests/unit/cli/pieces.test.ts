import { expect, test } from 'vitest';
import { formatRows } from '../../../engine/cli/rows.ts';
import { createRunId } from '../../../engine/cli/run-id.ts';
import { formatTable } from '../../../engine/cli/table.ts';

test('a run id is its second in UTC and four hex digits', () => {
  const now = new Date('2026-11-20T10:30:00.987Z');
  expect(createRunId(now, () => 0xab12 / 0x10000)).toBe('20261120T103000Z-ab12');
  expect(createRunId(now, () => 0)).toBe('20261120T103000Z-0000');
  expect(createRunId(now, () => 0.999_999_999)).toBe('20261120T103000Z-ffff');
});

test('rows: numbers to the right, days without a time, NULL in words', () => {
  const rows = [
    { date: new Date('2025-06-17T00:00:00Z'), at: new Date('2025-06-17T08:30:01Z'), rank: 1, volume: 12n, name: 'A' },
    { date: new Date('2025-06-18T00:00:00Z'), at: new Date('2025-06-18T00:00:00Z'), rank: 10, volume: 3n, name: null },
  ];
  expect(formatRows(['date', 'at', 'rank', 'volume', 'name'], rows)).toEqual([
    'date        at                   rank  volume  name',
    '2025-06-17  2025-06-17 08:30:01     1      12  A',
    '2025-06-18  2025-06-18 00:00:00    10       3  NULL',
  ]);
});

test('A22: names of wide characters keep the columns in line', () => {
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
