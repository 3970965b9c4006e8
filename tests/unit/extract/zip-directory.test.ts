import fc from 'fast-check';
import { Open } from 'unzipper';
import { expect, test } from 'vitest';
import { bufferSource, readByUnzipper } from '../../../extract/verify/zip.ts';
import { asZip64, zipOf } from '../../support/zip.ts';

const endLength = 22;
const readDirectory = (zip: Buffer) => bufferSource(zip).directory();

/** Puts an extra field and a comment into the directory entry, and a comment after the end record. */
function decorated(zip: Buffer, extra: Buffer, entryComment: Buffer, comment: Buffer): Buffer {
  const end = Buffer.from(zip.subarray(-endLength));
  const offset = end.readUInt32LE(16);
  const entry = Buffer.from(zip.subarray(offset, -endLength));
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt16LE(entryComment.length, 32);
  end.writeUInt32LE(entry.length + extra.length + entryComment.length, 12);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([zip.subarray(0, offset), entry, extra, entryComment, end, comment]);
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((it) => Buffer.from(it));
/** An unknown extra field: id, length, content. */
const extraField = bytes(20).map((data) => Buffer.concat([Buffer.from([0x99, 0x99, data.length, 0]), data]));
const zips = fc
  .tuple(
    fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
    bytes(300),
    fc.oneof(fc.constant(Buffer.alloc(0)), extraField),
    // unzipper looks for the end record in the last 80 bytes, so text that could be one is left out.
    bytes(30),
    bytes(50).filter((comment) => !comment.includes('PK')),
  )
  .map(([name, content, extra, entryComment, comment]) =>
    decorated(zipOf(name, content), extra, entryComment, comment),
  );

test('the directory of any zip is read as unzipper reads it', async () => {
  await fc.assert(
    fc.asyncProperty(zips, async (zip) => {
      expect(await readDirectory(zip)).toEqual(await readByUnzipper(() => Open.buffer(zip)));
    }),
  );
});

test('any damaged zip gives the same directory as unzipper or none', async () => {
  const damage = fc.tuple(zips, fc.nat(), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(damage, async ([zip, at, bits]) => {
      const damaged = Buffer.from(zip);
      const place = at % zip.length;
      damaged.writeUInt8((zip[place] as number) ^ bits, place);
      const ours = await readDirectory(damaged);
      if ('code' in ours || ours.first === undefined) return;
      expect(ours).toEqual(await readByUnzipper(() => Open.buffer(damaged)));
    }),
  );
});

test('a zip that is truncated or followed by other bytes has no directory', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(zips, zips.map(asZip64)), fc.integer({ min: 1, max: 60 }), async (zip, count) => {
      for (const spoiled of [zip.subarray(0, -count), Buffer.concat([zip, Buffer.alloc(count, 0x20)])]) {
        expect(await readDirectory(spoiled)).toMatchObject({ code: 'zip_truncated' });
      }
    }),
  );
});

test('a zip64 has the same directory as the zip without its records', async () => {
  await fc.assert(
    fc.asyncProperty(zips, async (zip) => {
      expect(await readDirectory(asZip64(zip))).toEqual(await readDirectory(zip));
    }),
  );
});

test.each([10, 12, 16])('a zip whose field at %i refers to a zip64 record must have one', async (field) => {
  const zip = zipOf('a.csv', 'x');
  const end = zip.length - endLength;
  zip.fill(0xff, end + field, end + field + (field === 10 ? 2 : 4));
  expect(await readDirectory(zip)).toMatchObject({ code: 'zip_structure' });
});
