import { expect, test } from 'vitest';
import { fitTable } from '../../../engine/cli/fit-table.ts';

const table = {
  head: ['market', 'symbol', 'open', 'close', 'source'],
  rows: [
    ['spot', 'BTCUSDT', '1.5', '20', 'monthly archive'],
    ['spot', 'ETHUSDT', '10.25', '3', 'daily archive'],
  ],
  right: new Set([2, 3]),
};

test('a table that fits stays as it is', () => {
  expect(fitTable(table, 80)).toEqual({
    lines: [
      'market  symbol    open  close  source',
      'spot    BTCUSDT    1.5     20  monthly archive',
      'spot    ETHUSDT  10.25      3  daily archive',
    ],
    leftOut: [],
  });
});

test('where it does not, a column that says the same in every row says it once, and the last ones go', () => {
  expect(fitTable(table, 40)).toEqual({
    lines: [
      'market spot',
      '',
      'symbol    open  close  source',
      'BTCUSDT    1.5     20  monthly archive',
      'ETHUSDT  10.25      3  daily archive',
    ],
    leftOut: [],
  });
  const { lines, leftOut } = fitTable(table, 22);
  expect(lines.at(-1)).toBe('ETHUSDT  10.25      3');
  expect(leftOut).toEqual(['source']);
  expect(fitTable(table, 3).leftOut).toEqual(['open', 'close', 'source']);
});

test('one row alone, and none, are left whole', () => {
  expect(fitTable({ ...table, rows: table.rows.slice(0, 1) }, 10).lines[0]).toMatch(/source$/);
  expect(fitTable({ ...table, rows: [] }, 10).leftOut).toEqual([]);
});
