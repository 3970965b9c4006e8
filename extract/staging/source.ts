import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StagedFiles, StagedSource } from '../../engine/index.ts';
import { type Cadence, parseKey } from '../archive/keys.ts';
import { writeWhole } from '../disk.ts';
import { parseRestKey, type RestSeries, rejectedRestFile, restFile } from '../rest/keys.ts';
import { type BatchedArchive, writeBatches } from './batches.ts';
import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';
import { partitionOf, rejectedFile, stagedFile } from './paths.ts';
import { wantAgain } from './prune.ts';
import { renameMaking } from './write.ts';

/** Smaller files are copied together: opening one takes DuckDB as long as reading so many bytes more. */
const smallestInPlace = 128 * 1024;

/**
 * The lines of the staged CSVs, by whether a bar can stand twice in its partition: `staged_klines` or
 * `overlapping_klines`. Partitions are those of `ohlcv`: `instrument_type/symbol/timeframe/YYYY-MM-01`.
 */
export function stagedKlines(
  ledger: Ledger,
  { stagingDir, asOf }: { readonly stagingDir: string; readonly asOf: Date },
): StagedSource {
  return {
    async open(partitions, { tables, copy, directory, signal }) {
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
      for (const table of tables) {
        const archives = (archivesOf.get(table as 'staged_klines' | 'overlapping_klines') ?? []).flat();
        const pruned = archives.filter(({ entry }) => entry.pruned).map(({ entry }) => entry);
        if (pruned.length > 0) throw wantAgain(ledger, pruned);
        const inPlace = copy ? [] : archives.filter(({ entry }) => (entry.csv_bytes ?? 0) >= smallestInPlace);
        const apart = new Set(inPlace);
        const batched = archives.filter((archive) => !apart.has(archive)).map(batchedArchive);
        files[table] = {
          batches: await writeBatches(batched, join(directory, table), signal),
          inPlace: inPlace.map(({ entry, csv, values }) => ({ file: csv, header: entry.header === true, values })),
        };
      }
      return files;
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
 * By market, timeframe, symbol and month: the rows of a series lie together, and beside them those of other symbols at
 * the same timeframe. Seconds beside daily bars would be read along with them.
 */
function inStorageOrder(partitions: readonly string[]): readonly string[] {
  const keyed = partitions.map((partition) => {
    const [market, symbol, timeframe, month] = partition.split('/');
    return { partition, key: `${market}/${timeframe}/${symbol}/${month}` };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ partition }) => partition);
}

interface Staged extends Place {
  readonly entry: LedgerEntry;
}

/** What is known of a staged file by its key. */
interface Place {
  /** The columns that `staged_klines` and `overlapping_klines` have per file. */
  readonly values: readonly string[];
  readonly partition: string;
  readonly csv: string;
  /** Where it goes when it is rejected, without extension. */
  readonly rejected: string;
}

/** Of an archive, or of a file of bars that the exchange gave. */
function placeOf(stagingDir: string, key: string): Place | undefined {
  const archive = parseKey(key);
  if (archive !== undefined) {
    const [csv, rejected] = [stagedFile(stagingDir, archive), rejectedFile(stagingDir, archive)];
    return { values: valuesOf(key, archive, archive.cadence), partition: partitionOf(archive), csv, rejected };
  }
  const rest = parseRestKey(key);
  if (rest === undefined) return undefined;
  const [csv, rejected] = [restFile(stagingDir, rest), rejectedRestFile(stagingDir, rest)];
  return { values: valuesOf(key, rest, 'rest'), partition: partitionOf(rest), csv, rejected };
}

const valuesOf = (
  key: string,
  { instrument_type, symbol, timeframe }: RestSeries,
  data_source: Cadence | 'rest',
): readonly string[] => [key, instrument_type, symbol, timeframe, data_source];

const batchedArchive = ({ entry, csv, values }: Staged): BatchedArchive => ({
  key: entry.key,
  file: csv,
  prefix: `${values.join(',')},`,
});

const byFirstBar = (a: Staged, b: Staged): number => (a.entry.first_open_time ?? 0) - (b.entry.first_open_time ?? 0);

/**
 * Whether a bar may stand twice: in one archive (A10), or in two of the same time (A12). What is unknown may.
 * `archives` ascend by their first bar.
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
  const { csv_bytes: _, reissue: __, incomplete_days: ___, ...kept } = entry;
  return { ...kept, status: 'rejected', reason, staged_at: asOf.toISOString() };
}
