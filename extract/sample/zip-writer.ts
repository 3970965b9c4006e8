import { constants, crc32, deflateRawSync } from 'node:zlib';

/** 2025-01-01 in MS-DOS form: the bytes must not depend on when they are created. */
const dosDate = ((2025 - 1980) << 9) | (1 << 5) | 1;
const utf8Name = 0x0800;
const deflated = 8;
const version = 20;
const madeByUnix = 3 << 8;
const regularFile0644 = 0o100644;

/**
 * Only Huffman codes, because the matches that zlib finds depend on the processor.
 * Small tables, because initializing the default ones costs more than compressing a bar.
 */
const options = { strategy: constants.Z_HUFFMAN_ONLY, memLevel: 2, windowBits: 10, chunkSize: 1_024 };

/** Creates a zip with one deflated member, as in the archive. `body` can be the content deflated in another way. */
export function zipOf(name: string, content: Buffer, body = deflateRawSync(content, options)): Buffer {
  const nameLength = Buffer.byteLength(name);
  const crc = crc32(content);
  const local = 30 + nameLength;
  const central = local + body.length;
  const end = central + 46 + nameLength;
  const zip = Buffer.alloc(end + 22);

  /** The fields that the local header and the central directory share. */
  const member = (at: number): void => {
    zip.writeUInt16LE(version, at);
    // Only set if necessary, as common zip tools do. Without the flag, names are read as code page 437.
    zip.writeUInt16LE(nameLength === name.length ? 0 : utf8Name, at + 2);
    zip.writeUInt16LE(deflated, at + 4);
    zip.writeUInt16LE(0, at + 6);
    zip.writeUInt16LE(dosDate, at + 8);
    zip.writeUInt32LE(crc, at + 10);
    zip.writeUInt32LE(body.length, at + 14);
    zip.writeUInt32LE(content.length, at + 18);
    zip.writeUInt16LE(nameLength, at + 22);
  };

  zip.writeUInt32LE(0x04034b50, 0);
  member(4);
  zip.write(name, 30);
  body.copy(zip, local);

  zip.writeUInt32LE(0x02014b50, central);
  zip.writeUInt16LE(madeByUnix | version, central + 4);
  member(central + 6);
  zip.writeUInt32LE(regularFile0644 * 0x10000, central + 38);
  zip.write(name, central + 46);

  zip.writeUInt32LE(0x06054b50, end);
  zip.writeUInt16LE(1, end + 8);
  zip.writeUInt16LE(1, end + 10);
  zip.writeUInt32LE(end - central, end + 12);
  zip.writeUInt32LE(central, end + 16);
  return zip;
}
