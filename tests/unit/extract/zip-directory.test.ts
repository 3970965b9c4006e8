import fc from 'fast-check';
import { Open } from 'unzipper';
import { expect, test } from 'vitest';
import { readByUnzipper, readDirectory } from '../../../extract/verify/zip-directory.ts';
import { zipOf } from '../../support/zip.ts';

const endLength = 22;

/** Puts an extra field and a comment into the directory entry, and a comment behind the end record. */
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
    // unzipper looks for the end record in the last 80 bytes; text that could be one is left out.
    bytes(30),
    bytes(50).filter((comment) => !comment.includes('PK')),
  )
  .map(([name, content, extra, entryComment, comment]) =>
    decorated(zipOf(name, content), extra, entryComment, comment),
  );

test('the directory of any zip is what unzipper reads', async () => {
  await fc.assert(
    fc.asyncProperty(zips, async (zip) => {
      expect(readDirectory(zip)).toEqual(await readByUnzipper(() => Open.buffer(zip)));
    }),
  );
});

test('of any damaged zip no other directory is read than by unzipper', async () => {
  const damage = fc.tuple(zips, fc.nat(), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(damage, async ([zip, at, bits]) => {
      const damaged = Buffer.from(zip);
      const place = at % zip.length;
      damaged.writeUInt8((zip[place] as number) ^ bits, place);
      const ours = readDirectory(damaged);
      if (ours === undefined || 'code' in ours || ours.first === undefined) return;
      expect(ours).toEqual(await readByUnzipper(() => Open.buffer(damaged)));
    }),
  );
});

test('a zip that was cut, or that is followed by other bytes, has no directory', () => {
  fc.assert(
    fc.property(zips, fc.integer({ min: 1, max: 60 }), (zip, count) => {
      for (const spoiled of [zip.subarray(0, -count), Buffer.concat([zip, Buffer.alloc(count, 0x20)])]) {
        expect(readDirectory(spoiled)).toMatchObject({ code: 'zip_truncated' });
      }
    }),
  );
});

test('a zip64 is left to unzipper', () => {
  const zip = zipOf('a.csv', 'x');
  for (const [field, length] of [
    [10, 2],
    [12, 4],
    [16, 4],
  ] as const) {
    const sixtyFour = Buffer.from(zip).fill(
      0xff,
      zip.length - endLength + field,
      zip.length - endLength + field + length,
    );
    expect(readDirectory(sixtyFour)).toBeUndefined();
  }
});
