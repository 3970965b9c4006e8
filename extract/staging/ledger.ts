import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, truncateSync } from 'node:fs';
import { diskError } from '../../engine/index.ts';
import { writeWhole } from '../disk.ts';
import type { LedgerEntry } from './entry.ts';
import { journalFile } from './paths.ts';
import { openMaking, writeFully } from './write.ts';

const blockSize = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * The memory of the extract: an append-only journal with a line for each outcome, of which the last one of a key
 * counts. A line is written after what it tells of has happened, so a kill can only make it forget what is in flight.
 * Opening reads the file; a line is parsed when its key is asked for, since most runs ask for few or none.
 */
export class Ledger implements Disposable {
  readonly #file: string;
  /** Whole lines that are not in `#latest` yet. */
  #unread: string[] = [];
  /** By key. Lines take half the memory of entries; the one that was asked for last is kept parsed. */
  readonly #latest = new Map<string, string>();
  #parsed: LedgerEntry | undefined;
  #hash: Hash = createHash('sha256');
  #lines = 0;
  #unreadable = 0;
  #descriptor: number | undefined;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Reads the journal of a staging area; a torn last line is cut off. */
  static open(stagingDir: string): Ledger {
    const ledger = new Ledger(journalFile(stagingDir));
    ledger.#read();
    return ledger;
  }

  /** Lines that are no entries; what they told of is fetched again. */
  get unreadable(): number {
    this.#index();
    return this.#unreadable;
  }

  /** Changes with every line that is written. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }

  get(key: string): LedgerEntry | undefined {
    if (this.#parsed?.key === key) return this.#parsed;
    this.#index();
    const line = this.#latest.get(key);
    this.#parsed = line === undefined ? undefined : parseEntry(line);
    return this.#parsed;
  }

  *entries(): Iterable<LedgerEntry> {
    this.#index();
    for (const line of this.#latest.values()) {
      const entry = parseEntry(line);
      if (entry !== undefined) yield entry;
    }
  }

  /** Entries whose line holds this text; the other lines are not parsed. */
  *holding(text: string): Iterable<LedgerEntry> {
    this.#index();
    for (const line of this.#latest.values()) {
      const entry = line.includes(text) ? parseEntry(line) : undefined;
      if (entry !== undefined) yield entry;
    }
  }

  /** Throws DISK_FULL; then the entry does not count. */
  record(entry: LedgerEntry): void {
    this.#index();
    const line = JSON.stringify(entry);
    const bytes = Buffer.from(`${line}\n`);
    try {
      this.#descriptor ??= openMaking(this.#file, 'a');
      writeFully(this.#descriptor, bytes);
    } catch (error) {
      throw diskError(error, this.#file);
    }
    this.#latest.set(entry.key, line);
    this.#parsed = undefined;
    this.#hash.update(bytes);
    this.#lines++;
  }

  /** Drops superseded lines once they are more than half; sorted by key. */
  compact(): void {
    this.#index();
    if (this.#lines <= 2 * this.#latest.size) return;
    this.close();
    const lines = [...this.#latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => `${line}\n`);
    const text = lines.join('');
    writeWhole(this.#file, text);
    this.#hash = createHash('sha256').update(text);
    this.#lines = lines.length;
  }

  /** Lets go of the file; recording opens it again. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(): void {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
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
        this.#hash.update(block.subarray(0, whole));
        if (whole > 0) this.#unread.push(block.toString('utf8', 0, whole));
        block.copy(block, 0, whole, end);
        kept = end - whole;
      }
    } finally {
      closeSync(descriptor);
    }
    if (kept > 0) truncateSync(this.#file, size - kept);
  }

  #index(): void {
    if (this.#unread.length === 0) return;
    for (const text of this.#unread) {
      for (let from = 0; from < text.length; ) {
        const end = text.indexOf('\n', from);
        const line = text.slice(from, end);
        const key = keyOf(line);
        if (key === undefined) this.#unreadable++;
        else this.#latest.set(key, line);
        this.#lines++;
        from = end + 1;
      }
    }
    this.#unread = [];
  }
}

const lead = '{"key":"';

/** The key of a line without parsing it, where it is one of ours and has no escapes. */
function keyOf(line: string): string | undefined {
  const end = line.indexOf('"', lead.length);
  const key = line.slice(lead.length, end);
  const plain = line.startsWith(lead) && line.endsWith('}') && !key.includes('\\');
  return plain ? key : parseEntry(line)?.key;
}

function parseEntry(line: string): LedgerEntry | undefined {
  try {
    const entry: Partial<LedgerEntry> | null = JSON.parse(line);
    const known = typeof entry?.key === 'string' && typeof entry.etag === 'string' && typeof entry.status === 'string';
    return known ? (entry as LedgerEntry) : undefined;
  } catch {
    return undefined;
  }
}
