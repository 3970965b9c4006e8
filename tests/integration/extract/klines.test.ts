import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import klinesExtract from '../../../extract/klines.ts';
import { daysFrom, header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { zipOf } from '../../support/zip.ts';
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

const run = (more: Partial<RunOptions> = {}) => runExtracts({ url: bucket.url, stagingDir, ...more });
const june = daysFrom('2025-06-01', 30);
const july = daysFrom('2025-07-01', 9);
const putDay = (day: string, symbol = 'BTCUSDT', close?: string) =>
  bucket.putArchive(keyOf(day, symbol), [rowOf(day, close)]);
const putMonth = (days: readonly string[], symbol = 'BTCUSDT') =>
  bucket.putArchive(
    keyOf((days[0] as string).slice(0, 7), symbol),
    days.map((day) => rowOf(day)),
  );
const csvOf = (...days: readonly string[]) => `${[header, ...days.map((day) => rowOf(day))].join('\n')}\n`;
const fileOf = (period: string, symbol = 'BTCUSDT') => `futures-um/1d/${symbol}/${symbol}-1d-${period}.csv`;
const archives = () => bucket.requests().filter((path) => path.startsWith('data/'));
const windowOf = (start: string, end: string) => ({ start: new Date(start), end: new Date(end) });

describe('a run', () => {
  test('stages the fewest archives, byte for byte as published', async () => {
    putMonth(june);
    for (const day of [...june, ...july]) putDay(day);
    const { klines, progress } = await run();
    expect(klines).toMatchObject({ status: 'success', summary: { new: 10, unchanged: 0, rejected: 0, rows: 39 } });
    expect(stagedCsvs(stagingDir)).toEqual(
      new Map([[fileOf('2025-06'), csvOf(...june)], ...july.map((day) => [fileOf(day), csvOf(day)] as const)]),
    );
    expect(archives()).toHaveLength(10);
    expect(progress.at(-1)).toMatchObject({ done: 10, total: 10, unit: 'files', records: 39, rejected: 0 });
    expect(progress.at(-1)?.bytes).toBe(progress.at(-1)?.totalBytes);
  });

  test('with nothing new requests no archive and writes nothing', async () => {
    putMonth(june);
    putDay('2025-07-01');
    await run();
    const before = filesBelow(stagingDir);
    archives();
    const { klines } = await run();
    expect(archives()).toEqual([]);
    expect(klines).toMatchObject({ status: 'no-op', summary: { new: 0, unchanged: 2 } });
    expect(filesBelow(stagingDir)).toEqual(before);
  });

  test('fetches what the window touches', async () => {
    putMonth(june);
    for (const day of [...june, ...july]) putDay(day);
    await run({ window: windowOf('2025-07-02', '2025-07-04') });
    expect([...ledgerOf(stagingDir).keys()]).toEqual(['BTCUSDT-1d-2025-07-02', 'BTCUSDT-1d-2025-07-03']);
  });

  test('A16 A21: fetches a file that appears later', async () => {
    for (const day of july.filter((it) => it !== '2025-07-08')) putDay(day);
    await run();
    putDay('2025-07-08');
    expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 8 });
    expect(stagedCsvs(stagingDir).has(fileOf('2025-07-08'))).toBe(true);
  });

  test('B5: stores spot and futures of one symbol side by side', async () => {
    putDay('2025-07-01');
    bucket.putArchive(keyOf('2025-07-01', 'BTCUSDT', '1d', 'spot'), [rowOf('2025-07-01', '1.6')]);
    await run();
    await run({ options: { instrument_types: ['spot'] } });
    const csvs = [...stagedCsvs(stagingDir)];
    expect(csvs.map(([path]) => path)).toEqual([
      fileOf('2025-07-01'),
      fileOf('2025-07-01').replace('futures-um', 'spot'),
    ]);
    expect(csvs[0]?.[1]).not.toBe(csvs[1]?.[1]);
  });

  test('keeps odd names in their folders', async () => {
    const names = ['CON', "a'b", 'data[1]', '🚀', '币安人生USDT'];
    for (const name of names) putDay('2025-07-01', name);
    expect((await run()).klines.summary).toMatchObject({ new: names.length });
    expect([...stagedCsvs(stagingDir).keys()].every((path) => path.split('/').length === 4)).toBe(true);
    expect(stagedCsvs(stagingDir).size).toBe(names.length);
  });
});

describe('the ledger', () => {
  test('says what is in each archive', async () => {
    const zip = putMonth(june.filter((day) => day !== '2025-06-04'));
    await run();
    expect(ledgerOf(stagingDir).get('BTCUSDT-1d-2025-06')).toEqual({
      key: keyOf('2025-06'),
      etag: createHash('md5').update(zip).digest('hex'),
      status: 'staged',
      staged_at: '2025-07-10T09:00:00.000Z',
      last_modified: '2025-07-09T08:35:00.000Z',
      size_bytes: zip.length,
      sha256: createHash('sha256').update(zip).digest('hex'),
      csv_bytes: csvOf(...june.slice(1)).length,
      csv_crc32: crc32(csvOf(...june.filter((day) => day !== '2025-06-04')))
        .toString(16)
        .padStart(8, '0'),
      row_count: 29,
      first_open_time: Date.parse('2025-06-01') * 1000,
      last_open_time: Date.parse('2025-06-30') * 1000,
      header: true,
      duplicates: 0,
      incomplete_days: [4],
    });
  });

  test('feeds staged_archives', async () => {
    const zip = putDay('2025-07-01');
    bucket.put(keyOf('2025-07-02'), 'garbage, no zip');
    await run();
    const rows = await feedRows('klines', stagingDir, join(stagingDir, 'feed.csv'));
    const byKey = rows.map((row) => row.join(',')).sort();
    const digest = (of: string, bytes: Buffer) => createHash(of).update(bytes).digest('hex');
    const parts = (day: string, next: string) => `${keyOf(day)},futures-um,daily,BTCUSDT,1d,${day},${next}`;
    expect(byKey).toEqual([
      `${parts('2025-07-01', '2025-07-02')},${digest('md5', zip)},${digest('sha256', zip)},${zip.length},1,2025-07-01 00:00:00.000000,2025-07-01 00:00:00.000000,staged,,2025-07-10 09:00:00.000`,
      `${parts('2025-07-02', '2025-07-03')},${digest('md5', Buffer.from('garbage, no zip'))},${digest('sha256', Buffer.from('garbage, no zip'))},15,,,,rejected,not_a_zip: the file is not a zip,2025-07-10 09:00:00.000`,
      'key,instrument_type,cadence,symbol,timeframe,period_start,period_end,etag,sha256,size_bytes,row_count,first_open_time,last_open_time,status,reason,staged_at',
    ]);
  });

  test('that is torn loses only the torn line', async () => {
    for (const day of july) putDay(day);
    await run();
    const before = filesBelow(stagingDir);
    const journal = before.get('journal.jsonl') as string;
    writeFileSync(join(stagingDir, 'journal.jsonl'), journal.slice(0, -20), 'latin1');
    archives();
    expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 8 });
    expect(archives()).toHaveLength(1);
    expect(stagedCsvs(stagingDir).size).toBe(9);
  });

  test('is not trusted if the CSV is gone or has another size', async () => {
    for (const day of july) putDay(day);
    await run();
    rmSync(join(stagingDir, fileOf('2025-07-03')));
    writeFileSync(join(stagingDir, fileOf('2025-07-05')), 'cut');
    expect((await run()).klines.summary).toMatchObject({ new: 2, unchanged: 7 });
    expect(stagedCsvs(stagingDir).get(fileOf('2025-07-05'))).toBe(csvOf('2025-07-05'));
  });

  test('does not know a CSV without an entry, which is fetched again', async () => {
    putDay('2025-07-01');
    mkdirSync(join(stagingDir, 'futures-um/1d/BTCUSDT'), { recursive: true });
    writeFileSync(join(stagingDir, fileOf('2025-07-01')), 'left by a kill');
    expect((await run()).klines.summary).toMatchObject({ new: 1 });
    expect(stagedCsvs(stagingDir).get(fileOf('2025-07-01'))).toBe(csvOf('2025-07-01'));
  });
});

describe('A15: days that a monthly file lacks', () => {
  test('come from daily files in the same run', async () => {
    putMonth(june.filter((day) => !['2025-06-03', '2025-06-29'].includes(day)));
    for (const day of june) putDay(day);
    const { klines } = await run();
    expect(klines.summary).toMatchObject({ new: 1, repaired: 2, rows: 30 });
    expect([...stagedCsvs(stagingDir).keys()]).toEqual([fileOf('2025-06-03'), fileOf('2025-06-29'), fileOf('2025-06')]);
    archives();
    await run();
    expect(archives()).toEqual([]);
  });

  test.each([
    ['rejected', () => bucket.put(keyOf('2025-06'), 'garbage')],
    [
      'absent',
      () => {
        bucket.intercept = (_request, response, path) =>
          path === keyOf('2025-06') && void response.writeHead(404).end() === undefined;
      },
    ],
  ])('are all of its days if it is %s', async (status, spoil) => {
    putMonth(june);
    spoil();
    for (const day of june) putDay(day);
    const { klines } = await run({ vars: { max_failed: 0.1 } });
    expect(klines).toMatchObject({ status: 'warn', summary: { repaired: 30, [status]: 1 } });
    expect(stagedCsvs(stagingDir).size).toBe(30);
  });

  test('A16: end up as if the monthly file had always been there, whatever replaced it', async () => {
    const missed = '2025-06-03';
    putMonth(june.filter((day) => day !== missed));
    for (const day of [...june, ...july]) putDay(day);
    const vars = { max_failed: 0.1 };
    bucket.intercept = (_request, response, path) =>
      path === keyOf('2025-06') && void response.writeHead(404).end() === undefined;
    expect((await run({ vars })).klines.summary).toMatchObject({ repaired: 30, absent: 1 });
    archives();
    expect((await run({ vars })).klines.summary).toMatchObject({ unchanged: 39, absent: 1 });
    expect(archives()).toEqual([keyOf('2025-06')]);

    bucket.intercept = undefined;
    const { klines } = await run({ vars });
    expect(klines).toMatchObject({ status: 'success', summary: { new: 1, unchanged: 10, absent: 0 } });
    const undisturbed = await tempDir('undisturbed-');
    await run({ stagingDir: undisturbed });
    expect(stagedCsvs(stagingDir)).toEqual(stagedCsvs(undisturbed));
    expect([...ledgerOf(stagingDir).keys()].sort()).toEqual([...ledgerOf(undisturbed).keys()].sort());
    archives();
    expect((await run()).klines).toMatchObject({ status: 'no-op', summary: { unchanged: 11 } });
    expect(archives()).toEqual([]);
  });

  test('B23: are not requested because it failed', async () => {
    putMonth(june);
    for (const day of june) putDay(day);
    bucket.intercept = (_request, response, path) =>
      path === keyOf('2025-06') && void response.end('<Error><Code>SlowDown</Code></Error>') === undefined;
    const { klines } = await run({ vars: { max_failed: 1 }, options: { attempts: 2 } });
    expect(klines).toMatchObject({ status: 'warn', summary: { repaired: 0, failed: 1 } });
    expect(archives()).toEqual([keyOf('2025-06'), keyOf('2025-06')]);
  });

  test('a monthly file is fetched even if all its days are staged, since only the listing decides', async () => {
    for (const day of june) putDay(day);
    await run();
    putMonth(june);
    expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 30 });
    expect([...stagedCsvs(stagingDir).keys()]).toContain(fileOf('2025-06'));
  });
});

describe('A18: a re-issue', () => {
  test('replaces the staged version, and the old bytes are kept aside', async () => {
    const old = putDay('2025-07-08');
    await run();
    putDay('2025-07-08', 'BTCUSDT', '1.65');
    const { klines } = await run();
    expect(klines.summary).toMatchObject({ new: 0, reissued: 1, unchanged: 0 });
    const etag = createHash('md5').update(old).digest('hex');
    const files = filesBelow(stagingDir);
    expect(files.get(fileOf('2025-07-08'))).toContain('1.65');
    expect(files.get(`superseded/futures-um/1d/BTCUSDT/BTCUSDT-1d-2025-07-08.${etag}.csv`)).toBe(csvOf('2025-07-08'));
  });

  test.each([
    ['rejected', 'rejected', () => bucket.put(keyOf('2025-07-08'), 'garbage')],
    [
      'absent',
      'absent',
      () => {
        putDay('2025-07-08', 'BTCUSDT', '1.65');
        bucket.intercept = (_request, response, path) =>
          path.startsWith('data/') && void response.writeHead(404).end() === undefined;
      },
    ],
    [
      'failed',
      'failed',
      () => {
        putDay('2025-07-08', 'BTCUSDT', '1.65');
        bucket.intercept = (_request, response, path) =>
          path.startsWith('data/') && void response.writeHead(400).end() === undefined;
      },
    ],
  ])('that is %s leaves the verified version in place', async (_what, figure, spoil) => {
    putDay('2025-07-08');
    await run();
    spoil();
    const { klines, warnings } = await run({ vars: { max_failed: 1 } });
    expect(klines).toMatchObject({ status: 'warn', summary: { reissued: 0, [figure]: 1 } });
    expect(warnings.join()).toContain(keyOf('2025-07-08'));
    expect(stagedCsvs(stagingDir).get(fileOf('2025-07-08'))).toBe(csvOf('2025-07-08'));
    expect(ledgerOf(stagingDir).get('BTCUSDT-1d-2025-07-08')).toMatchObject({
      status: 'staged',
      row_count: 1,
      reissue: { status: figure },
    });

    bucket.intercept = undefined;
    archives();
    const again = await run({ vars: { max_failed: 1 } });
    expect(archives()).toHaveLength(figure === 'rejected' ? 0 : 1);
    expect(again.klines.summary).toMatchObject({ reissued: figure === 'rejected' ? 0 : 1 });
  });

  test('of a rejected archive replaces it', async () => {
    bucket.put(keyOf('2025-07-08'), 'garbage');
    await run();
    putDay('2025-07-08');
    expect((await run()).klines.summary).toMatchObject({ new: 1, rejected: 0 });
    expect([...filesBelow(stagingDir).keys()].filter((path) => path.startsWith('rejected/'))).toEqual([]);
  });
});

describe('CHECKSUM files', () => {
  const day = '2025-07-08';
  const checksum = `${keyOf(day)}.CHECKSUM`;

  test('are requested only if the ETag is not an MD5', async () => {
    putDay('2025-07-07');
    bucket.putArchive(keyOf(day), [rowOf(day)], { etag: `${'a'.repeat(32)}-2` });
    await run();
    expect(bucket.requests().filter((path) => path.endsWith('.CHECKSUM'))).toEqual([checksum]);
    expect(stagedCsvs(stagingDir).size).toBe(2);
  });

  test('are all requested with verify: checksum', async () => {
    for (const it of july) putDay(it);
    expect((await run({ vars: { verify: 'checksum' } })).klines).toMatchObject({
      status: 'success',
      summary: { new: 9 },
    });
    expect(bucket.requests().filter((path) => path.endsWith('.CHECKSUM'))).toHaveLength(9);
  });

  test('A19: reject their archive if stale, or are only noted, after one look', async () => {
    putDay(day);
    bucket.put(checksum, `${'0'.repeat(64)}  BTCUSDT-1d-${day}.zip`);
    const verify = { vars: { verify: 'checksum' } };
    expect((await run(verify)).klines).toMatchObject({ status: 'warn', summary: { rejected: 1 } });
    expect(bucket.requests().filter((path) => path === checksum)).toHaveLength(1);
    expect(ledgerOf(stagingDir).get(`BTCUSDT-1d-${day}`)?.reason).toMatch(/^checksum_mismatch: .*000/);

    stagingDir = await tempDir('staging-');
    const warned = await run({ ...verify, klinesOptions: { stale_checksum: 'warn' } });
    expect(warned.klines).toMatchObject({ status: 'warn', summary: { new: 1, rejected: 0 } });
    expect(warned.warnings.join()).toMatch(/checksum_mismatch/);
    expect(klinesExtract.standing?.({ stagingDir })).toEqual({ rejected: [], unconfirmed: [keyOf(day)] });
  });

  test('A20: are noted as missing if the MD5 vouches, otherwise the archive has failed', async () => {
    putDay(day);
    bucket.remove(checksum);
    const noted = await run({ vars: { verify: 'checksum' } });
    expect(noted.klines.summary).toMatchObject({ new: 1, rejected: 0 });
    expect(noted.warnings.join()).toMatch(/checksum_missing/);

    bucket.putArchive(keyOf(day), [rowOf(day)], { etag: 'no-md5' });
    bucket.remove(checksum);
    stagingDir = await tempDir('staging-');
    expect((await run({ vars: { max_failed: 1 } })).klines.summary).toMatchObject({ new: 0, rejected: 0, failed: 1 });
    expect(ledgerOf(stagingDir).get(`BTCUSDT-1d-${day}`)).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/checksum_missing/),
    });
    bucket.putArchive(keyOf(day), [rowOf(day)], { etag: 'no-md5' });
    expect((await run()).klines.summary).toMatchObject({ new: 1, failed: 0 });
  });

  test('B23: replaced by a web page are no answer, or are noted if the policy only warns', async () => {
    putDay(day);
    bucket.intercept = (_request, response, path) => path === checksum && void response.end('<html>') === undefined;
    const verify = { vars: { verify: 'checksum', max_failed: 1 }, options: { attempts: 2 } };
    expect((await run(verify)).klines.summary).toMatchObject({ new: 0, rejected: 0, failed: 1 });
    const noted = await run({ ...verify, klinesOptions: { stale_checksum: 'warn' } });
    expect(noted.klines).toMatchObject({ status: 'warn', summary: { new: 1, failed: 0 } });
    expect(noted.warnings.join()).toMatch(/checksum_malformed/);
  });

  test('B23: with other bytes make the archive fail if the ETag is not an MD5', async () => {
    bucket.putArchive(keyOf(day), [rowOf(day)], { etag: 'no-md5' });
    bucket.put(checksum, `${'0'.repeat(64)}  BTCUSDT-1d-${day}.zip`);
    const { klines } = await run({ vars: { max_failed: 1 }, options: { attempts: 2 } });
    expect(klines.summary).toMatchObject({ new: 0, rejected: 0, failed: 1 });
    expect(ledgerOf(stagingDir).get(`BTCUSDT-1d-${day}`)?.reason).toMatch(/checksum_mismatch/);
  });

  test('that were damaged in transit, or belong to another archive, are requested again', async () => {
    putDay(day);
    const other = `${'0'.repeat(64)}  BTCUSDT-1d-${day}.zip`;
    const answers = [
      (response: ServerResponse) => response.writeHead(200, { etag: `"${'f'.repeat(32)}"` }).end(other),
      (response: ServerResponse) => response.end(other.replace(day, '2025-07-07')),
      (response: ServerResponse) => response.end('<html>'),
    ];
    bucket.intercept = (_request, response, path) => {
      const answer = path === checksum ? answers.pop() : undefined;
      answer?.(response);
      return answer !== undefined;
    };
    const { klines } = await run({ vars: { verify: 'checksum' } });
    expect(klines).toMatchObject({ status: 'success', summary: { new: 1, retries: 3 } });
  });

  test('decide if the ETag is not an MD5', async () => {
    bucket.putArchive(keyOf(day), [rowOf(day)], { etag: 'no-md5' });
    const zip = zipOf(`BTCUSDT-1d-${day}.csv`, csvOf(day).replace('1.7', '1.6'));
    let spoiled = 2;
    bucket.intercept = (_request, response, path) =>
      path === keyOf(day) && spoiled-- > 0 && void response.end(zip) === undefined;
    expect((await run()).klines.summary).toMatchObject({ new: 1, rejected: 0 });
    expect(stagedCsvs(stagingDir).get(fileOf(day))).toBe(csvOf(day));
  });
});

describe('no answer', () => {
  const failing = (...days: readonly string[]) => {
    bucket.intercept = (_request, response, path) =>
      days.some((day) => path === keyOf(day)) && void response.writeHead(400).end() === undefined;
  };

  test('for too many archives is an error, after everything else is staged', async () => {
    for (const day of july) putDay(day);
    failing('2025-07-02', '2025-07-05');
    await expect(run({ vars: { max_failed: 0.1 } })).rejects.toMatchObject({
      code: 'TOO_MANY_FAILED',
      message: expect.stringContaining('2 of 9'),
    });
    expect(stagedCsvs(stagingDir).size).toBe(7);
  });

  test('B10: for a few is a warning, and they are requested again', async () => {
    for (const day of july) putDay(day);
    failing('2025-07-02');
    const { klines } = await run({ vars: { max_failed: 0.2 } });
    expect(klines).toMatchObject({ status: 'warn', summary: { new: 8, failed: 1 } });
    expect(ledgerOf(stagingDir).get('BTCUSDT-1d-2025-07-02')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('400'),
    });
    archives();
    bucket.intercept = undefined;
    expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 8, failed: 0 });
    expect(archives()).toEqual([keyOf('2025-07-02')]);
  });

  test('because the host refuses says so', async () => {
    for (const day of july) putDay(day);
    bucket.intercept = (_request, response, path) =>
      path.startsWith('data/') && void response.writeHead(403).end() === undefined;
    const refused = { code: 'ARCHIVE_REFUSED', details: { status: 403 } };
    await expect(run({ options: { attempts: 2 } })).rejects.toMatchObject(refused);
  });

  test('A33: because of single refusals is requested again, and a few persistent ones are a warning', async () => {
    for (const day of july) putDay(day);
    const refusals = new Map([
      [keyOf('2025-07-02'), 1],
      [keyOf('2025-07-05'), Number.POSITIVE_INFINITY],
    ]);
    bucket.intercept = (_request, response, path) => {
      const left = refusals.get(path) ?? 0;
      refusals.set(path, left - 1);
      if (left > 0) response.writeHead(403).end();
      return left > 0;
    };
    const { klines } = await run({ vars: { max_failed: 0.2 }, options: { attempts: 2 } });
    expect(klines).toMatchObject({ status: 'warn', summary: { new: 8, failed: 1 } });
  });

  test('from a host that is gone ends the run early', async () => {
    const days = daysFrom('2025-06-01', 60);
    for (const day of days) putDay(day);
    bucket.intercept = (_request, response, path) =>
      path.startsWith('data/') && void response.writeHead(400).end() === undefined;
    await expect(run({ options: { connections: 2 } })).rejects.toMatchObject({ code: 'ARCHIVE_RESPONSE' });
    expect(archives().length).toBeLessThan(20);
  });
});

describe('A16 B23: a listed archive that does not exist (404)', () => {
  const isGone = (...days: readonly string[]) => {
    bucket.intercept = (_request, response, path) =>
      days.some((day) => path === keyOf(day)) && void response.writeHead(404).end() === undefined;
  };
  const lax = { vars: { max_failed: 0.5 } };

  test('is requested once in every run until it exists', async () => {
    putDay('2025-07-08');
    bucket.put(keyOf('2025-07-07'), 'garbage');
    isGone('2025-07-08');
    for (let runs = 0; runs < 2; runs++) {
      expect((await run(lax)).klines).toMatchObject({ status: 'warn', summary: { absent: 1, rejected: 1 } });
      expect(archives().filter((key) => key === keyOf('2025-07-08'))).toHaveLength(1);
    }
    bucket.intercept = undefined;
    expect((await run(lax)).klines.summary).toMatchObject({ new: 1, absent: 0, rejected: 1 });
    expect(archives()).toEqual([keyOf('2025-07-08')]);
  });

  test('is no longer requested once it is no longer listed', async () => {
    putDay('2025-07-07');
    putDay('2025-07-08');
    isGone('2025-07-08');
    await run(lax);
    bucket.remove(keyOf('2025-07-08'));
    archives();
    expect((await run()).klines).toMatchObject({ status: 'no-op', summary: { absent: 0 } });
    expect(archives()).toEqual([]);
  });

  test('counts towards max_failed like a failed one', async () => {
    for (const day of july) putDay(day);
    bucket.intercept = (_request, response, path) => {
      const status = path === keyOf('2025-07-02') ? 404 : path === keyOf('2025-07-05') ? 400 : undefined;
      if (status !== undefined) response.writeHead(status).end();
      return status !== undefined;
    };
    await expect(run({ vars: { max_failed: 0.2 } })).rejects.toMatchObject({
      code: 'TOO_MANY_FAILED',
      message: expect.stringContaining('2 of 9 archives could not be fetched (1 failed, 1 absent)'),
    });
    expect((await run({ vars: { max_failed: 0.3 } })).klines.status).toBe('warn');
  });

  test('ends the run early if all are missing, since that is not the listed archive', async () => {
    for (const day of daysFrom('2025-05-01', 60)) putDay(day);
    putMonth(june);
    bucket.intercept = (_request, response, path) =>
      path.startsWith('data/') && void response.writeHead(404).end() === undefined;
    await expect(run({ options: { connections: 2 }, vars: { max_failed: 0.05 } })).rejects.toMatchObject({
      code: 'TOO_MANY_FAILED',
      details: { hint: expect.stringContaining('archive URL') },
    });
    expect(archives().length).toBeLessThan(20);
  });
});

test('an abort ends a run within a second, and the next run continues from there', async () => {
  for (const day of july) putDay(day);
  const controller = new AbortController();
  bucket.intercept = (_request, _response, path) => {
    if (path !== keyOf('2025-07-09')) return false;
    setTimeout(() => controller.abort(), 50);
    return true;
  };
  let aborted = Number.NaN;
  controller.signal.addEventListener('abort', () => {
    aborted = performance.now();
  });
  await expect(run({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(performance.now() - aborted).toBeLessThan(1_000);
  bucket.intercept = undefined;
  expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 8 });
});

test('unknown options are refused before any request', async () => {
  for (const options of [
    { timeframes: ['1s'] },
    { timeframes: ['2d'] },
    { instrument_types: ['options'] },
    { typo: 1 },
  ]) {
    await expect(run({ options })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  }
  expect(bucket.requests()).toEqual([]);
});

test('a closed month is closed at as-of, not now', async () => {
  putMonth(june);
  for (const day of june) putDay(day);
  await run({ asOf: new Date(asOf.getTime() - 20 * 86_400_000) });
  expect(stagedCsvs(stagingDir).size).toBe(30);
});
