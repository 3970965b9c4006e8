import { closeSync, existsSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renameMaking } from '../../engine/aside.ts';
import {
  type DamagedFile,
  partitionValues,
  type StagedFiles,
  type StagedSource,
  writeWhole,
} from '../../engine/index.ts';
import { parseRestKey, parseStagedKey } from '../../exchange/keys.ts';
import { headerProblem } from '../verify/csv-scan.ts';
import { formatReason, type Reason } from '../verify/reason.ts';
import { type BatchedArchive, writeBatches } from './batches.ts';
import { type CsvDigest, digestFile, openIfThere } from './crc.ts';
import type { LedgerEntry } from './journal.ts';
import { type Ledger, partitionOf } from './ledger.ts';
import { askedFile, damagedFile, rejectedFile, stagedFile } from './paths.ts';
import { wantAgain } from './prune.ts';

/** Smaller files are copied into batches: opening a file costs DuckDB as much as reading this many bytes. */
const smallestInPlace = 128 * 1024;

/**
 * The lines of the staged CSVs: `overlapping_klines` for partitions in which a bar may appear twice, `staged_klines`
 * for all others. Partitions are those of `ohlcv`: `instrument_type/symbol/timeframe/YYYY-MM-01`.
 */
export function stagedKlines(
  ledger: Ledger,
  { stagingDir, asOf }: { readonly stagingDir: string; readonly asOf: Date },
): StagedSource {
  let damaged: Promise<readonly DamagedFile[]> = Promise.resolve([]);
  return {
    async open(partitions, { tables, copy, directory, signal, refuse }) {
      // Without them, a partition would be built from fewer files than it has.
      ledger.expectWhole();
      const badHeaders = new Map<string, Reason>();
      const wanted = new Map<string, Staged[]>(inStorageOrder(partitions).map((partition) => [partition, []]));
      for (const entry of ledger.entries()) {
        const place = entry.status === 'staged' ? placeOf(stagingDir, entry.key) : undefined;
        if (place !== undefined) wanted.get(place.partition)?.push({ entry, ...place });
      }
      const archivesOf = Map.groupBy(
        [...wanted.values()].map((all) => all.sort(byFirstBar)),
        (all) => (mayOverlap(all) ? 'overlapping_klines' : 'staged_klines'),
      );
      const files: Record<string, StagedFiles> = {};
      const [digests, unread]: [Map<string, CsvDigest>, Staged[]] = [new Map(), []];
      const opened: Staged[] = [];
      for (const table of tables) {
        const archives = (archivesOf.get(table as 'staged_klines' | 'overlapping_klines') ?? []).flat();
        const pruned = archives.filter(({ entry }) => entry.pruned).map(({ entry }) => entry);
        if (pruned.length > 0) throw wantAgain(ledger, pruned);
        const inPlace = copy ? [] : archives.filter(({ entry }) => (entry.csv_bytes ?? 0) >= smallestInPlace);
        const apart = new Set(inPlace);
        for (const { entry, csv } of inPlace) {
          const problem = entry.header ? problemOfStagedHeader(csv) : undefined;
          if (problem !== undefined) badHeaders.set(entry.key, problem);
        }
        const batched = archives.filter((archive) => !apart.has(archive)).map(batchedArchive);
        const stem = join(directory, table);
        const batches = await writeBatches(batched, stem, (key, problem) => badHeaders.set(key, problem), signal);
        for (const [key, digest] of batches.digests) digests.set(key, digest);
        unread.push(...inPlace);
        opened.push(...archives);
        files[table] = {
          batches: batches.files,
          inPlace: inPlace.map(({ entry, csv, values }) => ({ file: csv, header: entry.header === true, values })),
        };
      }
      damaged = verify(ledger, opened, { digests, unread, signal });
      damaged.catch(() => {}); // the error reaches whoever awaits it
      if (badHeaders.size > 0) {
        // The header of a damaged file is not the one that the archive published.
        for (const { key } of await damaged) badHeaders.delete(key);
        for (const [key, problem] of badHeaders) refuse({ key, reason: formatReason(problem) });
      }
      return files;
    },

    damaged: () => damaged,

    async discard(files) {
      for (const { key } of files) {
        const place = placeOf(stagingDir, key);
        if (place !== undefined && existsSync(place.csv)) renameMaking(place.csv, place.damaged);
      }
    },

    async giveUp(files) {
      for (const { key, reason } of files) {
        const [entry, rest] = [ledger.get(key), parseRestKey(key)];
        if (entry?.status !== 'staged') continue;
        ledger.record(lostEntry(entry, reason, asOf));
        // The exchange is asked again for everything that it has answered.
        if (rest !== undefined) rmSync(askedFile(stagingDir, rest), { force: true });
      }
      ledger.close();
    },

    async reject(archives) {
      for (const { key, reason } of archives) {
        const entry = ledger.get(key);
        const place = placeOf(stagingDir, key);
        if (entry?.status !== 'staged' || place === undefined) continue;
        const rejected = rejectedEntry(entry, reason, asOf);
        writeWhole(`${place.rejected}.reason.json`, `${JSON.stringify(rejected, undefined, 2)}\n`);
        if (existsSync(place.csv)) renameMaking(place.csv, `${place.rejected}.csv`);
        ledger.record(rejected);
      }
      ledger.close();
    },
  };
}

/**
 * Compares staged CSVs with the ledger (B26), using the digests from copying them, or reading those that were not
 * copied. CSVs that were staged before digests were recorded must have the right size; their digest is recorded now.
 */
async function verify(
  ledger: Ledger,
  archives: readonly Staged[],
  options: {
    readonly digests: Map<string, CsvDigest>;
    readonly unread: readonly Staged[];
    readonly signal: AbortSignal;
  },
): Promise<readonly DamagedFile[]> {
  const { digests, unread, signal } = options;
  for (const { entry, csv } of unread) {
    const digest = await digestFile(csv, signal);
    if (digest !== undefined) digests.set(entry.key, digest);
  }
  const damaged: DamagedFile[] = [];
  for (const { entry, partition } of archives) {
    const digest = digests.get(entry.key);
    const reason = damageOf(entry, digest);
    if (reason !== undefined) damaged.push({ key: entry.key, partition, reason, isGone: digest === undefined });
    else if (entry.csv_crc32 === undefined && digest !== undefined)
      ledger.record({ ...entry, csv_crc32: digest.crc32 });
  }
  ledger.close();
  return damaged;
}

function damageOf({ csv_bytes, csv_crc32 }: LedgerEntry, found: CsvDigest | undefined): string | undefined {
  if (found === undefined) return 'its staged CSV is missing';
  if (found.bytes !== csv_bytes) return `its staged CSV has ${found.bytes} bytes, but ${csv_bytes} were staged`;
  if (csv_crc32 === undefined || found.crc32 === csv_crc32) return undefined;
  return `its staged CSV has the CRC-32 ${found.crc32}, but ${csv_crc32} was staged`;
}

/**
 * Sorts partitions by market, timeframe, symbol and month, so that the rows of a series are stored together, next to
 * those of other symbols at the same timeframe. Otherwise a query for daily bars would also read bars of seconds.
 */
function inStorageOrder(partitions: readonly string[]): readonly string[] {
  const keyed = partitions.map((partition) => {
    const [market, symbol, timeframe, month] = partitionValues(partition);
    return { partition, key: `${market}/${timeframe}/${symbol}/${month}` };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ partition }) => partition);
}

interface Staged extends Place {
  readonly entry: LedgerEntry;
}

/** Everything that follows from the key of a staged file. */
interface Place {
  /** The columns that `staged_klines` and `overlapping_klines` have per file. */
  readonly values: readonly string[];
  readonly partition: string;
  readonly csv: string;
  /** The path to which it is moved if it is rejected, without extension. */
  readonly rejected: string;
  /** The path to which it is moved if it is not what was staged. */
  readonly damaged: string;
}

/** Returns the place of an archive, or of a file of bars from the exchange. */
function placeOf(stagingDir: string, key: string): Place | undefined {
  const parts = parseStagedKey(key);
  if (parts === undefined) return undefined;
  const { instrument_type, symbol, timeframe, cadence } = parts;
  return {
    values: [key, instrument_type, symbol, timeframe, cadence],
    partition: partitionOf(parts),
    csv: stagedFile(stagingDir, parts),
    rejected: rejectedFile(stagingDir, parts),
    damaged: damagedFile(stagingDir, parts),
  };
}

const batchedArchive = ({ entry, csv, values }: Staged): BatchedArchive => ({
  key: entry.key,
  file: csv,
  prefix: `${values.join(',')},`,
});

const byFirstBar = (a: Staged, b: Staged): number => (a.entry.first_open_time ?? 0) - (b.entry.first_open_time ?? 0);

/**
 * True if a bar may appear twice: in one archive (A10), or in two that cover the same time (A12), or if that is
 * unknown. `archives` ascend by their first bar.
 */
function mayOverlap(archives: readonly Staged[]): boolean {
  let end = Number.NEGATIVE_INFINITY;
  for (const { entry } of archives) {
    const { first_open_time: first, last_open_time: last, duplicates } = entry;
    if (first === undefined || last === undefined || duplicates !== 0 || first <= end) return true;
    end = last;
  }
  return false;
}

function rejectedEntry(entry: LedgerEntry, reason: string, asOf: Date): LedgerEntry {
  const { csv_bytes: _, csv_crc32: __, reissue: ___, incomplete_days: ____, unfetched: _____, ...kept } = entry;
  return { ...kept, status: 'rejected', reason, staged_at: asOf.toISOString() };
}

/** Returns the entry of an archive whose CSV is lost, with the outcome of the last attempt to fetch it again. */
function lostEntry(entry: LedgerEntry, reason: string, asOf: Date): LedgerEntry {
  const { key, etag, last_modified, size_bytes, reissue, unfetched, revisions } = entry;
  const came = reissue ?? unfetched ?? { status: 'failed', reason: `lost: ${reason}` };
  return {
    ...{ key, etag, ...came, staged_at: asOf.toISOString(), last_modified, size_bytes },
    ...(revisions && { revisions }),
  };
}

/** Bytes to read: no known header is longer. */
const headerBytes = 512;

/** Returns what is wrong with the header of a staged CSV, if anything: earlier versions accepted any header (A31). */
function problemOfStagedHeader(file: string): Reason | undefined {
  const descriptor = openIfThere(file);
  if (descriptor === undefined) return undefined;
  try {
    const start = Buffer.alloc(headerBytes);
    const text = start.toString('latin1', 0, readSync(descriptor, start));
    return headerProblem(text.replace(/^\u00ef\u00bb\u00bf/, '').replace(/\r?\n.*$/s, ''));
  } finally {
    closeSync(descriptor);
  }
}
