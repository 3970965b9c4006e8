import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { zipOf } from '../../support/zip.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { filesBelow, keyOf, ledgerOf, runExtracts, stagedCsvs } from './support.ts';

// A zip above 1 MiB goes through a file and is inflated piece by piece.
const key = keyOf('2025-07-01', 'BTCUSDT', '1s', 'spot');
const name = 'BTCUSDT-1s-2025-07-01.csv';
const start = Date.parse('2025-07-01') * 1000;
const rows = Array.from({ length: 86_400 }, (_, i) => {
  const digits = randomBytes(12).readUIntBE(0, 6);
  return `${start + i * 1_000_000},${digits},2,1,1.7,${i},${start + i * 1_000_000 + 999_999},17,3,4,7,0`;
});
const csv = Buffer.from([header, ...rows].join('\r\n'));
const zip = zipOf(name, csv);
const options = { instrument_types: ['spot'], timeframes: ['1s'] };

let bucket: Bucket;
let stagingDir: string;
beforeEach(async () => {
  [bucket, stagingDir] = [await openBucket(), await tempDir('staging-')];
});
afterEach(() => bucket[Symbol.asyncDispose]());

const run = () => runExtracts({ url: bucket.url, stagingDir, options });
const leftovers = () => [...filesBelow(stagingDir).keys()].filter((path) => path.endsWith('.part'));

test('a large archive is staged byte for byte', async () => {
  expect(zip.length).toBeGreaterThan(1024 * 1024);
  bucket.put(key, zip);
  const { klines } = await run();
  expect(klines.summary).toMatchObject({ new: 1, rows: 86_400 });
  expect([...stagedCsvs(stagingDir).values()]).toEqual([csv.toString('latin1')]);
  expect(ledgerOf(stagingDir).get('BTCUSDT-1s-2025-07-01')).toMatchObject({
    sha256: createHash('sha256').update(zip).digest('hex'),
    csv_bytes: csv.length,
    first_open_time: start,
    header: true,
  });
  expect(leftovers()).toEqual([]);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['cut', (bytes) => bytes.subarray(0, 500_000)],
  ['changed', (bytes) => Buffer.from(bytes).fill(0, 700_000, 700_001)],
  ['a web page', () => Buffer.from('<html>'.padEnd(100_000))],
])('a large archive that comes %s twice is fetched until it is right', async (_what, spoil) => {
  bucket.put(key, zip);
  let spoiled = 2;
  bucket.intercept = (_request, response, path) =>
    path === key && spoiled-- > 0 && void response.end(spoil(zip)) === undefined;
  expect((await run()).klines.summary).toMatchObject({ new: 1, retries: 2 });
  expect([...stagedCsvs(stagingDir).values()]).toEqual([csv.toString('latin1')]);
});

const central = zip.lastIndexOf('PK\x01\x02', undefined, 'latin1');
test.each<[string, Buffer]>([
  ['zip_truncated', zip.subarray(0, -30)],
  ['crc_mismatch', Buffer.concat([zip.subarray(0, central + 16), Buffer.alloc(4, 1), zip.subarray(central + 20)])],
  ['zip_corrupt', Buffer.from(zip).fill(0xff, 500_000, 600_000)],
  [
    'outside_period',
    zipOf(name, Buffer.concat([csv, Buffer.from(`\n${(rows[0] as string).replace('1751', '1651')}\n`)])),
  ],
  ['field_count', zipOf(name, csv.subarray(0, -3))],
])('a large archive with %s is rejected and kept', async (code, bytes) => {
  bucket.put(key, bytes);
  expect((await run()).klines.summary).toMatchObject({ new: 0, rejected: 1, retries: 0 });
  expect(ledgerOf(stagingDir).get('BTCUSDT-1s-2025-07-01')?.reason).toMatch(`${code}: `);
  const kept = filesBelow(stagingDir).get('rejected/spot/1s/BTCUSDT/BTCUSDT-1s-2025-07-01.zip');
  expect(kept === bytes.toString('latin1')).toBe(true);
  expect(stagedCsvs(stagingDir).size).toBe(0);
  expect(leftovers()).toEqual([]);
});

test('a large archive that is missing leaves nothing', async () => {
  bucket.put(key, zip);
  bucket.intercept = (_request, response, path) => path === key && void response.writeHead(404).end() === undefined;
  await expect(run()).rejects.toMatchObject({ code: 'TOO_MANY_FAILED' });
  expect(ledgerOf(stagingDir).get('BTCUSDT-1s-2025-07-01')?.status).toBe('absent');
  expect(leftovers()).toEqual([]);
});
