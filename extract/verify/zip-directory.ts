import type { CentralDirectory } from 'unzipper';
import { type Reason, reason } from './reason.ts';

/** What the directory of a zip says. */
export interface ZipDirectory {
  readonly members: number;
  /** Offset of the directory itself. */
  readonly offset: number;
  readonly first: ZipEntry | undefined;
}

export interface ZipEntry {
  readonly name: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressed_bytes: number;
  readonly uncompressed_bytes: number;
  /** Offset of the member's own header. */
  readonly header: number;
}

const endRecord = 0x06054b50;
const centralEntry = 0x02014b50;
const endLength = 22;
const entryLength = 46;
/** What stands in a field whose value is in a zip64 record instead. */
const elsewhere16 = 0xffff;
const elsewhere32 = 0xffffffff;

const damaged = (): Reason => reason('zip_structure', 'the directory of the zip is damaged');
const truncated = (why: string): Reason => reason('zip_truncated', `the end of the zip is missing: ${why}`);

/**
 * Reads the directory of a zip that is in memory, a tenth of the time that unzipper takes. Directory and end record
 * must fill the zip to its last byte. `undefined` where it is a zip64, which is left to unzipper.
 */
export function readDirectory(zip: Buffer): ZipDirectory | Reason | undefined {
  const end = findEnd(zip);
  if (end < 0) return truncated('no end record stands before the last byte');
  const members = zip.readUInt16LE(end + 10);
  const size = zip.readUInt32LE(end + 12);
  const offset = zip.readUInt32LE(end + 16);
  if (members === elsewhere16 || size === elsewhere32 || offset === elsewhere32) return undefined;
  if (members !== 1) return { members, offset, first: undefined };
  if (offset + size !== end || size < entryLength || zip.readUInt32LE(offset) !== centralEntry) return damaged();
  const nameLength = zip.readUInt16LE(offset + 28);
  const length = entryLength + nameLength + zip.readUInt16LE(offset + 30) + zip.readUInt16LE(offset + 32);
  if (length !== size) return damaged();
  const entry: ZipEntry = {
    name: zip.subarray(offset + entryLength, offset + entryLength + nameLength),
    flags: zip.readUInt16LE(offset + 8),
    method: zip.readUInt16LE(offset + 10),
    crc32: zip.readUInt32LE(offset + 16),
    compressed_bytes: zip.readUInt32LE(offset + 20),
    uncompressed_bytes: zip.readUInt32LE(offset + 24),
    header: zip.readUInt32LE(offset + 42),
  };
  const { compressed_bytes, uncompressed_bytes, header } = entry;
  if ([compressed_bytes, uncompressed_bytes, header].includes(elsewhere32)) return undefined;
  return { members, offset, first: entry };
}

/** Offset of the end record, whose comment reaches exactly to the last byte; -1 where there is none. */
function findEnd(zip: Buffer): number {
  const lowest = Math.max(0, zip.length - endLength - 0xffff);
  for (let at = zip.length - endLength; at >= lowest; at--) {
    const fits = zip.readUInt16LE(at + 20) === zip.length - endLength - at;
    if (fits && zip.readUInt32LE(at) === endRecord) return at;
  }
  return -1;
}

/** The directory as unzipper reads it; it checks no signature. */
export async function readByUnzipper(open: () => Promise<CentralDirectory>): Promise<ZipDirectory | Reason> {
  let directory: CentralDirectory;
  try {
    directory = await open();
  } catch (error) {
    return truncated((error as Error).message);
  }
  const { files, offsetToStartOfCentralDirectory: offset } = directory;
  const [file] = files;
  if (file === undefined) return { members: 0, offset, first: undefined };
  if (file.signature !== centralEntry) return damaged();
  const first: ZipEntry = {
    name: file.pathBuffer,
    flags: file.flags,
    method: file.compressionMethod,
    crc32: file.crc32,
    compressed_bytes: file.compressedSize,
    uncompressed_bytes: file.uncompressedSize,
    header: file.offsetToLocalFileHeader,
  };
  return { members: files.length, offset, first };
}
