import { crc32, inflateRawSync } from 'node:zlib';
import { type CentralDirectory, type File, Open } from 'unzipper';
import { type Reason, reason } from './reason.ts';

/** A zip in memory or on disk. */
export interface ZipSource {
  readonly size: number;
  open(): Promise<CentralDirectory>;
  read(offset: number, length: number): Buffer;
}

/** Where the one member of a zip lies and what it must come to. */
export interface ZipMember {
  readonly deflated: boolean;
  readonly crc32: number;
  /** Offset of its data. */
  readonly offset: number;
  readonly compressed_bytes: number;
  readonly uncompressed_bytes: number;
}

export const bufferSource = (zip: Buffer): ZipSource => ({
  size: zip.length,
  open: () => Open.buffer(zip),
  read: (offset, length) => zip.subarray(offset, offset + length),
});

/** Real CSVs deflate to between a third and a fifteenth; a bomb to a thousandth. */
const largestRatio = 100;
/** A month of 1s bars has 500 MB. */
const largestMember = 2 ** 31;
const localHeader = 0x04034b50;
const centralEntry = 0x02014b50;

/**
 * Finds the one member of a zip, which must be called `name`, and checks what can be known before it is inflated.
 * unzipper reads the directory; it checks neither signatures nor sizes nor the CRC, so that is done here and below.
 */
export async function findMember(source: ZipSource, name: string): Promise<ZipMember | Reason> {
  const start = source.read(0, 4);
  if (start.length < 4 || start.readUInt32LE(0) !== localHeader) {
    const html = /^\s*</.test(source.read(0, 16).toString('latin1'));
    return html ? reason('html', 'the file is a web page') : reason('not_a_zip', 'the file does not begin like a zip');
  }
  let directory: CentralDirectory;
  try {
    directory = await source.open();
  } catch (error) {
    return reason('zip_truncated', `the end of the zip is missing: ${(error as Error).message}`);
  }
  const [file] = directory.files;
  if (file === undefined || directory.files.length !== 1) {
    return reason('zip_members', `the zip has ${directory.files.length} members instead of one`);
  }
  return checkMember(source, directory, file, name);
}

function checkMember(source: ZipSource, directory: CentralDirectory, file: File, name: string): ZipMember | Reason {
  if (file.signature !== centralEntry) return reason('zip_structure', 'the directory of the zip is damaged');
  const found = file.pathBuffer.toString();
  if (found !== name) {
    return reason('zip_member_name', `the member is called ${JSON.stringify(found.slice(0, 200))} instead of ${name}`);
  }
  const { compressionMethod, compressedSize, uncompressedSize, flags } = file;
  if ((flags & 1) !== 0 || (compressionMethod !== 0 && compressionMethod !== 8)) {
    return reason('zip_method', `the member is encrypted or packed by method ${compressionMethod}`);
  }
  if (uncompressedSize > largestMember || uncompressedSize > largestRatio * Math.max(compressedSize, 1024)) {
    return reason('zip_bomb', `${compressedSize} bytes would become ${uncompressedSize}`);
  }
  const header = source.read(file.offsetToLocalFileHeader, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== localHeader) {
    return reason('zip_structure', 'the member is not where the directory says');
  }
  const nameLength = header.readUInt16LE(26);
  const offset = file.offsetToLocalFileHeader + 30 + nameLength + header.readUInt16LE(28);
  if (!source.read(file.offsetToLocalFileHeader + 30, nameLength).equals(file.pathBuffer)) {
    return reason('zip_structure', 'the member has one name in the directory and another at its place');
  }
  if (offset + compressedSize > directory.offsetToStartOfCentralDirectory) {
    return reason('zip_structure', 'the member reaches into the directory');
  }
  return {
    deflated: compressionMethod === 8,
    crc32: file.crc32,
    offset,
    compressed_bytes: compressedSize,
    uncompressed_bytes: uncompressedSize,
  };
}

/** The content of a member that is small enough for memory, its size and CRC-32 checked (B22). */
export function inflateMember(zip: Buffer, member: ZipMember): Buffer | Reason {
  const data = zip.subarray(member.offset, member.offset + member.compressed_bytes);
  let content = data;
  if (member.deflated) {
    try {
      // One chunk that holds it all; a byte more than it may have shows that it has more.
      const chunkSize = Math.max(64, member.uncompressed_bytes + 1);
      content = inflateRawSync(data, { chunkSize, maxOutputLength: chunkSize });
    } catch (error) {
      return reason('zip_corrupt', `the member does not inflate: ${(error as Error).message}`);
    }
  }
  return checkContent(member, content.length, crc32(content)) ?? content;
}

/** What an inflated member fails with, if anything. */
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
