import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { archiveName } from '../../../exchange/keys.ts';
import { scanMember, scanSmall } from '../../../extract/staging/unpack.ts';
import { bufferSource, fileSource, findMember, type ZipSource } from '../../../extract/verify/zip.ts';
import { header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { asZip64, zipOf } from '../../support/zip.ts';
import { keyOf, line } from './support.ts';

const key = keyOf({ timeframe: '1h' });
const name = `${archiveName(key)}.csv`;
const day = Date.parse('2025-06-17');
const { signal } = new AbortController();

let directory: string;
beforeAll(async () => {
  directory = await tempDir('ways-');
});

type Way = (zip: Buffer) => Promise<unknown>;

/** Reads piece by piece, as is done for large members and members of large zips. */
async function inPieces(source: ZipSource, file?: string): Promise<unknown> {
  const member = await findMember(source, name);
  if ('code' in member) return member.code;
  const pieces: Buffer[] = [];
  const found = await scanMember(file === undefined ? { source } : { source, file }, member, key, signal, (piece) => {
    pieces.push(Buffer.from(piece));
  });
  return 'code' in found ? found.code : { facts: found.facts, csv: Buffer.concat(pieces).toString() };
}

const ways: Readonly<Record<string, Way>> = {
  /** Through the kernel, as is done for most archives. */
  async atOnce(zip) {
    const member = await findMember(bufferSource(zip), name);
    if ('code' in member) return member.code;
    const found = scanSmall(zip, member, key);
    return 'code' in found ? found.code : { facts: found.facts, csv: found.csv.toString() };
  },
  inPiecesOfMemory: (zip) => inPieces(bufferSource(zip)),
  async inPiecesOfAFile(zip) {
    const file = join(directory, 'archive.zip');
    writeFileSync(file, zip);
    return inPieces(fileSource(file, zip.length), file);
  },
};

/** The verdict on a zip, which must be the same in every way. */
async function verdict(zip: Buffer): Promise<unknown> {
  const said: Record<string, unknown> = {};
  for (const [way, read] of Object.entries(ways)) said[way] = await read(zip);
  const [first] = Object.values(said);
  expect(said).toEqual(Object.fromEntries(Object.keys(ways).map((way) => [way, first])));
  return first;
}

const hours = Array.from({ length: 24 }, (_, hour) => line(day + hour * 3_600_000));
const csvs = fc
  .tuple(
    fc.subarray(hours),
    fc.constantFrom([], [header]),
    fc.constantFrom('\n', '\r\n'),
    fc.option(fc.constantFrom('x', line(day - 1), line(day, '1_5'), `${line(day)},0`), { nil: undefined, freq: 6 }),
  )
  .map(([rows, lead, newline, odd]) => [...lead, ...rows, ...(odd === undefined ? [] : [odd]), ''].join(newline));

const centralOf = (zip: Buffer) => zip.lastIndexOf('PK\x01\x02', undefined, 'latin1');
/** Replaces the bytes of the member, and adjusts the sizes in the directory so that it still ends at the directory. */
function withData(zip: Buffer, data: (packed: Buffer) => Buffer): Buffer {
  const from = 30 + name.length;
  const changed = data(zip.subarray(from, centralOf(zip)));
  const all = Buffer.concat([zip.subarray(0, from), changed, zip.subarray(centralOf(zip))]);
  all.writeUInt32LE(changed.length, centralOf(all) + 20);
  all.writeUInt32LE(centralOf(all), all.length - 22 + 16);
  return all;
}
/** Stores the content uncompressed. */
function stored(csv: string): Buffer {
  const zip = withData(zipOf(name, csv), () => Buffer.from(csv));
  for (const at of [8, centralOf(zip) + 10]) zip.writeUInt16LE(0, at);
  return zip;
}

const zips = fc
  .tuple(csvs, fc.constantFrom('deflated', 'stored', 'zip64'))
  .map(([csv, kind]) =>
    kind === 'stored' ? stored(csv) : kind === 'zip64' ? asZip64(zipOf(name, csv)) : zipOf(name, csv),
  );

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const damages = fc.oneof(
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (zip: Buffer) => {
    const i = Math.floor(at * zip.length);
    if (zip.length > 0) zip.writeUInt8((zip[i] as number) ^ bits, i);
    return zip;
  }),
  // Most of the fields that say how to read the zip are at its end.
  fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 255 })).map(([back, byte]) => (zip: Buffer) => {
    if (zip.length > 0) zip.writeUInt8(byte, Math.max(0, zip.length - back));
    return zip;
  }),
  place.map((at) => (zip: Buffer) => zip.subarray(0, Math.floor(at * zip.length))),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map((more) => (zip: Buffer) => Buffer.concat([zip, more])),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map((more) => (zip: Buffer) => Buffer.concat([more, zip])),
);

describe('a zip is judged the same at once and in pieces, in memory and in a file', () => {
  test('undamaged', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(zips, async (zip) => {
        const found = await verdict(zip);
        seen.add(typeof found === 'string' ? found : 'good');
      }),
      { numRuns: 150 },
    );
    expect(seen).toContain('good');
  });

  test('damaged in one or two places', async () => {
    await fc.assert(
      fc.asyncProperty(zips, fc.array(damages, { minLength: 1, maxLength: 2 }), async (zip, all) => {
        await verdict(all.reduce<Buffer>((changed, damage) => damage(changed), Buffer.from(zip)));
      }),
      { numRuns: 600 },
    );
  });

  const csv = `${hours.join('\n')}\n`;
  const good = () => zipOf(name, csv);
  const changed = (change: (zip: Buffer) => void, zip = good()) => {
    change(zip);
    return zip;
  };
  const commented = (length: number) => {
    const zip = Buffer.concat([good(), Buffer.alloc(length, 'x')]);
    zip.writeUInt16LE(length, zip.length - length - 2);
    return zip;
  };
  test.each<[string, unknown, () => Buffer]>([
    ['a comment after the end', 'good', () => commented(60)],
    ['a comment too long for unzipper', 'good', () => commented(5_000)],
    ['the longest comment', 'good', () => commented(0xffff)],
    ['a zip64', 'good', () => asZip64(good())],
    ['a zip64 with bytes after it', 'zip_truncated', () => Buffer.concat([asZip64(good()), Buffer.from('x')])],
    ['bytes after the end', 'zip_truncated', () => Buffer.concat([good(), Buffer.from('x')])],
    [
      'bytes between member and directory',
      'good',
      () => {
        const zip = Buffer.concat([
          good().subarray(0, centralOf(good())),
          Buffer.from('gap'),
          good().subarray(centralOf(good())),
        ]);
        return changed((it) => it.writeUInt32LE(centralOf(it), it.length - 6), zip);
      },
    ],
    [
      'bytes between directory and end',
      'zip_structure',
      () => Buffer.concat([good().subarray(0, -22), Buffer.from('gap'), good().subarray(-22)]),
    ],
    [
      'bytes after the packed data, which inflating does not reach',
      'good',
      () => withData(good(), (data) => Buffer.concat([data, Buffer.from('junk')])),
    ],
    ['truncated packed data', 'zip_corrupt', () => withData(good(), (data) => data.subarray(0, -5))],
    [
      'stored data that is longer than it says',
      'zip_corrupt',
      () => withData(stored(csv), (data) => Buffer.concat([data, data])),
    ],
    [
      'a wrong CRC with a bad row',
      'crc_mismatch',
      () => changed((it) => it.writeUInt32LE(1, centralOf(it) + 16), zipOf(name, 'x\n')),
    ],
    ['nothing', 'no_rows', () => zipOf(name, '')],
    ['nothing, stored', 'no_rows', () => stored('')],
    ['nothing to inflate', 'zip_corrupt', () => withData(zipOf(name, ''), () => Buffer.alloc(0))],
  ])('%s: %s', async (_what, expected, zip) => {
    const found = await verdict(zip());
    expect(typeof found === 'string' ? found : 'good').toBe(expected);
  });
});
