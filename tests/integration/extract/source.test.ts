import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFrom, sourceRelation } from '../../../engine/duckdb/source.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import klines from '../../../extract/klines.ts';
import { schema } from '../../../models/schema.ts';
import { daysFrom } from '../../support/archive.ts';
import { texts } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { asOf, filesBelow, keyOf, ledgerOf, rowOf, runExtracts } from './support.ts';

let bucket: Bucket;
let stagingDir: string;
let directory: string;
beforeEach(async () => {
  [bucket, stagingDir, directory] = [await openBucket(), await tempDir('staging-'), await tempDir('load-')];
});
afterEach(() => bucket[Symbol.asyncDispose]());

const run = () => runExtracts({ url: bucket.url, stagingDir });
const signal = new AbortController().signal;
const refuse = ({ key, reason }: { readonly key: string; readonly reason: string }) => {
  throw new Error(`${key}: ${reason}`);
};
const july = daysFrom('2025-07-01', 9);

async function source() {
  const { source } = await klines.staged({ stagingDir, asOf });
  if (source === undefined) throw new Error('no source');
  return source;
}

type Name = 'staged_klines' | 'overlapping_klines';
const tables: readonly Name[] = ['staged_klines', 'overlapping_klines'];

/** The texts that DuckDB reads through the relation that the engine substitutes for the table. */
async function read(
  partitions: readonly string[],
  {
    columns = 'archive_key, open_time, close',
    table = 'staged_klines',
    copy = false,
  }: { readonly columns?: string; readonly table?: Name; readonly copy?: boolean } = {},
) {
  const files = await (await source()).open(partitions, { tables, copy, directory, signal, refuse });
  await using warehouse = await openWarehouse({ file: ':memory:' });
  await readFrom(warehouse, schema[table], files[table] ?? {}, directory);
  return await texts(
    warehouse,
    `SELECT ${columns} FROM ${sourceRelation(schema[table], { texts: true })} ORDER BY ALL`,
  );
}

test('the lines of the requested partitions are read, each with the key of its archive', async () => {
  for (const day of ['2025-06-30', ...july]) bucket.putArchive(keyOf(day), [rowOf(day)]);
  for (const symbol of ["a'b", 'data[1]', '币安人生USDT']) {
    bucket.putArchive(keyOf('2025-07-01', symbol), [rowOf('2025-07-01', '1.8')]);
  }
  await run();
  expect(await read(['futures-um/BTCUSDT/1d/2025-07-01'])).toEqual(
    july.map((day) => [keyOf(day), String(Date.parse(day)), '1.7']),
  );
  expect(
    await read([
      'futures-um/BTCUSDT/1d/2025-06-01',
      "futures-um/a'b/1d/2025-07-01",
      'futures-um/data[1]/1d/2025-07-01',
    ]),
  ).toEqual([
    [keyOf('2025-06-30'), String(Date.parse('2025-06-30')), '1.7'],
    [keyOf('2025-07-01', "a'b"), String(Date.parse('2025-07-01')), '1.8'],
    [keyOf('2025-07-01', 'data[1]'), String(Date.parse('2025-07-01')), '1.8'],
  ]);
});

test('no partition, and a partition without rows, give an empty table', async () => {
  expect(await read([], { columns: 'count(*)' })).toEqual([['0']]);
  expect(await read(['futures-um/BTCUSDT/1d/2025-07-01'], { columns: 'count(*)' })).toEqual([['0']]);
});

test('numbers come as published, however they are written (A5, A34)', async () => {
  const odd = ['1.70000000', '1e5', '-3', '0E-8', '007'];
  for (const [i, value] of odd.entries()) {
    bucket.putArchive(keyOf(july[i] as string), [rowOf(july[i] as string, value)]);
  }
  await run();
  const rows = await read(['futures-um/BTCUSDT/1d/2025-07-01'], { columns: 'close' });
  expect(rows.flat().sort()).toEqual([...odd].sort());
});

test('an archive rejected for its values is kept aside, recorded, and not requested again until it changes', async () => {
  for (const day of july) bucket.putArchive(keyOf(day), [rowOf(day)]);
  await run();
  const csv = filesBelow(stagingDir).get('futures-um/1d/BTCUSDT/BTCUSDT-1d-2025-07-08.csv');
  const digest = async () => (await klines.staged({ stagingDir, asOf })).feeds?.staged_archives?.partitions.get('');
  const before = await digest();
  await (await source()).reject([
    { key: keyOf('2025-07-08'), reason: 'not_a_number' },
    { key: 'unknown', reason: 'x' },
  ]);

  expect(await digest()).not.toBe(before);
  expect(ledgerOf(stagingDir).get('BTCUSDT-1d-2025-07-08')).toMatchObject({
    status: 'rejected',
    reason: 'not_a_number',
  });
  const place = 'rejected/futures-um/1d/BTCUSDT/BTCUSDT-1d-2025-07-08';
  expect(filesBelow(stagingDir).get(`${place}.csv`)).toBe(csv);
  expect(JSON.parse(readFileSync(join(stagingDir, `${place}.reason.json`), 'utf8'))).toMatchObject({
    reason: 'not_a_number',
  });
  expect(await read(['futures-um/BTCUSDT/1d/2025-07-01'])).toHaveLength(8);
  expect((await run()).klines).toMatchObject({ status: 'no-op', summary: { unchanged: 8, rejected: 1 } });

  bucket.putArchive(keyOf('2025-07-08'), [rowOf('2025-07-08', '1.75')]);
  expect((await run()).klines.summary).toMatchObject({ new: 1, rejected: 0 });
  expect(await read(['futures-um/BTCUSDT/1d/2025-07-01'])).toHaveLength(9);
});

test('A15: daily files replace a monthly one that was rejected for its values', async () => {
  const june = daysFrom('2025-06-01', 30);
  bucket.putArchive(
    keyOf('2025-06'),
    june.map((day) => rowOf(day)),
  );
  for (const day of june) bucket.putArchive(keyOf(day), [rowOf(day)]);
  await run();
  await (await source()).reject([{ key: keyOf('2025-06'), reason: 'negative_value' }]);
  expect((await run()).klines.summary).toMatchObject({ repaired: 30, rejected: 1 });
});

test('an abort ends the writing of batches', async () => {
  for (const day of july) bucket.putArchive(keyOf(day), [rowOf(day)]);
  await run();
  const opened = (await source()).open(['futures-um/BTCUSDT/1d/2025-07-01'], {
    ...{ tables, copy: false, directory, refuse },
    signal: AbortSignal.abort(),
  });
  await expect(opened).rejects.toMatchObject({ name: 'AbortError' });
});
