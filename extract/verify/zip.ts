import { closeSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import type { CentralDirectory } from 'unzipper';
import { inflateRaw } from '../kernel/kernel.ts';
import { type Reason, reason } from './reason.ts';
import { readDirectory, type UnzipperOptions, type ZipBytes, type ZipDirectory } from './zip-directory.ts';

/** A zip in memory or on disk. */
export interface ZipSource extends ZipBytes {
  directory(): Promise<ZipDirectory | Reason>;
}

/** Place of a zip's only member, and the size and CRC it must have. */
export interface ZipMember {
  readonly deflated: boolean;
  readonly crc32: number;
  /** Offset of its data. */
  readonly offset: number;
  readonly compressed_bytes: number;
  readonly uncompressed_bytes: number;
}

/** unzipper is loaded where it is needed, which is rare, since that takes longer than a hundred archives. */
const unzipper = async () => (await import('unzipper')).Open as unknown as UnzipperOpen;

/** Its types leave the options out. */
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

/** A zip of `size` bytes on disk. */
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

/** Real CSVs deflate to between a third and a fifteenth; a bomb to a thousandth. */
const largestRatio = 100;
/** A month of 1s bars has 500 MB. */
const largestMember = 2 ** 31;
const localHeader = 0x04034b50;

/**
 * Finds the one member of a zip, which must be called `name`, and checks what can be known before it is inflated.
 * Sizes and the CRC are checked as it is.
 */
export async function findMember(source: ZipSource, name: string): Promise<ZipMember | Reason> {
  const start = source.read(0, 4);
  if (start.length < 4 || start.readUInt32LE(0) !== localHeader) {
    const html = /^\s*</.test(source.read(0, 16).toString('latin1'));
    return html ? reason('html', 'the file is a web page') : reason('not_a_zip', 'the file does not begin like a zip');
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
    return reason('zip_bomb', `${compressed_bytes} bytes would become ${uncompressed_bytes}`);
  }
  const header = source.read(first.header, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== localHeader) {
    return reason('zip_structure', 'the member is not where the directory says');
  }
  const nameLength = header.readUInt16LE(26);
  const offset = first.header + 30 + nameLength + header.readUInt16LE(28);
  if (!source.read(first.header + 30, nameLength).equals(first.name)) {
    return reason('zip_structure', 'the member has one name in the directory and another at its place');
  }
  if (offset + compressed_bytes > end) return reason('zip_structure', 'the member reaches into the directory');
  if (method === 8 && compressed_bytes === 0) return reason('zip_corrupt', 'the member has nothing that could inflate');
  return { deflated: method === 8, crc32: first.crc32, offset, compressed_bytes, uncompressed_bytes };
}

/**
 * The content of a member that is small enough for memory, its size and CRC-32 checked (B22). It may be good only until
 * the next call on this thread.
 */
export function inflateMember(zip: Buffer, member: ZipMember): Buffer | Reason {
  const data = zip.subarray(member.offset, member.offset + member.compressed_bytes);
  const content = member.deflated ? inflate(data, member.uncompressed_bytes) : data;
  if (!Buffer.isBuffer(content)) return content;
  return checkContent(member, content.length, crc32(content)) ?? content;
}

/** By the kernel; what it does not take is left to zlib, which says why. */
function inflate(data: Buffer, size: number): Buffer | Reason {
  const content = inflateRaw(data, size);
  if (content !== undefined) return content;
  try {
    // One chunk that holds it all; a byte more than it may have shows that it has more.
    const chunkSize = Math.max(64, size + 1);
    return inflateRawSync(data, { chunkSize, maxOutputLength: chunkSize });
  } catch (error) {
    return reason('zip_corrupt', `the member does not inflate: ${(error as Error).message}`);
  }
}

/** Returns what is wrong with an inflated member, if anything. */
export function checkContent(member: ZipMember, bytes: number, crc: number): Reason | undefined {
  if (bytes !== member.uncompressed_bytes) {
    return reason('zip_corrupt', `the member has ${bytes} bytes where the zip says ${member.uncompressed_bytes}`);
  }
  if (crc !== member.crc32) {
    return reason('crc_mismatch', `the CRC-32 is ${hex(crc)} where the zip says ${hex(member.crc32)}`);
  }
  return undefined;
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0');
