import { createHash } from 'node:crypto';
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Reason } from '../../../extract/verify/reason.ts';
import { verifyDirectory } from '../../../extract/verify/verify-directory.ts';
import { type ArchiveDirectory, archiveDirectory, dailyBar } from '../../support/archive.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { zipOf } from '../../support/zip.ts';
import { keyOf } from './support.ts';

const day = '2025-06-17';
const published = new Date('2025-06-18T08:35:00Z');

async function folder() {
  const archive = archiveDirectory(await tempDir('verify-'));
  await archive.putDay('BTCUSDT', '2025-06-16');
  await archive.putMonth('BTCUSDT', ['2025-05-01', '2025-05-02'], { header: false });
  return archive;
}

async function verify(directory: string) {
  const bad: [string, Reason['code']][] = [];
  const signal = new AbortController().signal;
  const report = await verifyDirectory(directory, { signal, onBad: (key, { code }) => bad.push([key, code]) });
  return { ...report, found: bad };
}

const csvName = `BTCUSDT-1d-${day}.csv`;
const goodZip = () => zipOf(csvName, `${dailyBar('BTCUSDT', day)}\n`);
const central = (zip: Buffer) => zip.lastIndexOf('PK\x01\x02', undefined, 'latin1');
/** Adds a matching CHECKSUM, so that only the content is wrong. */
const put = (archive: ArchiveDirectory, zip: Uint8Array) => archive.put(keyOf(day), zip, published);

describe('an archive of a folder', () => {
  test('is good with its CHECKSUM, with or without a header, daily or monthly', async () => {
    const { directory } = await folder();
    expect(await verify(directory)).toEqual({ ok: 2, bad: 0, without_checksum: 0, skipped: 0, found: [] });
  });

  test('is still checked if it has no CHECKSUM (A20)', async () => {
    const archive = await folder();
    await put(archive, goodZip());
    await rm(join(archive.directory, `${keyOf(day)}.CHECKSUM`));
    expect(await verify(archive.directory)).toMatchObject({ ok: 2, bad: 0, without_checksum: 1 });
    await writeFile(join(archive.directory, keyOf(day)), goodZip().subarray(0, 100));
    expect(await verify(archive.directory)).toMatchObject({ ok: 2, bad: 1, without_checksum: 0 });
  });

  const changed = (at: (zip: Buffer) => number, by = 1) => {
    const zip = goodZip();
    zip[at(zip)] = ((zip[at(zip)] as number) + by) % 256;
    return zip;
  };
  const rowOfOtherDay = zipOf(csvName, `${dailyBar('BTCUSDT', '2025-06-18')}\n`);
  test.each<[Reason['code'], string, (archive: ArchiveDirectory, file: string) => Promise<unknown>]>([
    [
      'checksum_mismatch',
      'a byte changed',
      (_, file) =>
        writeFile(
          file,
          changed((zip) => zip.length - 1),
        ),
    ],
    ['checksum_mismatch', 'A20: its end missing', (_, file) => truncate(file, 90)],
    [
      'checksum_mismatch',
      'A19: a stale CHECKSUM',
      async (_, file) => writeFile(`${file}.CHECKSUM`, `${createHash('sha256').digest('hex')}  BTCUSDT-1d-${day}.zip`),
    ],
    ['checksum_malformed', 'a web page as CHECKSUM', (_, file) => writeFile(`${file}.CHECKSUM`, '<html>')],
    [
      'checksum_malformed',
      'the CHECKSUM of another',
      async (archive, file) => cp(join(archive.directory, `${keyOf('2025-06-16')}.CHECKSUM`), `${file}.CHECKSUM`),
    ],
    ['absent', 'a CHECKSUM alone', (_, file) => rm(file)],
    ['html', 'a web page', (archive) => put(archive, Buffer.from('<html>not here</html>'))],
    ['not_a_zip', 'no bytes', (archive) => put(archive, Buffer.alloc(0))],
    ['zip_member_name', 'a member of another name', (archive) => put(archive, zipOf('ETHUSDT-1d.csv', 'x'))],
    [
      'crc_mismatch',
      'B22: a wrong CRC',
      (archive) =>
        put(
          archive,
          changed((zip) => central(zip) + 16),
        ),
    ],
    ['outside_period', 'A14: a row of another day', (archive) => put(archive, rowOfOtherDay)],
  ])('is bad, %s, with %s', async (code, _what, spoil) => {
    const archive = await folder();
    await put(archive, goodZip());
    await spoil(archive, join(archive.directory, keyOf(day)));
    expect(await verify(archive.directory)).toMatchObject({ ok: 2, bad: 1, found: [[keyOf(day), code]] });
  });

  test('is read piece by piece if it is large', async () => {
    const archive = archiveDirectory(await tempDir('verify-'));
    const start = Date.parse(day);
    const digits = (i: number) => createHash('md5').update(`${i}`).digest().readUIntBE(0, 6);
    const rows = Array.from({ length: 86_400 }, (_, i) => {
      const open = start + i * 1000;
      return `${open},${digits(i)},2,1,1.7,${i},${open + 999},17,3,4,7,0\n`;
    });
    const key = keyOf(day, 'BTCUSDT', '1s', 'spot');
    const large = (lines: readonly string[]) => zipOf(`BTCUSDT-1s-${day}.csv`, lines.join(''));
    await archive.put(key, large(rows), published);
    expect((await readFile(join(archive.directory, key))).length).toBeGreaterThan(1024 * 1024);
    expect(await verify(archive.directory)).toMatchObject({ ok: 1, bad: 0 });
    await archive.put(key, large([...rows, 'x,1\n']), published);
    expect(await verify(archive.directory)).toMatchObject({ ok: 0, found: [[key, 'field_count']] });
  });

  test('that does not fit the layout is only counted (A7)', async () => {
    const archive = await folder();
    await archive.put('data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2025-06-17.zip', Buffer.from('x'), published);
    await archive.put(keyOf('2025-06').replace('2025-06', '2025-6'), Buffer.from('x'), published);
    expect(await verify(archive.directory)).toMatchObject({ ok: 2, bad: 0, skipped: 2 });
  });
});

describe('pnpm pipeline archive verify', () => {
  test('prints bad archives in key order, then the total, and ends with 1', async () => {
    const archive = await folder();
    const symbols = ['ADAUSDT', '1000PEPEUSDT', '币安人生USDT', 'XRPUSDT'];
    for (const symbol of symbols) await archive.put(keyOf(day, symbol), Buffer.from('<html>'), published);
    const { exitCode, stdout, stderr } = await pipelineInProcess(['archive', 'verify', archive.directory]);
    expect(exitCode).toBe(1);
    expect(stdout.split('\n')).toEqual([
      ...['1000PEPEUSDT', 'ADAUSDT', 'XRPUSDT', '币安人生USDT'].map(
        (symbol) => `${keyOf(day, symbol)}: html: the file is a web page`,
      ),
      '2 ok, 4 bad, 0 without CHECKSUM',
      '',
    ]);
    expect(stderr).toContain('[OBJECT_REJECTED]');
  });

  test('ends with 0 if all is good, and with 2 if there is no such folder', async () => {
    const { directory } = await folder();
    expect(await pipelineInProcess(['archive', 'verify', directory])).toMatchObject({
      exitCode: 0,
      stdout: '2 ok, 0 bad, 0 without CHECKSUM\n',
    });
    expect((await pipelineInProcess(['archive', 'verify', join(directory, 'nowhere')])).exitCode).toBe(2);
  });
});
