import type { CentralDirectory } from 'unzipper';
import { type Reason, reason } from './reason.ts';

/** The directory of a zip. */
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

/** Bytes of a zip in memory or on disk. */
export interface ZipBytes {
  readonly size: number;
  /** Fewer bytes where the zip ends before. */
  read(offset: number, length: number): Buffer;
}

export interface UnzipperOptions {
  /** How many bytes before the last one it looks for the end record. */
  readonly tailSize: number;
}

const endRecord = 0x06054b50;
const endRecord64 = 0x06064b50;
const locator64 = 0x07064b50;
const centralEntry = 0x02014b50;
const endLength = 22;
const endLength64 = 56;
const locatorLength64 = 20;
const entryLength = 46;
/** Value of a field whose real value is in a zip64 record. */
const elsewhere16 = 0xffff;
const elsewhere32 = 0xffffffff;

const damaged = (): Reason => reason('zip_structure', 'the directory of the zip is damaged');
const truncated = (why: string): Reason => reason('zip_truncated', `the end of the zip is missing: ${why}`);

/**
 * Reads the directory of a zip, a tenth of the time that unzipper takes; only the entry of a zip64 is left to that. The
 * rules are the same wherever the bytes are: directory and end records must fill the zip to its last byte.
 */
export async function readDirectory(
  zip: ZipBytes,
  openByUnzipper: (options: UnzipperOptions) => Promise<CentralDirectory>,
): Promise<ZipDirectory | Reason> {
  const end = readEnd(zip);
  if ('code' in end) return end;
  const { members, offset, size } = end;
  if (members !== 1) return { members, offset, first: undefined };
  const bytes = size < entryLength || offset + size !== end.begins ? nothing : zip.read(offset, size);
  if (bytes.length < entryLength || bytes.readUInt32LE(0) !== centralEntry) return damaged();
  const nameLength = bytes.readUInt16LE(28);
  if (entryLength + nameLength + bytes.readUInt16LE(30) + bytes.readUInt16LE(32) !== size) return damaged();
  const entry: ZipEntry = {
    name: bytes.subarray(entryLength, entryLength + nameLength),
    flags: bytes.readUInt16LE(8),
    method: bytes.readUInt16LE(10),
    crc32: bytes.readUInt32LE(16),
    compressed_bytes: bytes.readUInt32LE(20),
    uncompressed_bytes: bytes.readUInt32LE(24),
    header: bytes.readUInt32LE(42),
  };
  const numbers = [entry.compressed_bytes, entry.uncompressed_bytes, entry.header];
  if (!end.is64 && !numbers.includes(elsewhere32)) return { members, offset, first: entry };
  return readByUnzipper(() => openByUnzipper({ tailSize: zip.size - end.at }));
}

const nothing = Buffer.alloc(0);

interface End {
  readonly members: number;
  readonly offset: number;
  /** Size of the directory. */
  readonly size: number;
  /** Offset of the end record. */
  readonly at: number;
  /** Offset of the first end record: a zip64 has three. */
  readonly begins: number;
  readonly is64: boolean;
}

function readEnd(zip: ZipBytes): End | Reason {
  const tailAt = Math.max(0, zip.size - endLength - 0xffff);
  const tail = zip.read(tailAt, zip.size - tailAt);
  const end = findEnd(tail);
  if (end < 0) return truncated('no end record stands before the last byte');
  const members = tail.readUInt16LE(end + 10);
  const size = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  const at = tailAt + end;
  const is64 = members === elsewhere16 || size === elsewhere32 || offset === elsewhere32;
  return is64 ? readEnd64(zip, at) : { members, offset, size, at, begins: at, is64 };
}

function readEnd64(zip: ZipBytes, at: number): End | Reason {
  const begins = at - locatorLength64 - endLength64;
  const records = begins < 0 ? nothing : zip.read(begins, at - begins);
  const isWhole =
    records.length === at - begins &&
    records.readUInt32LE(0) === endRecord64 &&
    records.readUInt32LE(endLength64) === locator64 &&
    Number(records.readBigUInt64LE(endLength64 + 8)) === begins;
  if (!isWhole) return damaged();
  const numberAt = (place: number) => Number(records.readBigUInt64LE(place));
  return { members: numberAt(32), size: numberAt(40), offset: numberAt(48), at, begins, is64: true };
}

/** Offset of the end record, whose comment reaches exactly to the last byte; -1 where there is none. */
function findEnd(tail: Buffer): number {
  for (let at = tail.length - endLength; at >= 0; at--) {
    const fits = tail.readUInt16LE(at + 20) === tail.length - endLength - at;
    if (fits && tail.readUInt32LE(at) === endRecord) return at;
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
  const numbers = [first.compressed_bytes, first.uncompressed_bytes, first.header];
  return numbers.every(Number.isSafeInteger) ? { members: files.length, offset, first } : damaged();
}
