import { closeSync, createReadStream, rmSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { asideOf, named, openMaking, writeFully, writeNew } from '../../engine/aside.ts';
import { type ArchiveKey, archiveName } from '../../exchange/keys.ts';
import { type CsvFacts, scanCsv, scanWholeCsv } from '../verify/csv-scan.ts';
import { type Reason, reason } from '../verify/reason.ts';
import { checkContent, findMember, inflateMember, type ZipMember } from '../verify/zip.ts';
import { formatCrc } from './crc.ts';
import type { FetchedZip } from './spool.ts';

/** Larger members are inflated in pieces. */
export const largestInflated = 32 * 1024 * 1024;
const pieceSize = 256 * 1024;

export interface Unpacked {
  readonly csv_bytes: number;
  /** CRC-32 of the CSV, 8 hex digits. */
  readonly csv_crc32: string;
  readonly facts: CsvFacts;
}

/**
 * Unpacks the CSV of a zip next to `file` and checks every byte of it. The caller renames it to `file`.
 * Leaves nothing behind if the content is bad. Throws if the disk is full.
 */
export async function unpackAside(
  zip: FetchedZip,
  key: ArchiveKey,
  file: string,
  signal: AbortSignal,
): Promise<Unpacked | Reason> {
  const member = await findMember(zip.source, `${archiveName(key)}.csv`);
  if ('code' in member) return member;
  const aside = asideOf(file);
  try {
    const unpacked =
      zip.bytes !== undefined && member.uncompressed_bytes <= largestInflated
        ? unpackSmall(zip.bytes, member, key, aside)
        : await unpackLarge(zip, member, key, aside, signal);
    if ('code' in unpacked) rmSync(aside, { force: true });
    return unpacked;
  } catch (error) {
    rmSync(aside, { force: true });
    throw named(error, aside);
  }
}

function unpackSmall(zip: Buffer, member: ZipMember, key: ArchiveKey, aside: string): Unpacked | Reason {
  const scanned = scanSmall(zip, member, key);
  if ('code' in scanned) return scanned;
  const { csv, facts } = scanned;
  writeNew(aside, csv);
  // The CRC-32 of the member is that of the CSV: inflating it has checked that.
  return { csv_bytes: csv.length, csv_crc32: formatCrc(member.crc32), facts };
}

/** Inflates and checks a member that fits into memory. The CSV is valid until the next call on this thread. */
export function scanSmall(
  zip: Buffer,
  member: ZipMember,
  key: ArchiveKey,
): { readonly csv: Buffer; readonly facts: CsvFacts } | Reason {
  const csv = inflateMember(zip, member);
  if (!Buffer.isBuffer(csv)) return csv;
  const facts = scanWholeCsv(key, csv);
  return 'code' in facts ? facts : { csv, facts };
}

async function unpackLarge(
  zip: FetchedZip,
  member: ZipMember,
  key: ArchiveKey,
  aside: string,
  signal: AbortSignal,
): Promise<Unpacked | Reason> {
  const descriptor = openMaking(aside);
  try {
    return await scanMember(zip, member, key, signal, (piece) => writeFully(descriptor, piece));
  } finally {
    closeSync(descriptor);
  }
}

/** Inflates and checks a member in pieces. Each piece is passed to `write` as long as everything so far is good. */
export async function scanMember(
  zip: Pick<FetchedZip, 'source' | 'file'>,
  member: ZipMember,
  key: ArchiveKey,
  signal: AbortSignal,
  write: (piece: Buffer) => void,
): Promise<Unpacked | Reason> {
  const scanner = scanCsv(key);
  let bytes = 0;
  let crc = 0;
  let problem: Reason | undefined;
  try {
    for await (const piece of contentOf(zip, member)) {
      signal.throwIfAborted();
      bytes += piece.length;
      crc = crc32(piece, crc);
      if (bytes > member.uncompressed_bytes) break;
      // After a bad line only the CRC matters: damaged bytes are a better explanation than what became of them.
      problem ??= scanner.push(piece);
      if (problem === undefined) write(piece);
    }
    problem = checkContent(member, bytes, crc) ?? problem;
    const facts = problem ?? scanner.end();
    return 'code' in facts ? facts : { csv_bytes: bytes, csv_crc32: formatCrc(crc), facts };
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    return reason('zip_corrupt', `the member cannot be inflated: ${(error as Error).message}`);
  }
}

function contentOf(zip: Pick<FetchedZip, 'source' | 'file'>, member: ZipMember): AsyncIterable<Buffer> {
  const { offset: start, compressed_bytes, deflated } = member;
  const packed =
    zip.file === undefined || compressed_bytes === 0 // a stream of a file has at least one byte
      ? Readable.from([zip.source.read(start, compressed_bytes)])
      : createReadStream(zip.file, { start, end: start + compressed_bytes - 1, highWaterMark: pieceSize });
  if (!deflated) return packed;
  const inflate = createInflateRaw({ chunkSize: pieceSize });
  // The reader of `inflate` also gets the error. Without a callback it would be thrown here as well.
  pipeline(packed, inflate, () => {});
  return inflate;
}
