import { expect, test } from 'vitest';
import { z } from 'zod';
import { bigint, date, double, smallint, timestamp, varchar } from '../../../engine/schema/column.ts';
import { printJsonSchema } from '../../../engine/schema/json-schema.ts';
import { table } from '../../../engine/schema/table.ts';

const days = table('days', {
  description: 'Days.',
  columns: {
    date: date('Day.'),
    market: varchar('Market.', { oneOf: ['spot', 'futures-um'] }),
    rank: smallint('Rank.', { min: 1 }),
    volume: double.nullable('Turnover.', { unit: 'USDT', min: 0 }),
    trades: bigint('Trades.'),
    at: timestamp('When.'),
  },
  key: ['date'],
});
const row = { date: '2025-06-17', market: 'spot', rank: 1, volume: 1.5, trades: 7, at: '2025-06-17 10:30:00.123456' };
const validator = z.fromJSONSchema(JSON.parse(printJsonSchema({ days }, 'models/schema.ts')).$defs.days);
const isRow = (value: object) => validator.safeParse(value).success;

test('a row of the table fits', () => {
  expect(isRow(row)).toBe(true);
  expect(isRow({ ...row, volume: null, at: '2025-06-17T10:30:00Z' })).toBe(true);
});

test.each([
  ['a NULL where there is none', { ...row, rank: null }],
  ['another value than those allowed', { ...row, market: 'options' }],
  ['a value below the least', { ...row, rank: 0 }],
  ['a value that the type cannot hold', { ...row, rank: 40_000 }],
  ['a fraction of an integer', { ...row, trades: 1.5 }],
  ['a text for a number', { ...row, volume: '1.5' }],
  ['a time for a day', { ...row, date: '2025-06-17T00:00:00Z' }],
  ['a column more', { ...row, extra: 1 }],
])('%s does not', (_, value) => {
  expect(isRow(value)).toBe(false);
});

test('a column less does not', () => {
  const { trades, ...less } = row;
  expect(isRow(less)).toBe(false);
  expect(trades).toBe(7);
});

test('units and descriptions stand in it', () => {
  const text = printJsonSchema({ days }, 'models/schema.ts');
  expect(JSON.parse(text).$defs.days.properties.volume).toMatchObject({ description: 'Turnover.', unit: 'USDT' });
});
