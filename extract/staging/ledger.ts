import { createHash, type Hash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { openMaking, writeFully } from '../../engine/aside.ts';
import { machineFault, partitionText, writeWhole } from '../../engine/index.ts';
import type { StagedKey } from '../../exchange/keys.ts';
import { SourceError } from '../failure.ts';
import { seal } from './crc.ts';
import { formatEntry, indexLines, type LedgerEntry, parseEntry, readJournal } from './journal.ts';
import { journalFile } from './paths.ts';

/** Marks a line that removes a key instead of describing an archive. */
const forgotten = ',"forgotten":true';

/**
 * The extract's record of all archives: an append-only journal with one line per outcome, of which the last one for a
 * key counts. A line is written after the event that it describes, so a kill can only lose what is in flight.
 * Opening the ledger reads the file. A line is parsed when its key is looked up, since most runs look up few or none.
 */
export class Ledger implements Disposable {
  readonly #file: string;
  /** Complete lines that are not in `#latest` yet. */
  #unread: readonly string[];
  /** By key. Lines take half the memory of entries. The entry that was looked up last is kept parsed. */
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

  /** Reads the journal of a staging area. An incomplete last line is truncated. */
  static open(stagingDir: string): Ledger {
    return new Ledger(journalFile(stagingDir));
  }

  /** The number of lines that are damaged or not entries. Their archives are fetched again. */
  get unreadable(): number {
    this.#index();
    return this.#unreadable;
  }

  /** A digest that changes with every line that is written. */
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

  /** Yields the entries whose line contains this text. The other lines are not parsed. */
  *holding(text: string): Iterable<LedgerEntry> {
    this.#index();
    for (const line of this.#latest.values()) {
      const entry = line.includes(text) ? parseEntry(line) : undefined;
      if (entry !== undefined) yield entry;
    }
  }

  /** Records an entry. Throws DISK_FULL, in which case the entry does not count. */
  record(entry: LedgerEntry): void {
    this.#append(entry.key, formatEntry(entry));
  }

  /** Removes what is known about a key. Throws DISK_FULL. */
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
   * Call this before doing anything that needs every entry.
   * @throws PipelineError STAGING_DAMAGED if there are damaged lines
   */
  expectWhole(): void {
    if (this.unreadable === 0) return;
    throw new SourceError('STAGING_DAMAGED', `the journal has ${this.#unreadable} damaged lines`, {
      file: this.#file,
      hint: 'run without a range and without --symbols, so that the affected archives are fetched again: pnpm pipeline run',
    });
  }

  /**
   * Removes superseded lines once they are more than half, and sorts the rest by key. A journal with damaged lines is
   * left alone, unless `damaged` says that their archives have been fetched again: then these lines are removed too.
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

  /** Closes the file. Recording an entry opens it again. */
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

/** Returns the partition of `ohlcv` that a staged CSV belongs to: `instrument_type/symbol/timeframe/YYYY-MM-01`. */
export const partitionOf = ({ instrument_type, symbol, timeframe, period }: StagedKey): string =>
  partitionText(instrument_type, symbol, timeframe, `${period.slice(0, 7)}-01`);
