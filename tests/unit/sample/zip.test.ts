import { crc32, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { Open } from 'unzipper';
import { expect, test } from 'vitest';
import { zipOf } from '../../../extract/sample/zip-writer.ts';

test('unzipper reads back any name and content, and both headers have the CRC-32 of the content (B22)', async () => {
  const content = fc.uint8Array({ maxLength: 5_000 }).map((bytes) => Buffer.from(bytes));
  const name = fc.constantFrom('BTCUSDT-1d-2025-07-09.csv', '币安人生USDT-1d-2025-07-09.csv', '🚀.csv');
  await fc.assert(
    fc.asyncProperty(name, content, async (member, bytes) => {
      const zip = zipOf(member, bytes);
      const { files } = await Open.buffer(zip);
      expect(files.map(({ path }) => path)).toEqual([member]);
      expect((await files[0]?.buffer())?.equals(bytes)).toBe(true);
      expect(files[0]?.crc32).toBe(crc32(bytes));
      expect(zip.readUInt32LE(14)).toBe(crc32(bytes));
      const start = 30 + zip.readUInt16LE(26);
      expect(inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(18))).equals(bytes)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('the same content always gives the same bytes', () => {
  expect(zipOf('a.csv', Buffer.from('1,2,3\n')).equals(zipOf('a.csv', Buffer.from('1,2,3\n')))).toBe(true);
});
