import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, truncateSync } from 'node:fs';
import { isIntact, seal } from './crc.ts';
import type { RowChanges } from './staged-rows.ts';

const blockSize = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The complete lines of a journal, in texts of a few MB each, and their SHA-256. */
export interface JournalText {
  readonly texts: readonly string[];
  readonly hash: Hash;
}

/** Reads a journal; a missing file counts as empty. An incomplete last line is truncated. */
export function readJournal(file: string): JournalText {
  const texts: string[] = [];
  const hash = createHash('sha256');
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { texts, hash };
    throw error;
  }
  const block = Buffer.allocUnsafe(blockSize);
  /** Bytes at the start of `block` that do not form a complete line yet. */
  let kept = 0;
  let size = 0;
  try {
    for (let length = 1; length > 0; ) {
      length = readSync(descriptor, block, kept, blockSize - kept, null);
      size += length;
      const end = kept + length;
      const whole = block.subarray(0, end).lastIndexOf(NEWLINE) + 1;
      hash.update(block.subarray(0, whole));
      if (whole > 0) texts.push(block.toString('utf8', 0, whole));
      block.copy(block, 0, whole, end);
      kept = end - whole;
    }
  } finally {
    closeSync(descriptor);
  }
  if (kept > 0) truncateSync(file, size - kept);
  return { texts, hash };
}

/** Formats the line of an entry, without its newline. */
export const formatEntry = (entry: LedgerEntry): string => seal(JSON.stringify(entry));

/** Puts lines into `latest`, by key. Returns how many there were, and how many were damaged or not entries. */
export function indexLines(texts: readonly string[], latest: Map<string, string>) {
  let lines = 0;
  let unreadable = 0;
  for (const text of texts) {
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf('\n', from);
      const line = text.slice(from, end);
      const key = keyOf(line);
      if (key === undefined) unreadable++;
      else latest.set(key, line);
      lines++;
      from = end + 1;
    }
  }
  return { lines, unreadable };
}

const lead = '{"key":"';

/** Returns the key of a line, without parsing the line if possible, or `undefined` if it is damaged. */
function keyOf(line: string): string | undefined {
  if (!isIntact(line)) return undefined;
  const end = line.indexOf('"', lead.length);
  const key = line.slice(lead.length, end);
  const plain = line.startsWith(lead) && line.endsWith('}') && !key.includes('\\');
  return plain ? key : parseEntry(line)?.key;
}

export function parseEntry(line: string): LedgerEntry | undefined {
  try {
    const parsed: (Partial<LedgerEntry> & { readonly crc32?: string }) | null = JSON.parse(line);
    if (typeof parsed?.key !== 'string' || typeof parsed.etag !== 'string' || typeof parsed.status !== 'string')
      return undefined;
    const { crc32: _, ...entry } = parsed;
    return entry as LedgerEntry;
  } catch {
    return undefined;
  }
}

/** The outcome of an archive. Only a `staged` one has a CSV, unless that was pruned. */
export type ArchiveStatus = 'staged' | 'rejected' | 'absent' | 'failed';

/** A line of the journal: what the last run that requested an archive found. */
export interface LedgerEntry {
  readonly key: string;
  /** The ETag in the listing when it was requested. */
  readonly etag: string;
  readonly status: ArchiveStatus;
  /** Why it is not staged, or what is unusual about it. */
  readonly reason?: string;
  /** The reason in `known_defects`, if it was rejected for a known defect. */
  readonly known_defect?: string;
  /** As-of of the run, ISO 8601. */
  readonly staged_at: string;
  /** From the listing, ISO 8601. */
  readonly last_modified: string;
  /** Size of the zip, from the listing. */
  readonly size_bytes: number;
  /** Of the zip. */
  readonly sha256?: string;
  readonly csv_bytes?: number;
  /** CRC-32 of the CSV, 8 hex digits. Missing if an earlier version staged it and it has not been loaded since. */
  readonly csv_crc32?: string;
  readonly row_count?: number;
  /** µs since the epoch. */
  readonly first_open_time?: number;
  readonly last_open_time?: number;
  readonly header?: boolean;
  /** Its CSV was removed after the load. It is fetched again when its partition has to be built again. */
  readonly pruned?: true;
  /** The outcome of fetching it again after its CSV was lost. The rows that were loaded from it are kept. */
  readonly unfetched?: { readonly status: Exclude<ArchiveStatus, 'staged'>; readonly reason: string };
  /**
   * A daily archive that was fetched for a day that the monthly one lacked. It is removed once that one has the day.
   */
  readonly repair?: true;
  readonly duplicates?: number;
  /** Days of the month on which bars are missing. */
  readonly incomplete_days?: readonly number[];
  /** A later version that could not be staged, so that this one remains in use (A18). */
  readonly reissue?: {
    readonly etag: string;
    readonly status: Exclude<ArchiveStatus, 'staged'>;
    readonly reason: string;
    readonly known_defect?: string;
  };
  /** Each replacement of a staged version by another, oldest first (A18). */
  readonly revisions?: readonly Revision[];
}

/** What a re-issue changed compared with the version before it (A18). */
export interface Revision extends Partial<RowChanges> {
  readonly etag: string;
  readonly sha256: string;
  readonly previous_etag: string;
  readonly previous_sha256?: string;
  /** As-of of the run that staged it, ISO 8601. */
  readonly revised_at: string;
}
