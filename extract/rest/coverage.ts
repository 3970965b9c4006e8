import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeWhole } from '../../engine/index.ts';
import {
  type ArchiveKey,
  type BarSeries,
  barSeriesId,
  parseKey,
  parseRestKey,
  periodOf,
  type RestKey,
} from '../../exchange/keys.ts';
import type { Slots } from '../../exchange/slots.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { Scope } from '../options.ts';
import { isIntact, seal } from '../staging/crc.ts';
import type { LedgerEntry } from '../staging/journal.ts';
import type { Ledger } from '../staging/ledger.ts';
import { stagedFile } from '../staging/paths.ts';
import { openRows, openTimeOf } from '../staging/staged-rows.ts';

/** A staged archive as recorded in the ledger. Times are in ms. */
export interface StagedArchive {
  readonly key: ArchiveKey;
  readonly etag: string;
  readonly first: number;
  readonly last: number;
  readonly bars: number;
  /** True if its CSV was removed after the load. */
  readonly pruned: boolean;
}

function stagedArchive(key: ArchiveKey, entry: LedgerEntry): StagedArchive | undefined {
  const { etag, status, row_count, first_open_time, last_open_time, duplicates = 0 } = entry;
  if (status !== 'staged' || row_count === undefined) return undefined;
  if (first_open_time === undefined || last_open_time === undefined) return undefined;
  return {
    key,
    etag,
    first: first_open_time / 1000,
    last: last_open_time / 1000,
    bars: row_count - duplicates,
    pruned: entry.pruned === true,
  };
}

/** Returns the months that have pruned archives. */
export const prunedMonths = (archives: readonly StagedArchive[]): readonly Range[] =>
  union(
    archives.flatMap(({ key, pruned }): Range[] => {
      const month = pruned ? periodOf({ cadence: 'monthly', period: key.period.slice(0, 7) }) : undefined;
      return month === undefined ? [] : [[month.start, month.end]];
    }),
  );

/** True if, according to the ledger, no slot is missing between the first and the last bar of an archive. */
export function isWhole({ first, last, bars }: StagedArchive, { slotOf, opensAt }: Slots): boolean {
  const [from, to] = [slotOf(first), slotOf(last)];
  return opensAt(from) === first && opensAt(to) === last && to - from + 1 === bars;
}

/** Returns the range of slots from a first bar to a last one. */
export const spanOf = ({ first, last }: Pick<StagedArchive, 'first' | 'last'>, { slotOf, opensAt }: Slots): Range => [
  opensAt(slotOf(first)),
  opensAt(slotOf(last) + 1),
];

/** Reads the slots in which an archive has a bar (A8) from its staged CSV. Returns `undefined` if that is missing. */
export async function readCovered(
  { key, first }: StagedArchive,
  { slotOf, opensAt }: Slots,
  stagingDir: string,
  signal: AbortSignal,
): Promise<readonly Range[] | undefined> {
  const csv = stagedFile(stagingDir, key);
  if (!existsSync(csv)) return undefined;
  const covered: Range[] = [];
  let [start, end] = [slotOf(first), slotOf(first)];
  for await (const open of openTimes(csv, signal)) {
    const slot = slotOf(open);
    if (slot > end) {
      covered.push([opensAt(start), opensAt(end)]);
      start = slot;
    }
    end = slot + 1;
  }
  covered.push([opensAt(start), opensAt(end)]);
  return union(covered);
}

/** Rows to read before yielding to the event loop. */
const rowsAtOnce = 10_000;

/** Yields the open times of a staged CSV in ms. */
async function* openTimes(file: string, signal: AbortSignal): AsyncGenerator<number> {
  using rows = openRows(file);
  let count = 0;
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    if (++count % rowsAtOnce === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    yield openTimeOf(row) / 1000;
  }
}

/** What is remembered about a series in addition to its bars. */
export interface Asked {
  /** Slots without a bar in the archive for which the exchange has answered, with or without a bar. */
  readonly settled: readonly Range[];
  /** The slots of archives that lack bars, by cadence, period and ETag, so that each is read only once. */
  readonly covered: Readonly<Record<string, readonly Range[]>>;
}

/**
 * Reads what is remembered about a series. If the file is missing, damaged or of another series, nothing is remembered,
 * and the exchange is asked again.
 */
export function readAsked(file: string, series: BarSeries): Asked {
  try {
    const text = readFileSync(file, 'utf8').trimEnd();
    const { settled, covered }: Partial<Asked> = isIntact(text, barSeriesId(series)) ? JSON.parse(text) : {};
    if (Array.isArray(settled) && typeof covered === 'object') return { settled, covered };
  } catch (error) {
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { settled: [], covered: {} };
}

/** Stores what is remembered about a series. Throws DISK_FULL. */
export const writeAsked = (file: string, series: BarSeries, asked: Asked): void =>
  writeWhole(file, `${seal(JSON.stringify(asked), barSeriesId(series))}\n`);

/** Forgets what was asked for all series, for when it is no longer known which bars were received. */
export function forgetAsked(stagingDir: string): void {
  const folder = join(stagingDir, 'rest');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (basename(name) === 'asked.json') rmSync(join(folder, name));
}

/** `[from, to)` in ms since 1970. */
export type Range = readonly [from: number, to: number];

/** Returns the union of the ranges, ascending and disjoint. */
export function union(ranges: Iterable<Range>): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (from >= to) continue;
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** Returns `ranges` without `cut`. Both must be ascending and disjoint. */
export function subtract(ranges: readonly Range[], cut: readonly Range[]): readonly Range[] {
  const left: Range[] = [];
  let at = 0;
  for (const [start, to] of ranges) {
    let from = start;
    while (at < cut.length && (cut[at] as Range)[1] <= from) at++;
    for (let i = at; i < cut.length && (cut[i] as Range)[0] < to; i++) {
      const [cutFrom, cutTo] = cut[i] as Range;
      if (cutFrom > from) left.push([from, cutFrom]);
      from = Math.max(from, cutTo);
    }
    if (from < to) left.push([from, to]);
  }
  return left;
}

/** True if a time is in one of the ascending ranges. */
export function holds(ranges: readonly Range[], time: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range)[1] <= time) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && (ranges[low] as Range)[0] <= time;
}

/** A series and what is staged of it. */
export interface StagedSeries {
  readonly series: BarSeries;
  readonly archives: readonly StagedArchive[];
  /** Files of bars from the exchange. */
  readonly files: readonly { readonly key: RestKey; readonly entry: LedgerEntry }[];
}

/** Returns every requested series of the listing, with what is staged of it. */
export function stagedSeries(listing: ArchiveListing, scope: Scope, ledger: Ledger): readonly StagedSeries[] {
  const { instrument_types, timeframes, symbols } = scope;
  const found = new Map<
    string,
    { series: BarSeries; archives: StagedArchive[]; files: { key: RestKey; entry: LedgerEntry }[] }
  >();
  for (const { series } of listing.series) {
    const { instrument_type, timeframe, symbol } = series;
    if (!instrument_types.includes(instrument_type) || !timeframes.includes(timeframe)) continue;
    if (symbols.length > 0 && !symbols.includes(symbol)) continue;
    found.set(barSeriesId(series), { series: { instrument_type, timeframe, symbol }, archives: [], files: [] });
  }
  for (const entry of ledger.entries()) {
    const key = parseKey(entry.key);
    const archive = key && stagedArchive(key, entry);
    if (archive) found.get(barSeriesId(archive.key))?.archives.push(archive);
    const file = key === undefined ? parseRestKey(entry.key) : undefined;
    if (file) found.get(barSeriesId(file))?.files.push({ key: file, entry });
  }
  return [...found.values()];
}
