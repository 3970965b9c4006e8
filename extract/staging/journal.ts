import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, truncateSync } from 'node:fs';
import type { LedgerEntry } from './entry.ts';
import { isIntact, seal } from './seal.ts';

const blockSize = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The whole lines of a journal, in texts of some MB, and the SHA-256 of them. */
export interface JournalText {
  readonly texts: readonly string[];
  readonly hash: Hash;
}

/** Reads a journal, empty where there is none; a torn last line is cut off. */
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
  /** Bytes at the start of `block` that are no whole line yet. */
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

/** The line of an entry, without its newline. */
export const formatEntry = (entry: LedgerEntry): string => seal(JSON.stringify(entry));

/** Puts the lines of texts into `latest`, by key; how many there were, and how many that are no entries or damaged. */
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

/** The key of a line without parsing it, where it is one of ours and has no escapes; none of a damaged line. */
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
