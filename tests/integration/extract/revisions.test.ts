import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import klines from '../../../extract/klines.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { asOf, filesBelow, keyOf, ledgerOf, type RunOptions, rowOf, runExtracts } from './support.ts';

let bucket: Bucket;
let stagingDir: string;
beforeEach(async () => {
  [bucket, stagingDir] = [await openBucket(), await tempDir('staging-')];
});
afterEach(() => bucket[Symbol.asyncDispose]());

const run = (more: Partial<RunOptions> = {}) => runExtracts({ url: bucket.url, stagingDir, ...more });
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const june = '2025-06';
const putJune = (...rows: readonly [date: string, close?: string][]) =>
  bucket.putArchive(
    keyOf(june),
    rows.map(([date, close]) => rowOf(date, close)),
  );
const revisionsOf = (directory = stagingDir) => ledgerOf(directory).get('BTCUSDT-1d-2025-06')?.revisions;

test('A18: a re-issue is recorded with the changed, added and removed rows', async () => {
  const old = putJune(['2025-06-01'], ['2025-06-02'], ['2025-06-03']);
  await run();
  expect(revisionsOf()).toBeUndefined();
  const now = putJune(['2025-06-02', '1.65'], ['2025-06-03'], ['2025-06-04'], ['2025-06-05']);
  expect((await run()).klines.summary).toMatchObject({ reissued: 1 });
  expect(revisionsOf()).toEqual([
    {
      ...{ etag: md5(now), sha256: sha256(now), previous_etag: md5(old), previous_sha256: sha256(old) },
      ...{ rows_changed: 1, rows_added: 2, rows_removed: 1, revised_at: asOf.toISOString() },
    },
  ]);
});

test('A18: every revision of a key is kept, even if the ledger is compacted or the archive is rejected later', async () => {
  for (const close of ['1.1', '1.2', '1.3', '1.4']) {
    putJune(['2025-06-01', close]);
    await run();
  }
  expect(revisionsOf()).toHaveLength(3);
  const journal = filesBelow(stagingDir).get('journal.jsonl') as string;
  expect(journal.split('\n').length - 1).toBeLessThan(4);

  const { source } = await klines.staged({ stagingDir, asOf });
  await source?.reject([{ key: keyOf(june), reason: 'negative_value' }]);
  expect(ledgerOf(stagingDir).get('BTCUSDT-1d-2025-06')).toMatchObject({ status: 'rejected' });
  expect(revisionsOf()).toHaveLength(3);
  putJune(['2025-06-01', '1.5']);
  await run();
  // A rejected version had no rows that counted.
  expect(revisionsOf()).toHaveLength(3);
  putJune(['2025-06-01', '1.6']);
  await run();
  expect(revisionsOf()).toHaveLength(4);
});

test('A18: feeds archive_revisions', async () => {
  const old = putJune(['2025-06-01']);
  await run();
  const now = putJune(['2025-06-01', '1.2']);
  await run();
  const feed = (await klines.staged({ stagingDir, asOf })).feeds?.archive_revisions;
  const file = join(stagingDir, 'feed.csv');
  await feed?.writeCsv(new Set(['']), file);
  const versions = [md5(now), sha256(now), md5(old), sha256(old)];
  expect(filesBelow(stagingDir).get('feed.csv')?.split('\n')).toEqual([
    'key,revision,etag,sha256,previous_etag,previous_sha256,rows_changed,rows_added,rows_removed,revised_at',
    `${keyOf(june)},1,${versions.join(',')},1,0,0,2025-07-10 09:00:00.000`,
    '',
  ]);
});

test('A18: rows are not counted if the old CSV is no longer available', async () => {
  putJune(['2025-06-01']);
  await run();
  rmSync(join(stagingDir, 'futures-um'), { recursive: true });
  putJune(['2025-06-01', '1.2']);
  await run();
  expect(revisionsOf()).toHaveLength(1);
  expect(revisionsOf()?.[0]).not.toHaveProperty('rows_changed');
});

test('A18: a kill between the new CSV and its line in the ledger loses no revision', async () => {
  putJune(['2025-06-01'], ['2025-06-02']);
  await run();
  const before = Ledger.open(stagingDir).get(keyOf(june));
  putJune(['2025-06-01']);
  await run();
  const expected = revisionsOf();
  {
    // The state of the journal after such a run.
    using ledger = Ledger.open(stagingDir);
    ledger.record(before as NonNullable<typeof before>);
  }
  await run();
  expect(expected).toMatchObject([{ rows_removed: 1 }]);
  expect(revisionsOf()).toEqual(expected);
});
