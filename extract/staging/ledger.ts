import { createHash, type Hash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { openMaking, writeFully } from '../../engine/aside.ts';
import { machineFault, partitionText, writeWhole } from '../../engine/index.ts';
import type { StagedKey } from '../../exchange/keys.ts';
import { SourceError } from '../failure.ts';
import { seal } from './crc.ts';
import { formatEntry, indexLines, type LedgerEntry, parseEntry, readJournal } from './journal.ts';
import { journalFile } from './paths.ts';

/** Marks a line that is not an entry, after its key. */
const forgotten = ',"forgotten":true';

/**
 * The memory of the extract: an append-only journal with a line for each outcome, of which the last one of a key
 * counts. A line is written after what it tells of has happened, so a kill can only make it forget what is in flight.
 * Opening reads the file; a line is parsed when its key is asked for, since most runs ask for few or none.
 */
export class Ledger implements Disposable {
  readonly #file: string;
  /** Whole lines that are not in `#latest` yet. */
  #unread: readonly string[];
  /** By key. Lines take half the memory of entries; the one that was asked for last is kept parsed. */
  readonly #latest = new Map<string, string>();
  #parsed: LedgerEntry | undefined;
  #hash: Hash;
  #lines = 0;
  #unreadable = 0;
  #descriptor: number | undefined;

  private constructor(file: string) {
    this.#file = file;
    const { texts, hash } = readJournal(file);
    this.#unread = texts;
    this.#hash = hash;
  }

  /** Reads the journal of a staging area; a torn last line is cut off. */
  static open(stagingDir: string): Ledger {
    return new Ledger(journalFile(stagingDir));
  }

  /** Lines that are no entries or damaged; what they told of is fetched again. */
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
    this.#append(entry.key, formatEntry(entry));
  }

  /** From then on nothing is known of the key. Throws DISK_FULL. */
  forget(key: string): void {
    this.#append(key, seal(`{"key":${JSON.stringify(key)}${forgotten}}`));
  }

  #append(key: string, line: string): void {
    this.#index();
    const bytes = Buffer.from(`${line}\n`);
    try {
      this.#descriptor ??= openMaking(this.#file, 'a');
      writeFully(this.#descriptor, bytes);
    } catch (error) {
      throw machineFault(error, this.#file);
    }
    this.#latest.set(key, line);
    this.#parsed = undefined;
    this.#hash.update(bytes);
    this.#lines++;
  }

  /**
   * For callers that cannot do without the entries in damaged lines.
   * @throws PipelineError STAGING_DAMAGED where there are any
   */
  expectWhole(): void {
    if (this.unreadable === 0) return;
    throw new SourceError('STAGING_DAMAGED', `${this.#unreadable} lines of the journal are damaged`, {
      file: this.#file,
      hint: 'run for all that is staged, without a range and without --symbols, so that it is fetched again: pnpm pipeline run',
    });
  }

  /**
   * Drops superseded lines once they are more than half; sorted by key. `damaged`: what damaged lines told of has been
   * fetched again, so that they go too. Otherwise they stay, and all lines with them.
   */
  compact({ damaged = false }: { readonly damaged?: boolean } = {}): void {
    this.#index();
    if (this.#unreadable > 0 ? !damaged : this.#lines <= 2 * this.#latest.size) return;
    this.close();
    const known = [...this.#latest].filter(([, line]) => !line.includes(forgotten));
    const lines = known.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => `${line}\n`);
    const text = lines.join('');
    writeWhole(this.#file, text);
    this.#hash = createHash('sha256').update(text);
    this.#lines = lines.length;
    this.#unreadable = 0;
  }

  /** Closes the file; recording opens it again. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #index(): void {
    if (this.#unread.length === 0) return;
    const { lines, unreadable } = indexLines(this.#unread, this.#latest);
    this.#lines += lines;
    this.#unreadable += unreadable;
    this.#unread = [];
  }
}

/** The partition of `ohlcv` that a staged CSV has rows of: `instrument_type/symbol/timeframe/YYYY-MM-01`. */
export const partitionOf = ({ instrument_type, symbol, timeframe, period }: StagedKey): string =>
  partitionText(instrument_type, symbol, timeframe, `${period.slice(0, 7)}-01`);
