import { formatUtc } from '../../engine/index.ts';
import { type ArchiveKey, archiveName, parseKey, periodOf, type Series, seriesPrefix } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import type { ArchiveClient } from '../archive/client.ts';
import { list } from '../archive/list.ts';
import type { ListedEntry } from '../archive/listing-xml.ts';
import {
  digestOf,
  intactObjects,
  type ListedObject,
  peekSeries,
  type SeriesHead,
  seriesFile,
  writeSeries,
} from './series-state.ts';

export interface RefreshOptions {
  readonly client: ArchiveClient;
  /** Base URL of the listing. */
  readonly listingUrl: string;
  readonly directory: string;
  readonly asOf: Date;
  /** True to list every series from its start. */
  readonly relist: boolean;
  /** ms after which a series is listed from its start again. */
  readonly relistAfter: number;
}

export interface Refreshed {
  readonly head: SeriesHead;
  /** Period of the newest object. */
  readonly newest: string | undefined;
  readonly added: number;
  readonly changed: number;
  readonly gone: number;
  /** Keys of zip files whose names do not follow the layout (A7). */
  readonly skipped: readonly string[];
  /** True if the series was listed from its start. */
  readonly isWhole: boolean;
}

/** How far before its newest key a known series is listed again: files arrive late and are corrected within days. */
const overlap = 5 * msOfDay;

/**
 * Brings the state of one series up to date with one paged listing. It starts a few days before the newest known key
 * if the whole series was listed recently, otherwise at the beginning. Nothing is written if nothing has changed.
 */
export async function refreshSeries(series: Series, options: RefreshOptions): Promise<Refreshed> {
  const { client, listingUrl, directory, asOf, relist, relistAfter } = options;
  const file = seriesFile(directory, series);
  const known = peekSeries(file);
  const age = known === undefined ? Infinity : asOf.getTime() - Date.parse(known.head.listed_whole_at);
  // A listing from a run whose clock was ahead says nothing about the time since.
  const isFresh = age >= 0 && age <= relistAfter;
  const newest = relist || !isFresh ? undefined : known?.newest;
  const from = newest === undefined ? undefined : periodBefore(series, newest);

  const prefix = seriesPrefix(series);
  const marker = from === undefined ? '' : prefix + archiveName({ ...series, period: from });
  const { entries } = await list(client, listingUrl, prefix, marker);
  const listed_at = asOf.toISOString();
  const { objects, skipped } = readEntries(series, entries, listed_at);
  const isWhole = from === undefined;

  if (known !== undefined && from !== undefined && known.isWhole(from, objects)) {
    return { head: known.head, newest: known.newest, added: 0, changed: 0, gone: 0, skipped, isWhole };
  }
  const stored = known === undefined ? [] : intactObjects(file, series);
  if (stored === undefined) return refreshSeries(series, options);
  const merged = merge(stored, objects, from);
  const head: SeriesHead = {
    listed_whole_at: isWhole || known === undefined ? listed_at : known.head.listed_whole_at,
    objects: merged.objects.length,
    digest: digestOf(merged.objects),
  };
  writeSeries(file, head, merged.objects);
  const { added, changed, gone } = merged;
  return { head, newest: merged.objects.at(-1)?.period, added, changed, gone, skipped, isWhole };
}

/** Returns the period that contains the day `overlap` before the start of `period`. */
function periodBefore(series: Series, period: string): string {
  const start = Date.parse(period.length === 10 ? period : `${period}-01`);
  return new Date(start - overlap).toISOString().slice(0, series.cadence === 'daily' ? 10 : 7);
}

function readEntries(series: Series, entries: readonly ListedEntry[], listed_at: string) {
  const objects: ListedObject[] = [];
  const skipped: string[] = [];
  for (const { key, etag, size_bytes, last_modified } of entries) {
    if (!key.endsWith('.zip')) continue;
    const parsed = parseKey(key);
    if (parsed === undefined || !sameSeries(parsed, series)) skipped.push(key);
    else objects.push({ key, period: parsed.period, size_bytes, etag, last_modified, listed_at });
  }
  return { objects, skipped };
}

const sameSeries = (key: ArchiveKey, series: Series): boolean =>
  key.symbol === series.symbol &&
  key.timeframe === series.timeframe &&
  key.cadence === series.cadence &&
  key.instrument_type === series.instrument_type;

const sameState = (a: ListedObject, b: ListedObject | undefined): boolean =>
  a.key === b?.key && a.etag === b.etag && a.size_bytes === b.size_bytes && a.last_modified === b.last_modified;

/**
 * Returns the stored objects before `from`, then the listed ones with the time at which each was first seen as it is.
 */
function merge(stored: readonly ListedObject[], listed: readonly ListedObject[], from: string | undefined) {
  const kept = from === undefined ? [] : stored.filter((object) => object.period < from);
  const replaced = new Map(stored.slice(kept.length).map((object) => [object.key, object]));
  let added = 0;
  let changed = 0;
  const fresh = listed.map((object) => {
    const before = replaced.get(object.key);
    replaced.delete(object.key);
    if (before === undefined) added++;
    else if (sameState(before, object)) return before;
    else changed++;
    return object;
  });
  return { objects: [...kept, ...fresh], added, changed, gone: replaced.size };
}

/** A daily archive is listed within a day of its last bar, rarely later (A21). */
const mostBehind = 2 * msOfDay;

/** The newest day for which a listing has an archive. */
export interface NewestDay {
  /** Notes the newest period of a series. Monthly series are ignored, since their newest archive is often weeks old. */
  note(series: Series, period: string | undefined): void;
  /** Returns a warning if the newest archive is older, by the run's clock, than the archive normally lags behind. */
  behind(asOf: Date): { readonly newest: string; readonly message: string } | undefined;
}

export function createNewestDay(): NewestDay {
  let newest = '';
  return {
    note({ cadence }, period = '') {
      if (cadence === 'daily' && period > newest) newest = period;
    },
    behind(asOf) {
      const end = periodOf({ cadence: 'daily', period: newest })?.end;
      if (end === undefined || asOf.getTime() - end <= mostBehind) return undefined;
      const days = Math.floor((asOf.getTime() - end) / msOfDay);
      const ends = `the newest daily archive in the listing is for ${newest}, ${days} days earlier`;
      const message = `the run's clock is ${formatUtc(asOf)}, but ${ends}: check --as-of and the archive`;
      return { newest, message };
    },
  };
}
