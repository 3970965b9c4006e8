import { expect, test } from 'vitest';
import { humanCell, textTable } from '../../../engine/cli/text-table.ts';
import { terminalOf } from '../../../engine/report/terminal.ts';

const terminal = { isTerminal: true, width: 80, color: false };
const pipe = { isTerminal: false, width: Number.POSITIVE_INFINITY, color: false };

const table = {
  columns: [
    { name: 'date', type: 'DATE' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'listed', type: 'TIMESTAMP' },
    { name: 'rank', type: 'SMALLINT' },
    { name: 'volume', type: 'DOUBLE' },
    { name: 'name', type: 'VARCHAR' },
  ],
  rows: [
    ['2025-06-17', '2025-06-17 08:30:01.25', '2025-06-17 00:00:00', '1', '21362345678.5', 'A'],
    ['2025-06-18', 'infinity', '2025-06-18 00:00:00', '1000', 'inf', null],
  ],
};

test('fractions and infinities are kept, days have no time, and a pipe gets the raw values', () => {
  expect(textTable(table, { terminal: pipe, units: { volume: 'USDT' } }).lines).toEqual([
    'date        at                      listed      rank         volume  name',
    '2025-06-17  2025-06-17 08:30:01.25  2025-06-17     1  21362345678.5  A',
    '2025-06-18  infinity                2025-06-18  1000            inf  NULL',
  ]);
});

test('a terminal gets numbers formatted for people', () => {
  expect(textTable(table, { terminal, units: { volume: 'USDT at par' } }).lines).toEqual([
    'date        at                      listed       rank         volume  name',
    '2025-06-17  2025-06-17 08:30:01.25  2025-06-17      1  21.36 bn USDT  A',
    '2025-06-18  infinity                2025-06-18  1,000            inf  NULL',
  ]);
});

test('a record has one line per column', () => {
  const one = { columns: table.columns.slice(3, 5), rows: [['1000', 'nan']] };
  expect(textTable(one, { terminal, record: true }).lines).toEqual(['rank    1,000', 'volume  nan']);
});

test.each([
  ['21362345678.5', 'DOUBLE', 'USDT', '21.36 bn USDT'],
  ['999994.994', 'DOUBLE', 'USDT at par', '999,994.99 USDT'],
  ['999999.999', 'DOUBLE', 'USDT', '1.00 m USDT'],
  ['-1234567.8', 'DOUBLE', 'USDT', '-1.23 m USDT'],
  ['1.2e+12', 'DOUBLE', 'USDT', '1.2e+12'],
  ['34.8765', 'FLOAT', 'percent of the turnover', '34.9 %'],
  ['0.00123', 'DOUBLE', 'percent', '0.00123 %'],
  ['100.0', 'DOUBLE', 'percent', '100 %'],
  ['29', 'DOUBLE', 'percent', '29.0 %'],
  ['0.0', 'FLOAT', 'percent', '0 %'],
  ['-1234.5', 'DOUBLE', 'percent', '-1,235 %'],
  ['-2', 'SMALLINT', 'ranks, negative is up', '▲2'],
  ['1', 'INTEGER', 'ranks, negative is up', '▼1'],
  ['0', 'SMALLINT', 'ranks, negative is up', '='],
  ['1234567', 'BIGINT', undefined, '1,234,567'],
  ['108234.50001', 'DOUBLE', 'quote asset', '108,234.50001'],
  ['1234567.12345678', 'DECIMAL(38,8)', 'base asset', '1,234,567.12345678'],
  ['1e-08', 'DOUBLE', 'quote asset', '1e-08'],
  ['-inf', 'DOUBLE', 'percent', '-inf'],
  ['1234567', 'VARCHAR', undefined, '1234567'],
])('%s %s in %s is %s', (text, type, unit, shown) => {
  expect(humanCell(text, { type, unit })).toBe(shown);
});

test('a terminal of unknown width has 80 columns, and a dumb one has no colours', () => {
  const stream = (columns: number) => ({ isTTY: true, columns }) as NodeJS.WriteStream;
  expect(terminalOf(stream(0), {})).toEqual({ isTerminal: true, width: 80, color: true });
  expect(terminalOf(stream(40), { TERM: 'dumb' })).toEqual({ isTerminal: true, width: 40, color: false });
  expect(terminalOf(stream(40), { NO_COLOR: '1' }).color).toBe(false);
  expect(terminalOf({} as NodeJS.WriteStream, {})).toEqual(pipe);
});
