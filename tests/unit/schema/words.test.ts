import { expect, test } from 'vitest';
import type { Change } from '../../../engine/schema/diff.ts';
import { table, varchar } from '../../../engine/schema/table.ts';
import { printTablesPage } from '../../../engine/schema/tables-page.ts';
import { describeDrift, describeStep, isDestructive } from '../../../engine/schema/words.ts';

const type = (from: string, to: string): Change => ({ kind: 'type', table: 'ohlcv', column: 'volume', from, to });

test.each([
  ['TINYINT', 'BIGINT', false],
  ['SMALLINT', 'FLOAT', false],
  ['INTEGER', 'DOUBLE', false],
  ['FLOAT', 'DOUBLE', false],
  ['DATE', 'TIMESTAMP', false],
  ['TIMESTAMP WITH TIME ZONE', 'TIMESTAMP', false],
  ['DOUBLE', 'VARCHAR', false],
  ['BIGINT', 'INTEGER', true],
  ['BIGINT', 'DOUBLE', true],
  ['INTEGER', 'FLOAT', true],
  ['DOUBLE', 'FLOAT', true],
  ['TIMESTAMP', 'DATE', true],
  ['VARCHAR', 'DOUBLE', true],
  ['DECIMAL(18,8)', 'DOUBLE', true],
])('from %s to %s may lose values: %s', (from, to, loses) => {
  expect(isDestructive(type(from, to))).toBe(loses);
});

test('drops lose data; renames and additions do not', () => {
  const at = { table: 'ohlcv', column: 'note' };
  const column = varchar('Note.');
  expect(isDestructive({ kind: 'column dropped', ...at, from: column })).toBe(true);
  expect(isDestructive({ kind: 'table dropped', table: 'ohlcv' })).toBe(true);
  expect(isDestructive({ kind: 'column renamed', ...at, from: 'remark' })).toBe(false);
  expect(isDestructive({ kind: 'table renamed', table: 'ohlcv', from: 'bars' })).toBe(false);
  expect(isDestructive({ kind: 'column added', ...at, to: column })).toBe(false);
  expect(isDestructive({ kind: 'index dropped', table: 'ohlcv', index: 'i', columns: [] })).toBe(false);
});

test.each([
  [
    type('FLOAT', 'DOUBLE'),
    'ohlcv.volume is FLOAT, the definition says DOUBLE',
    'ohlcv: change volume from FLOAT to DOUBLE',
  ],
  [
    { kind: 'key', table: 'ohlcv', from: [], to: ['symbol'] },
    'ohlcv has no primary key, the definition has the primary key (symbol)',
    'ohlcv: give it the primary key (symbol)',
  ],
  [
    { kind: 'constraint dropped', table: 'ohlcv', condition: 'UNIQUE(symbol)' },
    'ohlcv has a constraint that the definition lacks: UNIQUE(symbol)',
    'ohlcv: no longer require UNIQUE(symbol)',
  ],
  [
    { kind: 'limits', table: 'ohlcv', column: 'volume', from: ['"volume" >= 0'], to: [] },
    'ohlcv.volume requires "volume" >= 0, the definition allows any value',
    'ohlcv: volume allows any value',
  ],
  [
    { kind: 'default', table: 'ohlcv', column: 'volume', from: '0', to: undefined },
    'ohlcv.volume has the default 0, the definition has no default',
    'ohlcv: volume gets no default',
  ],
] satisfies readonly [Change, string, string][])('%j in words', (change, drift, step) => {
  expect([describeDrift(change), describeStep(change)]).toEqual([drift, step]);
});

test('a reference to a table that is not there is an error', () => {
  const days = table('days', {
    description: 'Days.',
    columns: { symbol: varchar('Ticker.') },
    key: ['symbol'],
    references: { tickers: ['symbol'] },
  });
  expect(() => printTablesPage({ days }, 'models/schema.ts')).toThrow('days refers to tickers, which is not a table');
});
