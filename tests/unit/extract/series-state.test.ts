import { readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Series } from '../../../exchange/keys.ts';
import {
  digestOf,
  keepSeries,
  type ListedObject,
  peekSeries,
  readObjects,
  seriesFile,
  storedSeries,
  writeSeries,
} from '../../../extract/listing/series-state.ts';
import { tempDir } from '../../support/temp.ts';
import { headOf, keyOf, objectsOf } from './support.ts';

const seriesOf = (symbol: string): Series => {
  const { period: _, ...series } = keyOf({ symbol });
  return series;
};

test('read(write(series)) is the series, and its newest objects can be read at a glance', async () => {
  const directory = await tempDir();
  const symbol = fc.constantFrom('BTCUSDT', '币安人生USDT', 'CON', "a'b", '🚀');
  fc.assert(
    fc.property(symbol, fc.integer({ min: 0, max: 200 }), (name, count) => {
      const series = seriesOf(name);
      const objects = objectsOf(series, count);
      const file = seriesFile(directory, series);
      writeSeries(file, headOf(objects), objects);
      expect(readObjects(file, series)).toEqual(objects);
      const peeked = peekSeries(file);
      expect(peeked?.head).toEqual(headOf(objects));
      expect(peeked?.newest).toBe(objects.at(-1)?.period);
      const last = objects.slice(-10);
      const [first, ...others] = last;
      if (first === undefined) return;
      const isWhole = (all: readonly ListedObject[]) => peeked?.isWhole(first.period, all);
      expect(isWhole(last)).toBe(true);
      expect(isWhole([{ ...first, listed_at: 'another time' }, ...others])).toBe(true);
      expect(isWhole(others)).toBe(false);
      expect(isWhole([...last, { ...first, period: '2025-07-10' }])).toBe(false);
      for (const change of [
        { etag: 'f'.repeat(32) },
        { size_bytes: 7 },
        { last_modified: 'x' },
        { period: '2019-01-01' },
      ])
        expect(isWhole([{ ...first, ...change }, ...others])).toBe(false);
    }),
    { numRuns: 30 },
  );
});

test('A29: entries that earlier versions stored repeatedly, in any order, are read once', async () => {
  const series = seriesOf('BTCUSDT');
  const objects = objectsOf(series, 6);
  const file = seriesFile(await tempDir(), series);
  const [first, , third] = objects as [ListedObject, ListedObject, ListedObject];
  const reissued = { ...third, etag: 'f'.repeat(32), last_modified: '2025-08-01T00:00:00.000Z' };
  const stored = [reissued, ...objects, first, ...objects.slice(-2)];
  writeSeries(file, headOf(stored), stored);
  expect(readObjects(file, series)).toEqual(objects.with(2, reissued));
});

test('something else is not read as a state', async () => {
  const directory = await tempDir();
  const series = seriesOf('BTCUSDT');
  const file = seriesFile(directory, series);
  expect(peekSeries(file)).toBeUndefined();
  writeSeries(file, headOf([]), []);
  for (const text of [
    '',
    '{"listed_whole_at":"2025',
    'null\n',
    '{}\n',
    '{"listed_whole_at":1,"objects":1,"digest":""}\n',
  ]) {
    writeFileSync(file, text);
    expect(peekSeries(file)).toBeUndefined();
  }
});

test('the digest changes with an object, but not with the time that it was seen', () => {
  const objects = objectsOf(seriesOf('BTCUSDT'), 3);
  const [first, ...rest] = objects as [ListedObject, ...ListedObject[]];
  expect(digestOf([{ ...first, listed_at: 'x' }, ...rest])).toBe(digestOf(objects));
  for (const change of [{ etag: 'x' }, { size_bytes: 1 }, { last_modified: 'x' }, { key: 'x' }]) {
    expect(digestOf([{ ...first, ...change }, ...rest])).not.toBe(digestOf(objects));
  }
  expect(digestOf(rest)).not.toBe(digestOf(objects));
});

test('A25: a series that is no longer listed is forgotten, and so are leftovers of a kill', async () => {
  const directory = await tempDir();
  const all = ['BTCUSDT', 'CON', '币安人生USDT'].map(seriesOf);
  for (const series of all) writeSeries(seriesFile(directory, series), headOf([]), []);
  expect(
    storedSeries(directory)
      .map(({ series }) => series.symbol)
      .sort(),
  ).toEqual(['BTCUSDT', 'CON', '币安人生USDT']);

  const other: Series = { ...seriesOf('BTCUSDT'), timeframe: '1m' };
  writeSeries(seriesFile(directory, other), headOf([]), []);
  const kept = all.slice(0, 2);
  writeFileSync(`${seriesFile(directory, kept[0] as Series)}.part`, 'half');
  keepSeries(directory, kept);
  expect(storedSeries(directory).map(({ series }) => series)).toEqual(expect.arrayContaining([...kept, other]));
  expect(readdirSync(dirname(seriesFile(directory, kept[0] as Series)))).toHaveLength(2);
});
