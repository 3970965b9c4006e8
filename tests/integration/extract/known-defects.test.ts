import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import klines from '../../../extract/klines.ts';
import { badValue } from '../../../extract/staging/known-defects.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import {
  asOf,
  feedRows,
  filesBelow,
  keyOf,
  ledgerOf,
  type RunOptions,
  rowOf,
  runExtracts,
  stagedCsvs,
} from './support.ts';

let bucket: Bucket;
let stagingDir: string;
beforeEach(async () => {
  [bucket, stagingDir] = [await openBucket(), await tempDir('staging-')];
});
afterEach(() => bucket[Symbol.asyncDispose]());

const day = '2025-07-08';
const name = `BTCUSDT-1d-${day}`;
const reason = 'its volume has overflowed';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const negative = rowOf(day).replace(',10,', ',-10,');

function run(known: Uint8Array | undefined, more: Partial<RunOptions> = {}) {
  const known_defects = known ? [{ key: keyOf(day), sha256: sha256(known), reason }] : [];
  return runExtracts({ url: bucket.url, stagingDir, klinesOptions: { known_defects }, ...more });
}
const putGarbage = () => {
  const bytes = Buffer.from('garbage, no zip');
  bucket.put(keyOf(day), bytes);
  return bytes;
};
const storedReason = async () =>
  (await feedRows('klines', stagingDir, join(stagingDir, 'feed.csv')))
    .find(([key]) => key === keyOf(day))
    ?.slice(13, 15);

describe('a file that is known to be bad', () => {
  test.each([
    ['bytes', putGarbage],
    ['values (A11)', () => bucket.putArchive(keyOf(day), [negative])],
    ['values next to each other (B25)', () => bucket.putArchive(keyOf(day), [rowOf(day).replace(',4,7,', ',14,7,')])],
    [
      'bytes that do not match the CHECKSUM file (A19)',
      () => {
        const zip = bucket.putArchive(keyOf(day), [rowOf(day)], { etag: 'no-md5' });
        bucket.put(`${keyOf(day)}.CHECKSUM`, `${'0'.repeat(64)}  ${name}.zip`);
        return zip;
      },
    ],
  ])('by its %s is rejected without a warning, with the given reason, and kept aside', async (_what, put) => {
    const bytes = put();
    bucket.putArchive(keyOf('2025-07-07'), [rowOf('2025-07-07')]);
    const { klines: result, warnings, progress } = await run(bytes);
    expect(result).toMatchObject({ status: 'success', summary: { new: 1, rejected: 0, known: 1 } });
    expect(warnings).toEqual([]);
    expect(progress.at(-1)).toMatchObject({ done: 2, rejected: 0 });
    expect(await storedReason()).toEqual(['rejected', `known_defect: ${reason}`]);
    const files = filesBelow(stagingDir);
    expect(files.get(`rejected/futures-um/1d/BTCUSDT/${name}.zip`)).toBe(Buffer.from(bytes).toString('latin1'));
    expect(JSON.parse(files.get(`rejected/futures-um/1d/BTCUSDT/${name}.reason.json`) ?? '')).toMatchObject({
      known_defect: reason,
      sha256: sha256(bytes),
    });
    expect([...files.keys()].filter((path) => path.endsWith('.part'))).toEqual([]);
    expect(stagedCsvs(stagingDir).size).toBe(1);

    bucket.requests();
    expect((await run(bytes)).klines).toMatchObject({ status: 'no-op', summary: { rejected: 0, known: 1 } });
    expect(bucket.requests().filter((path) => path.startsWith('data/'))).toEqual([]);
  });

  test('is judged again when it is re-issued', async () => {
    const bytes = putGarbage();
    await run(bytes);
    bucket.put(keyOf(day), 'other garbage');
    const again = await run(bytes);
    expect(again.klines).toMatchObject({ status: 'warn', summary: { rejected: 1, known: 0 } });
    expect(again.warnings.join()).toContain(keyOf(day));
    bucket.putArchive(keyOf(day), [rowOf(day)]);
    expect((await run(bytes)).klines).toMatchObject({ status: 'success', summary: { new: 1, known: 0 } });
  });

  test('as a re-issue leaves the good version in place, without a warning', async () => {
    bucket.putArchive(keyOf(day), [rowOf(day)]);
    await run(undefined);
    const { klines: result, warnings } = await run(putGarbage());
    expect(result).toMatchObject({ status: 'success', summary: { rejected: 0, known: 1 } });
    expect(warnings).toEqual([]);
    expect(stagedCsvs(stagingDir).size).toBe(1);
  });

  test('that was rejected earlier counts as known from then on, until the entry is removed', async () => {
    const bytes = putGarbage();
    const standing = () => klines.standing?.({ stagingDir });
    expect((await run(undefined)).klines).toMatchObject({ status: 'warn', summary: { rejected: 1, known: 0 } });
    expect(standing()).toEqual({ rejected: [keyOf(day)], unconfirmed: [] });
    bucket.requests();
    expect((await run(bytes)).klines).toMatchObject({ status: 'no-op', summary: { rejected: 0, known: 1 } });
    expect(standing()).toEqual({ rejected: [], unconfirmed: [] });
    expect(await storedReason()).toEqual(['rejected', `known_defect: ${reason}`]);
    expect((await run(undefined)).klines.summary).toMatchObject({ rejected: 1, known: 0 });
    expect((await storedReason())?.[1]).toMatch(/^not_a_zip: /);
    expect(bucket.requests().filter((path) => path.startsWith('data/'))).toEqual([]);
  });

  test('is known after the load has rejected it', async () => {
    const zip = bucket.putArchive(keyOf(day), [negative]);
    await run(undefined);
    const { source } = await klines.staged({ stagingDir, asOf });
    await source?.reject([{ key: keyOf(day), reason: 'negative_value' }]);
    expect((await run(zip)).klines).toMatchObject({ status: 'no-op', summary: { rejected: 0, known: 1 } });
    expect(await storedReason()).toEqual(['rejected', `known_defect: ${reason}`]);
  });

  test('but is good is staged, and the entry is reported as obsolete while it exists', async () => {
    const zip = bucket.putArchive(keyOf(day), [rowOf(day)]);
    for (const summary of [
      { new: 1, unchanged: 0 },
      { new: 0, unchanged: 1 },
    ]) {
      const { klines: result, warnings } = await run(zip);
      expect(result).toMatchObject({ status: 'warn', summary: { ...summary, known: 0 } });
      expect(warnings).toEqual([expect.stringContaining(`known_defects names ${keyOf(day)}`)]);
    }
    expect(ledgerOf(stagingDir).get(name)).not.toHaveProperty('known_defect');
    expect((await run(undefined)).warnings).toEqual([]);
  });
});

test.each([
  { key: keyOf(day), sha256: 'ABC', reason },
  { key: keyOf(day), sha256: 'a'.repeat(64) },
  { key: keyOf(day), sha256: 'a'.repeat(64), reason, typo: 1 },
])('an entry %j is refused before an archive is requested', async (entry) => {
  bucket.putArchive(keyOf(day), [rowOf(day)]);
  const klinesOptions = { known_defects: [entry] };
  await expect(runExtracts({ url: bucket.url, stagingDir, klinesOptions })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('known_defects'),
  });
});

test.each([
  ['NaN', 4, 'not_a_number'],
  ['inf', 7, 'not_a_number'],
  ['many', 5, 'not_a_number'],
  ['', 9, 'not_a_number'],
  ['7.5', 8, 'not_a_number'],
  ['later', 6, 'not_a_number'],
  ['-1.5', 5, 'negative_value'],
  ['-0.1', 10, 'negative_value'],
  ['-1', 8, 'negative_value'],
  ['3.0', 3, 'ohlc_nonsense'],
  ['0.5', 2, 'ohlc_nonsense'],
  ['10.00000001', 9, 'taker_above_total'],
  ['17.1', 10, 'taker_above_total'],
  ['1_0', 5, 'not_a_number'],
  ['0x1F', 8, 'not_a_number'],
  ['+10', 5, 'not_a_number'],
  ['1E400', 5, 'not_a_number'],
  ['', 11, 'not_a_number'],
  ['17.00000000', 7, undefined],
  ['0E-8', 9, undefined],
])('a value %j in column %i is judged as the load judges it: %s', (text, column, expected) => {
  const file = join(stagingDir, 'values.csv');
  writeFileSync(file, `${rowOf('2025-07-07')}\n${rowOf(day).split(',').with(column, text).join(',')}\n`);
  expect(badValue(file)?.code).toBe(expected);
});

test('a bad value is named by its row as in the load, counting repeated rows', () => {
  const file = join(stagingDir, 'values.csv');
  writeFileSync(file, [rowOf('2025-07-06'), rowOf('2025-07-06'), negative].join('\r\n'));
  expect(badValue(file)).toEqual({ code: 'negative_value', text: 'row 3, volume -10' });
});
