import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitTable } from '../../../engine/cli/text-table.ts';
import { widthOf } from '../../../engine/report/terminal.ts';

const table = {
  head: ['market', 'symbol', 'open', 'close', 'source'],
  rows: [
    ['spot', 'BTCUSDT', '1.5', '20', 'monthly archive'],
    ['spot', 'ETHUSDT', '10.25', '3', 'daily archive'],
  ],
  right: new Set([2, 3]),
};

test('a table that fits is unchanged', () => {
  expect(fitTable(table, 80)).toEqual({
    lines: [
      'market  symbol    open  close  source',
      'spot    BTCUSDT    1.5     20  monthly archive',
      'spot    ETHUSDT  10.25      3  daily archive',
    ],
    leftOut: [],
  });
});

test('in a table that does not fit, a constant column is printed once, and the last columns are dropped', () => {
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

test('a single row that is too wide has one line per column, and text that is too wide is cut', () => {
  expect(fitTable({ ...table, rows: table.rows.slice(0, 1) }, 20).lines).toEqual([
    'market  spot',
    'symbol  BTCUSDT',
    'open    1.5',
    'close   20',
    'source  monthly arc…',
  ]);
  const reasons = {
    head: ['symbol', 'reason'],
    rows: [
      ['币安人生USDT', 'negative_value: row 17, volume -3.2'],
      ['BTCUSDT', 'checksum'],
    ],
    right: new Set<number>(),
  };
  expect(fitTable(reasons, 34).lines[1]).toBe('币安人生USDT  negative_value: row…');
});

test('no line is wider than the terminal, and no row is lost', () => {
  const cell = fc.string({ maxLength: 40 }).map((text) => text.replace(/[^!-~]/g, '币'));
  const tables = fc
    .integer({ min: 1, max: 6 })
    .chain((columns) =>
      fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 2, maxLength: 5 }),
    );
  fc.assert(
    fc.property(tables, fc.integer({ min: 10, max: 90 }), ([head = [], ...rows], width) => {
      const { lines } = fitTable({ head, rows, right: new Set([0]) }, width);
      expect(lines.every((line) => widthOf(line) <= width)).toBe(true);
      const isEmpty = rows.every((row) => row.every((text) => text === ''));
      if (!isEmpty) expect(lines.length).toBeGreaterThanOrEqual(Math.min(rows.length, head.length));
    }),
  );
});

test('an empty list has no heading', () => {
  expect(fitTable({ ...table, rows: [] }, 10)).toEqual({ lines: [], leftOut: [] });
});
