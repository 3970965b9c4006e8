import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, truncateSync } from 'node:fs';
import type { LedgerEntry } from './entry.ts';
import { journalFile } from './paths.ts';
import { diskError, openMaking, writeFully, writeWhole } from './write.ts';

const blockSize = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * The memory of the extract: an append-only journal with a line for each outcome, of which the last one of a key
 * counts. A line is written after what it tells of has happened, so a kill can only make it forget what is in flight.
 */
export class Ledger implements Disposable {
  readonly #file: string;
  readonly #entries = new Map<string, LedgerEntry>();
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
    return this.#unreadable;
  }

  /** Changes with every line that is written. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }

  get(key: string): LedgerEntry | undefined {
    return this.#entries.get(key);
  }

  entries(): Iterable<LedgerEntry> {
    return this.#entries.values();
  }

  /** Throws DISK_FULL; then the entry does not count. */
  record(entry: LedgerEntry): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    try {
      this.#descriptor ??= openMaking(this.#file, 'a');
      writeFully(this.#descriptor, line);
    } catch (error) {
      throw diskError(error, this.#file);
    }
    this.#entries.set(entry.key, entry);
    this.#hash.update(line);
    this.#lines++;
  }

  /** Drops superseded lines once they are more than half; sorted by key. */
  compact(): void {
    if (this.#lines <= 2 * this.#entries.size) return;
    this.close();
    const entries = [...this.#entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    writeWhole(this.#file, text);
    this.#hash = createHash('sha256').update(text);
    this.#lines = entries.length;
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
    let rest: Buffer = Buffer.alloc(0);
    let size = 0;
    try {
      const block = Buffer.allocUnsafe(blockSize);
      for (let length = readSync(descriptor, block); length > 0; length = readSync(descriptor, block)) {
        const bytes = Buffer.concat([rest, block.subarray(0, length)]);
        const whole = bytes.lastIndexOf(NEWLINE) + 1;
        this.#readLines(bytes.subarray(0, whole));
        rest = bytes.subarray(whole);
        size += length;
      }
    } finally {
      closeSync(descriptor);
    }
    if (rest.length > 0) truncateSync(this.#file, size - rest.length);
  }

  #readLines(bytes: Buffer): void {
    const lines = bytes.toString().split('\n').slice(0, -1);
    for (const entry of parseEntries(lines)) {
      if (entry === undefined) this.#unreadable++;
      else this.#entries.set(entry.key, entry);
    }
    this.#hash.update(bytes);
    this.#lines += lines.length;
  }
}

/** One parse for all lines takes half the time; where a line is damaged, each stands for itself. */
function parseEntries(lines: readonly string[]): readonly (LedgerEntry | undefined)[] {
  const all = parse(`[${lines.join(',')}]`);
  const values = Array.isArray(all) && all.length === lines.length ? all : lines.map(parse);
  return values.map((value) => (isEntry(value) ? value : undefined));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is LedgerEntry {
  const entry = value as Partial<LedgerEntry> | null | undefined;
  return typeof entry?.key === 'string' && typeof entry.etag === 'string' && typeof entry.status === 'string';
}
