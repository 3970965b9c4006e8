import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import { describeForeign, markForeign } from '../../../engine/duckdb/foreign.ts';
import { rowsDigests } from '../../../engine/duckdb/rows-digest.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import {
  bigint,
  double,
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
  visits: table('visits', {
    description: 'By shop and month.',
    columns: {
      shop: varchar('Shop.'),
      at: timestamp('When.'),
      spent: double.nullable('Spent.'),
      left_with: varchar.nullable('Bought.'),
      seen: bigint.nullable('Seen.'),
    },
    key: ['shop', 'at'],
    keyHeldBy: 'partition',
    partition: ['shop', month('at')],
  }),
  ...engineTables,
} satisfies Schema;

let warehouse: Warehouse;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  return () => warehouse[Symbol.asyncDispose]();
});

interface Visit {
  readonly shop: string;
  readonly at: string;
  readonly spent: number | null;
  readonly left_with: string | null;
  readonly seen: bigint | null;
}

const visit: fc.Arbitrary<Visit> = fc.record({
  shop: fc.constantFrom('north', 'south', "o'hare"),
  at: fc
    .date({ min: new Date('1960-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 19).replace('T', ' ')),
  spent: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  left_with: fc.option(fc.constantFrom('', 'a', 'b', '1', 'a text of more than twelve bytes')),
  seen: fc.option(fc.bigInt({ min: -5n, max: 5n })),
});

const literal = (value: string | number | bigint | null): string =>
  value === null ? 'NULL' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
const textOf = (row: Visit): string => Object.values(row).map(literal).join(', ');

async function fill(rows: readonly Visit[]): Promise<ReadonlyMap<string | null, string | null>> {
  await warehouse.run('TRUNCATE visits');
  if (rows.length > 0)
    await warehouse.run(`INSERT INTO visits VALUES ${rows.map((row) => `(${textOf(row)})`).join(', ')}`);
  return new Map(
    (await texts(warehouse, `SELECT partition, rows_digest FROM (${rowsDigests(schema.visits)})`)).map(
      ([name, digest]) => [name ?? '', digest ?? ''],
    ),
  );
}

test('B36: each partition of a set of rows has a digest, which is equal for equal rows in any order', async () => {
  const rows = fc.array(visit, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(rows, rows, fc.boolean(), async (some, others, isSame) => {
      const compared = isSame ? some.toReversed() : others;
      const [a, b] = [await fill(some), await fill(compared)];
      const partsOf = (all: readonly Visit[]) => Map.groupBy(all, ({ shop, at }) => `${shop}/${at.slice(0, 7)}-01`);
      const [x, y] = [partsOf(some), partsOf(compared)];
      expect([...a.keys()].sort()).toEqual([...x.keys()].sort());
      const sorted = (part: readonly Visit[] = []) => part.map(textOf).sort();
      for (const name of new Set([...x.keys(), ...y.keys()])) {
        const isEqual = JSON.stringify(sorted(x.get(name))) === JSON.stringify(sorted(y.get(name)));
        expect(a.get(name) === b.get(name)).toBe(isEqual);
      }
    }),
    { numRuns: 60 },
  );
});

test('B36: the digest changes if two rows exchange values', async () => {
  const [one, other] = [
    { shop: 'north', at: '2025-07-01 00:00:00', spent: 1.5, left_with: 'a', seen: 1n },
    { shop: 'north', at: '2025-07-02 00:00:00', spent: 2.5, left_with: 'b', seen: 2n },
  ] as const;
  const before = await fill([one, other]);
  for (const column of ['at', 'spent', 'left_with', 'seen'] as const) {
    const after = await fill([
      { ...one, [column]: other[column] },
      { ...other, [column]: one[column] },
    ]);
    expect(after).not.toEqual(before);
  }
});

test('B36: loaded rows count as unchanged, and later changes are counted by table', async () => {
  const lines = Array.from(
    { length: 60 },
    (_, i) => `shop ${i % 5},2025-0${1 + (i % 6)}-${10 + (i % 19)} 08:00:00,${i},,`,
  );
  const partitions = new Map<string, readonly string[]>([
    ...Map.groupBy(lines, (line) => line.replace(/^(shop \d),(\d{4}-\d{2}).*$/, '$1/$2-01')),
  ]);
  const feed: TableFeed = {
    partitions: new Map([...partitions].map(([name, rows]) => [name, rows.join()])),
    async writeCsv(wanted, file) {
      const rows = [...wanted].flatMap((name) => partitions.get(name) ?? []);
      await writeFile(file, ['shop,at,spent,left_with,seen', ...rows, ''].join('\n'));
    },
  };
  const load = async () =>
    loadFeed(warehouse, schema.visits, feed, { directory: await tempDir(), runId: 'run', readers: [] });
  const rows = () => texts(warehouse, 'FROM visits ORDER BY ALL');
  await load();
  const loaded = await rows();
  expect(await markForeign(warehouse, schema, 'run')).toEqual([]);
  await warehouse.run('UPDATE visits SET spent = spent + 1');
  const found = await markForeign(warehouse, schema, 'run');
  expect(found).toHaveLength(partitions.size);
  expect(describeForeign(found)).toEqual([
    expect.stringMatching(
      new RegExp(
        `^visits: shop 0/2025-01-01 \\(altered\\), .* \\(altered\\), .* \\(altered\\) and ${partitions.size - 3} more$`,
      ),
    ),
  ]);
  expect(await load()).toBe(partitions.size);
  expect(await rows()).toEqual(loaded);
  expect(await markForeign(warehouse, schema, 'run')).toEqual([]);
});
