import { closeSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import type { CentralDirectory } from 'unzipper';
import { inflateRaw } from '../kernel/kernel.ts';
import { type Reason, reason } from './reason.ts';

/** A zip in memory or on disk. */
export interface ZipSource extends ZipBytes {
  directory(): Promise<ZipDirectory | Reason>;
}

/** The place of a zip's only member, and the size and CRC that it must have. */
export interface ZipMember {
  readonly deflated: boolean;
  readonly crc32: number;
  /** The offset of its data. */
  readonly offset: number;
  readonly compressed_bytes: number;
  readonly uncompressed_bytes: number;
}

/**
 * unzipper is loaded only when it is needed, which is rare: loading it takes longer than reading a hundred archives.
 */
const unzipper = async () => (await import('unzipper')).Open as unknown as UnzipperOpen;

/** The types of unzipper lack the options. */
interface UnzipperOpen {
  buffer(zip: Buffer, options: UnzipperOptions): Promise<CentralDirectory>;
  file(file: string, options: UnzipperOptions): Promise<CentralDirectory>;
}

export function bufferSource(zip: Buffer): ZipSource {
  const bytes: ZipBytes = { size: zip.length, read: (offset, length) => zip.subarray(offset, offset + length) };
  return {
    ...bytes,
    directory: () => readDirectory(bytes, async (options) => (await unzipper()).buffer(zip, options)),
  };
}

/** Returns the source for a zip of `size` bytes on disk. */
export function fileSource(file: string, size: number): ZipSource {
  const bytes: ZipBytes = { size, read: (offset, length) => readRange(file, offset, length) };
  return {
    ...bytes,
    directory: () => readDirectory(bytes, async (options) => (await unzipper()).file(file, options)),
  };
}

function readRange(file: string, offset: number, length: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, length, offset));
  } finally {
    closeSync(descriptor);
  }
}

/** Real CSVs deflate to between a third and a fifteenth of their size, a zip bomb to a thousandth. */
const largestRatio = 100;
/** A month of 1s bars has 500 MB. */
const largestMember = 2 ** 31;
const localHeader = 0x04034b50;

/**
 * Finds the only member of a zip, which must be called `name`, and checks what can be checked before it is inflated.
 * Its size and CRC are checked while it is inflated.
 */
export async function findMember(source: ZipSource, name: string): Promise<ZipMember | Reason> {
  const start = source.read(0, 4);
  if (start.length < 4 || start.readUInt32LE(0) !== localHeader) {
    const html = /^\s*</.test(source.read(0, 16).toString('latin1'));
    return html ? reason('html', 'the file is a web page') : reason('not_a_zip', 'the file is not a zip');
  }
  const directory = await source.directory();
  return 'code' in directory ? directory : checkMember(source, directory, name);
}

function checkMember(
  source: ZipSource,
  { members, first, offset: end }: ZipDirectory,
  name: string,
): ZipMember | Reason {
  if (members !== 1 || first === undefined) {
    return reason('zip_members', `the zip has ${members} members instead of one`);
  }
  const found = first.name.toString();
  if (found !== name) {
    return reason('zip_member_name', `the member is called ${JSON.stringify(found.slice(0, 200))} instead of ${name}`);
  }
  const { method, compressed_bytes, uncompressed_bytes, flags } = first;
  if ((flags & 1) !== 0 || (method !== 0 && method !== 8)) {
    return reason('zip_method', `the member is encrypted or packed by method ${method}`);
  }
  if (uncompressed_bytes > largestMember || uncompressed_bytes > largestRatio * Math.max(compressed_bytes, 1024)) {
    return reason('zip_bomb', `${compressed_bytes} bytes would inflate to ${uncompressed_bytes}`);
  }
  const header = source.read(first.header, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== localHeader) {
    return reason('zip_structure', 'the member is not where the directory says');
  }
  const nameLength = header.readUInt16LE(26);
  const offset = first.header + 30 + nameLength + header.readUInt16LE(28);
  if (!source.read(first.header + 30, nameLength).equals(first.name)) {
    return reason('zip_structure', 'the name of the member in its own header differs from the one in the directory');
  }
  if (offset + compressed_bytes > end) return reason('zip_structure', 'the member reaches into the directory');
  if (method === 8 && compressed_bytes === 0) return reason('zip_corrupt', 'the member has no data');
  return { deflated: method === 8, crc32: first.crc32, offset, compressed_bytes, uncompressed_bytes };
}

/**
 * Returns the content of a member that fits into memory, after checking its size and CRC-32 (B22). The content may be
 * valid only until the next call on this thread.
 */
export function inflateMember(zip: Buffer, member: ZipMember): Buffer | Reason {
  const data = zip.subarray(member.offset, member.offset + member.compressed_bytes);
  const content = member.deflated ? inflate(data, member.uncompressed_bytes) : data;
  if (!Buffer.isBuffer(content)) return content;
  return checkContent(member, content.length, crc32(content)) ?? content;
}

/** Inflates with the kernel. What the kernel refuses is passed to zlib, which says what is wrong. */
function inflate(data: Buffer, size: number): Buffer | Reason {
  const content = inflateRaw(data, size);
  if (content !== undefined) return content;
  try {
    // One chunk for all of it. The extra byte shows if there is more than there should be.
    const chunkSize = Math.max(64, size + 1);
    return inflateRawSync(data, { chunkSize, maxOutputLength: chunkSize });
  } catch (error) {
    return reason('zip_corrupt', `the member cannot be inflated: ${(error as Error).message}`);
  }
}

/** Returns what is wrong with an inflated member, if anything. */
export function checkContent(member: ZipMember, bytes: number, crc: number): Reason | undefined {
  if (bytes !== member.uncompressed_bytes) {
    return reason('zip_corrupt', `the member has ${bytes} bytes, but the zip says ${member.uncompressed_bytes}`);
  }
  if (crc !== member.crc32) {
    return reason('crc_mismatch', `the CRC-32 is ${hex(crc)}, but the zip says ${hex(member.crc32)}`);
  }
  return undefined;
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0');

/** The directory of a zip. */
export interface ZipDirectory {
  readonly members: number;
  /** The offset of the directory itself. */
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
  /** The offset of the member's own header. */
  readonly header: number;
}

/** Bytes of a zip in memory or on disk. */
export interface ZipBytes {
  readonly size: number;
  /** Returns fewer bytes if the zip ends sooner. */
  read(offset: number, length: number): Buffer;
}

export interface UnzipperOptions {
  /** How many bytes at the end of the zip unzipper searches for the end record. */
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
/** Values of fields whose real value is in a zip64 record. */
const elsewhere16 = 0xffff;
const elsewhere32 = 0xffffffff;

const damaged = (): Reason => reason('zip_structure', 'the directory of the zip is damaged');
const truncated = (why: string): Reason => reason('zip_truncated', `the end of the zip is missing: ${why}`);

/**
 * Reads the directory of a zip in a tenth of the time that unzipper takes, which reads only the entries of zip64s. The
 * rules are the same for both: directory and end records must fill the zip to its last byte.
 */
async function readDirectory(
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
  /** The size of the directory. */
  readonly size: number;
  /** The offset of the end record. */
  readonly at: number;
  /** The offset of the first end record, of which a zip64 has three. */
  readonly begins: number;
  readonly is64: boolean;
}

function readEnd(zip: ZipBytes): End | Reason {
  const tailAt = Math.max(0, zip.size - endLength - 0xffff);
  const tail = zip.read(tailAt, zip.size - tailAt);
  const end = findEnd(tail);
  if (end < 0) return truncated('there is no end record');
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

/** Returns the offset of the end record, whose comment must end at the last byte, or -1 if there is none. */
function findEnd(tail: Buffer): number {
  for (let at = tail.length - endLength; at >= 0; at--) {
    const fits = tail.readUInt16LE(at + 20) === tail.length - endLength - at;
    if (fits && tail.readUInt32LE(at) === endRecord) return at;
  }
  return -1;
}

/** Reads the directory with unzipper, which does not check signatures. */
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
