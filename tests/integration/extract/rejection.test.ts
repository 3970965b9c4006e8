import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../../extract/staging/journal.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { daysFrom, header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { zipOf } from '../../support/zip.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { filesBelow, keyOf, ledgerOf, type Run, rowOf, runExtracts } from './support.ts';

const days = daysFrom('2025-06-01', 39);
const nameOf = (day: string) => `BTCUSDT-1d-${day}.csv`;
const zipWith = (day: string, csv: string | Buffer) => zipOf(nameOf(day), csv);
const good = (day: string) => zipWith(day, `${header}\n${rowOf(day)}\n`);
const central = (zip: Buffer) => zip.indexOf('PK\x01\x02', 'latin1');
const changed = (zip: Buffer, change: (zip: Buffer) => void) => {
  change(zip);
  return zip;
};

/** Each reason with a zip that causes it; the listing has the zip's own size and MD5. */
const rejected: Readonly<Record<string, (day: string) => Buffer>> = {
  html: () => Buffer.from('<!DOCTYPE html><html><body>Binance Data Collection</body></html>'),
  not_a_zip: () => Buffer.alloc(300, 'x'),
  zip_truncated: (day) => good(day).subarray(0, -30),
  zip_members: (day) => changed(good(day), (zip) => zip.writeUInt16LE(0, zip.length - 12)),
  zip_member_name: () => good('2020-01-01'),
  zip_structure: (day) => changed(good(day), (zip) => zip.write('X', 30)),
  zip_method: (day) => changed(good(day), (zip) => zip.writeUInt16LE(12, central(zip) + 10)),
  zip_bomb: (day) => zipWith(day, Buffer.alloc(500_000)),
  zip_corrupt: (day) => changed(good(day), (zip) => zip.fill(0xff, 30 + nameOf(day).length, 40 + nameOf(day).length)),
  crc_mismatch: (day) => changed(good(day), (zip) => zip.writeUInt32LE(1, central(zip) + 16)),
  no_rows: (day) => zipWith(day, `${header}\n`),
  not_text: (day) => zipWith(day, rowOf(day).replace('1.5', '1\0')),
  line_too_long: (day) => zipWith(day, rowOf(day).replace('1.5', '1234567'.repeat(1_000))),
  field_count: (day) => zipWith(day, rowOf(day).slice(0, -2)),
  header_order: (day) => zipWith(day, `${header.replace('open,high', 'high,open')}\n${rowOf(day)}\n`),
  header_unknown: (day) => zipWith(day, `${header.replace('count', 'trades')}\n${rowOf(day)}\n`),
  not_a_number: (day) => zipWith(day, rowOf(day).replace('1.5', '1_5')),
  open_time_not_a_number: (day) => zipWith(day, rowOf(day).replace(/^\d+/, 'NaN')),
  outside_period: (day) => zipWith(day, rowOf('2020-01-01')),
  not_ascending: (day) => zipWith(day, `${rowOf(day)}\n${rowOf(day, '1.6')}`),
};
const dayOf = (code: string) => days[Object.keys(rejected).indexOf(code)] as string;

describe('bad content', () => {
  let bucket: Bucket;
  let result: Run;
  let stagingDir: string;

  beforeAll(async () => {
    [bucket, stagingDir] = [await openBucket(), await tempDir('staging-')];
    for (const day of days) bucket.putArchive(keyOf(day), [rowOf(day)]);
    for (const [code, make] of Object.entries(rejected)) bucket.put(keyOf(dayOf(code)), make(dayOf(code)));
    result = await runExtracts({ url: bucket.url, stagingDir });
    return () => bucket[Symbol.asyncDispose]();
  });

  test.each(Object.keys(rejected))('%s is rejected with its reason, kept aside, and requested once', (code) => {
    const name = `BTCUSDT-1d-${dayOf(code)}`;
    expect(ledgerOf(stagingDir).get(name)).toMatchObject({
      status: 'rejected',
      reason: expect.stringMatching(`^${code}: `),
    });
    expect(result.warnings.filter((text) => text.includes(name))).toEqual([expect.stringContaining(`${code}: `)]);

    const files = filesBelow(stagingDir);
    const place = `rejected/futures-um/1d/BTCUSDT/${name}`;
    const published = rejected[code]?.(dayOf(code)) as Buffer;
    expect(files.get(`${place}.zip`)).toBe(published.toString('latin1'));
    expect(JSON.parse(files.get(`${place}.reason.json`) as string)).toMatchObject({
      key: keyOf(dayOf(code)),
      etag: createHash('md5').update(published).digest('hex'),
      code,
      rejected_at: '2025-07-10T09:00:00.000Z',
    });
    expect(files.has(`futures-um/1d/BTCUSDT/${name}.csv`)).toBe(false);
    expect(bucket.requests().filter((path) => path === keyOf(dayOf(code))).length).toBeLessThanOrEqual(1);
  });

  test('affects nothing else, and leaves nothing unfinished', () => {
    const bad = Object.keys(rejected).length;
    expect(result.klines).toMatchObject({ status: 'warn', summary: { rejected: bad, new: days.length - bad } });
    expect([...filesBelow(stagingDir).keys()].filter((path) => path.endsWith('.part'))).toEqual([]);
  });

  test('is not requested again', async () => {
    bucket.requests();
    const again = await runExtracts({ url: bucket.url, stagingDir });
    expect(again.klines).toMatchObject({ status: 'no-op', summary: { rejected: Object.keys(rejected).length } });
    expect(bucket.requests().filter((path) => path.startsWith('data/'))).toEqual([]);
  });
});

test('B23: other bytes than the listed ones are not an answer, however often they come, and the next run asks again', async () => {
  const stagingDir = await tempDir('staging-');
  const bytes: Readonly<Record<string, Buffer>> = {
    md5_mismatch: good('2025-06-01').fill(0, 60, 61),
    size_mismatch: good('2025-06-02').subarray(0, 100),
    html: Buffer.from('<html>an error page that is cached</html>'),
    throttle: Buffer.from('<?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>'),
  };
  const keys = Object.keys(bytes).map((_, i) => keyOf(days[i] as string));
  await using bucket = await openBucket();
  for (const day of days.slice(0, 5)) bucket.putArchive(keyOf(day), [rowOf(day)]);
  bucket.intercept = (_request, response, path) => {
    const at = keys.indexOf(path);
    if (at >= 0) response.end(Object.values(bytes)[at]);
    return at >= 0;
  };
  const run = { url: bucket.url, stagingDir, options: { attempts: 2 } };
  await expect(runExtracts(run)).rejects.toMatchObject({ code: 'TOO_MANY_FAILED' });
  const { klines, warnings } = await runExtracts({ ...run, vars: { max_failed: 0.9 } });
  expect(klines).toMatchObject({ status: 'warn', summary: { unchanged: 1, rejected: 0, failed: 4, retries: 4 } });
  for (const [i, code] of Object.keys(bytes).entries()) {
    const name = `BTCUSDT-1d-${days[i]}`;
    const reason = new RegExp(`archive_response: ${code === 'throttle' ? 'html' : code}: `);
    expect(ledgerOf(stagingDir).get(name)).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) });
    expect(warnings.filter((text) => text.includes(name))).toHaveLength(1);
  }
  expect([...filesBelow(stagingDir).keys()].filter((path) => path.startsWith('rejected/'))).toEqual([]);

  bucket.intercept = undefined;
  const healed = await runExtracts(run);
  expect(healed.klines).toMatchObject({ status: 'success', summary: { new: 4, unchanged: 1, failed: 0 } });
}, 30_000);

test('B23: an archive that an earlier version rejected without its bytes is requested again', async () => {
  const stagingDir = await tempDir('staging-');
  await using bucket = await openBucket();
  const [bad, old] = [days[0] as string, days[1] as string];
  bucket.put(keyOf(bad), 'garbage');
  bucket.putArchive(keyOf(old), [rowOf(old)]);
  await runExtracts({ url: bucket.url, stagingDir });
  const ledger = Ledger.open(stagingDir);
  const { sha256: _, csv_bytes: __, ...entry } = ledger.get(keyOf(old)) as LedgerEntry;
  ledger.record({ ...entry, status: 'rejected', reason: 'html: the host sent a web page of 115 bytes' });
  ledger.close();
  bucket.requests();
  const { klines } = await runExtracts({ url: bucket.url, stagingDir });
  expect(klines.summary).toMatchObject({ new: 1, rejected: 1, failed: 0 });
  expect(bucket.requests().filter((path) => path.startsWith('data/'))).toEqual([keyOf(old)]);
});
