import { expect, test } from 'vitest';
import { describeDiff, diffRows } from '../../../engine/row-diff.ts';

const key = ['day', 'shop'];
const row = (day: string, shop: string, total: string | null) => ({ day, shop, total });
const linesOf = (...[expected, found, of = key]: [...Parameters<typeof diffRows>] | Parameters<typeof diffRows>) =>
  describeDiff(diffRows(expected, found, of), of);

test('equal rows in any order do not differ, and columns that are not expected are not compared', () => {
  const found = [row('2', 'a', '5'), row('1', 'a', '4')];
  expect(linesOf([row('1', 'a', '4'), row('2', 'a', '5')], found, key)).toEqual([]);
  expect(linesOf([{ day: '1' }, { day: '2' }], found, key)).toEqual([]);
});

test('rows of one key are shown as one row that differs, column by column', () => {
  const found = [row('1', 'a', null), row('2', 'a', '5')];
  expect(linesOf([row('1', 'a', '4'), row('2', 'a', '5')], found, key)).toEqual([
    'differs     day=1 shop=a',
    '            total: expected 4, got NULL',
  ]);
});

test('rows without a counterpart are missing or unexpected', () => {
  expect(linesOf([row('1', 'a', '4')], [row('1', 'b', '4')], key)).toEqual([
    'missing     day=1 shop=a total=4',
    'unexpected  day=1 shop=b total=4',
  ]);
});

test('a row that came twice is unexpected once', () => {
  expect(linesOf([row('1', 'a', '4')], [row('1', 'a', '4'), row('1', 'a', '4')], key)).toEqual([
    'unexpected  day=1 shop=a total=4',
  ]);
});

test('without the key, the rows that differ least belong together, and the key says which row it is', () => {
  const found = [
    { ...row('1', 'a', '4'), count: '1' },
    { ...row('2', 'b', '5'), count: '2' },
  ];
  expect(
    linesOf(
      [
        { total: '5', count: '3' },
        { total: '4', count: '1' },
      ],
      found,
      key,
    ),
  ).toEqual(['differs     day=2 shop=b', '            count: expected 3, got 2']);
});

test('rows that have nothing in common are not compared', () => {
  expect(linesOf([{ total: '7' }], [{ day: '1', total: '4' }], key)).toEqual([
    'missing     total=7',
    'unexpected  day=1 total=4',
  ]);
});
