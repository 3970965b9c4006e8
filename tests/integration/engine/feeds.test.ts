import { readdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import {
  bigint,
  date,
  engineTables,
  month,
  type Schema,
  type TableFeed,
  table,
  timestamp,
  varchar,
} from '../../../engine/index.ts';
import { createWarehouse, texts } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';

const schema = {
  objects: table('objects', {
    description: 'Objects by shop.',
    columns: { shop: varchar('Shop.'), name: varchar('Name.'), size: bigint.nullable('Size.') },
    key: ['shop', 'name'],
    keyHeldBy: 'partition',
    partition: ['shop'],
  }),
  ledger: table('ledger', {
    description: 'Replaced whole.',
    columns: { name: varchar('Name.'), note: varchar.nullable('Note.'), day: date('Day.') },
    key: ['name'],
    keyHeldBy: 'partition',
  }),
  visits: table('visits', {
    description: 'By shop and month.',
    columns: { shop: varchar('Shop.'), at: timestamp('When.') },
    key: ['shop', 'at'],
    keyHeldBy: 'partition',
    partition: ['shop', month('at')],
  }),
  ...engineTables,
} satisfies Schema;

/** Partition → CSV lines; the digest of a partition is its text. */
function feedOf(header: string, partitions: Readonly<Record<string, readonly string[]>>) {
  const asked: string[][] = [];
  const feed: TableFeed = {
    partitions: new Map(Object.entries(partitions).map(([name, lines]) => [name, lines.join('\n')])),
    async writeCsv(wanted, file) {
      asked.push([...wanted]);
      const lines = [...wanted].flatMap((name) => partitions[name] ?? []);
      await writeFile(file, [header, ...lines, ''].join('\n'));
    },
  };
  return { feed, asked };
}
const objectsOf = (partitions: Readonly<Record<string, readonly string[]>>) => feedOf('shop,name,size', partitions);

let warehouse: Warehouse;
let directory: string;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  directory = await tempDir('load-');
  return () => warehouse[Symbol.asyncDispose]();
});

const load = (feed: TableFeed, runId = 'run', of: keyof typeof schema = 'objects') =>
  loadFeed(warehouse, schema[of], feed, { directory, runId, readers: [] });
const objects = () => texts(warehouse, 'SELECT * FROM objects ORDER BY ALL');
const states = (model = 'objects') =>
  texts(warehouse, `SELECT partition, run_id FROM partition_state WHERE model = '${model}' ORDER BY ALL`);

test('all partitions are loaded the first time, and none the next time', async () => {
  const { feed, asked } = objectsOf({ north: ['north,a,1', 'north,b,2'], south: ['south,a,3'] });
  expect(await load(feed)).toBe(2);
  expect(await load(feed)).toBe(0);
  expect(asked).toEqual([['north', 'south']]);
  expect(await objects()).toEqual([
    ['north', 'a', '1'],
    ['north', 'b', '2'],
    ['south', 'a', '3'],
  ]);
  expect(await readdir(directory)).toEqual([]);
});

test('only the rows of changed partitions are requested and replaced', async () => {
  await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'], west: ['west,a,5'] }).feed, 'first');
  const { feed, asked } = objectsOf({ north: ['north,a,1'], south: ['south,b,4'], west: ['west,a,5'] });
  expect(await load(feed, 'second')).toBe(1);
  expect(asked).toEqual([['south']]);
  expect(await objects()).toEqual([
    ['north', 'a', '1'],
    ['south', 'b', '4'],
    ['west', 'a', '5'],
  ]);
  expect(await states()).toEqual([
    ['north', 'first'],
    ['south', 'second'],
    ['west', 'first'],
  ]);
});

test('a partition that the extract no longer has is removed with its state', async () => {
  await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'], west: ['west,a,5'] }).feed);
  expect(await load(objectsOf({ north: ['north,a,1'], west: ['west,a,5'] }).feed)).toBe(1);
  expect(await objects()).toEqual([
    ['north', 'a', '1'],
    ['west', 'a', '5'],
  ]);
  expect(await states()).toHaveLength(2);
});

test('new partitions, however many, leave the old ones alone', async () => {
  await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'] }).feed);
  const { feed } = objectsOf({
    north: ['north,a,1'],
    south: ['south,a,3'],
    west: ['west,a,5'],
    east: ['east,a,7'],
    center: ['center,a,9'],
  });
  expect(await load(feed)).toBe(3);
  expect((await objects()).map(([shop]) => shop)).toEqual(['center', 'east', 'north', 'south', 'west']);
});

test('all partitions can be replaced or removed at once', async () => {
  await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'] }).feed);
  expect(await load(objectsOf({ north: ['north,b,2'], west: ['west,b,4'] }).feed)).toBe(3);
  expect(await objects()).toEqual([
    ['north', 'b', '2'],
    ['west', 'b', '4'],
  ]);
  expect(await load(objectsOf({}).feed)).toBe(2);
  expect([await objects(), await states()]).toEqual([[], []]);
});

test('a table without partitions is replaced whole', async () => {
  const ledger = (lines: readonly string[]) => feedOf('name,note,day', { '': lines }).feed;
  const rows = () => texts(warehouse, 'SELECT * FROM ledger ORDER BY ALL');
  expect(await load(ledger(['a,,2025-07-01', 'b,late,2025-07-02']), 'first', 'ledger')).toBe(1);
  expect(await load(ledger(['a,,2025-07-01', 'b,late,2025-07-02']), 'second', 'ledger')).toBe(0);
  expect(await rows()).toEqual([
    ['a', null, '2025-07-01'],
    ['b', 'late', '2025-07-02'],
  ]);
  expect(await load(ledger(['c,,2025-07-03']), 'third', 'ledger')).toBe(1);
  expect(await rows()).toEqual([['c', null, '2025-07-03']]);
  expect(await states('ledger')).toEqual([['', 'third']]);
});

test('a partition is named by all of its columns, a month by its first day', async () => {
  const header = 'shop,at';
  const june = { 'a/2025-06-01': ['a,2025-06-30 23:59:59'], 'b/2025-06-01': ['b,2025-06-01 00:00:00'] };
  const july = { 'a/2025-07-01': ['a,2025-07-01 00:00:00'] };
  await load(feedOf(header, { ...june, ...july }).feed, 'first', 'visits');
  const later = { ...june, 'a/2025-07-01': ['a,2025-07-31 00:00:00'] };
  expect(await load(feedOf(header, later).feed, 'second', 'visits')).toBe(1);
  expect(await texts(warehouse, 'SELECT * FROM visits ORDER BY ALL')).toEqual([
    ['a', '2025-06-30 23:59:59'],
    ['a', '2025-07-31 00:00:00'],
    ['b', '2025-06-01 00:00:00'],
  ]);
});

test('texts with quotes, commas, line breaks and other scripts arrive unchanged (A22)', async () => {
  await load(
    objectsOf({ 币安: ['币安,"a ""b"", c",1', '币安,"two\nlines",'], 'o\'hare, "x"': [`"o'hare, ""x""",a,1`] }).feed,
  );
  const { feed } = objectsOf({ 币安: ['币安,"a ""b"", c",2'], 'o\'hare, "x"': [`"o'hare, ""x""",a,1`] });
  expect(await load(feed)).toBe(1);
  expect(await objects()).toEqual([
    [`o'hare, "x"`, 'a', '1'],
    ['币安', 'a "b", c', '2'],
  ]);
});

test('an empty field is NULL, and a quoted empty field is an empty text', async () => {
  const { feed } = feedOf('name,note,day', { '': ['a,,2025-07-01', 'b,"",2025-07-01'] });
  await load(feed, 'run', 'ledger');
  expect(await texts(warehouse, 'SELECT name, note FROM ledger ORDER BY ALL')).toEqual([
    ['a', null],
    ['b', ''],
  ]);
});

test.each([
  ['a field that is not a number', ['south,b,four']],
  ['a NULL where it is not allowed', ['south,,4']],
  ['one field too many', ['south,b,4,5']],
])('a CSV with %s changes nothing, neither rows nor state', async (_, lines) => {
  await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'] }).feed);
  const before = [await objects(), await states()];
  await expect(load(objectsOf({ north: ['north,a,2'], south: lines }).feed)).rejects.toThrow();
  expect([await objects(), await states()]).toEqual(before);
  expect(await load(objectsOf({ north: ['north,a,1'], south: ['south,a,3'] }).feed)).toBe(0);
  expect(await readdir(directory)).toEqual([]);
});

test('a feed that fails to write leaves everything as it was', async () => {
  await load(objectsOf({ north: ['north,a,1'] }).feed);
  const { feed } = objectsOf({ north: ['north,a,2'] });
  const broken: TableFeed = { ...feed, writeCsv: () => Promise.reject(new Error('disk full')) };
  await expect(load(broken)).rejects.toThrow('disk full');
  expect(await objects()).toEqual([['north', 'a', '1']]);
});

test('the table equals the last feed, whatever feeds came before', async () => {
  const feeds = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 3 }));
  await fc.assert(
    fc.asyncProperty(fc.array(feeds, { minLength: 1, maxLength: 4 }), async (sequence) => {
      for (const sizes of sequence) {
        const lines = Object.entries(sizes).map(([name, size]) => [name, [`${name},x,${size}`]]);
        await load(objectsOf(Object.fromEntries(lines)).feed);
      }
      const last = Object.entries(sequence.at(-1) ?? {}).map(([name, size]) => [name, 'x', String(size)]);
      expect(await objects()).toEqual(last.sort());
    }),
    { numRuns: 15 },
  );
});
