import type { Window } from '../../engine/index.ts';
import type { ArchiveKey, Series } from '../../exchange/keys.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { Scope } from '../options.ts';
import { type PlanInput, type Planned, planSeries, type SeriesPlan, type SettledStatus } from './plan.ts';

export interface PlannedArchive extends Planned {
  readonly key: ArchiveKey;
}

export interface Plan {
  readonly files: number;
  readonly bytes: number;
  /** What the staged CSVs will take, about. */
  readonly diskBytes: number;
  readonly settled: Readonly<Record<SettledStatus, number>>;
  /** Archives that are to make way. */
  readonly obsolete: readonly ArchiveKey[];
  /** Plans each series anew when it is its turn: a hundred thousand archives need not be in memory at once. */
  wanted(): Iterable<PlannedArchive>;
}

export interface PlanOptions
  extends Pick<PlanInput, 'known' | 'asked'>,
    Pick<Scope, 'instrument_types' | 'timeframes'> {
  readonly listing: ArchiveListing;
  readonly window: Window | undefined;
  readonly asOf: Date;
}

/** `planSeries` of every symbol and timeframe that is asked for, in the order of the listing. */
export function planAll(options: PlanOptions): Plan {
  const settled = { staged: 0, rejected: 0, known: 0, absent: 0, failed: 0 };
  const obsolete: ArchiveKey[] = [];
  let files = 0;
  let bytes = 0;
  let diskBytes = 0;
  const series = pairs(options);
  for (const pair of series) {
    const planned = planPair(pair, options);
    for (const { object } of planned.wanted) {
      bytes += object.size_bytes;
      diskBytes += stagedBytes(object.size_bytes);
    }
    files += planned.wanted.length;
    for (const { status } of planned.settled) settled[status]++;
    for (const { period } of planned.obsolete) obsolete.push({ ...(pair.daily as Series), period });
  }
  function* wanted(): Iterable<PlannedArchive> {
    for (const pair of series) {
      for (const { object, why } of planPair(pair, options).wanted) {
        const of = (object.period.length === 10 ? pair.daily : pair.monthly) as Series;
        yield { object, why, key: { ...of, period: object.period } };
      }
    }
  }
  return { files, bytes, diskBytes, settled, obsolete, wanted };
}

/** Measured: CSVs of 1m, 5m and 1h are 2.6 to 2.9 times their zips; a small one takes a block of the disk all the same. */
export const stagedBytes = (zipBytes: number): number => Math.ceil((3 * zipBytes) / 4096) * 4096;

/** The plans of all series, one after the other; what they have in common is that of `planAll`. */
export function* eachPlan(options: PlanOptions): Iterable<Pair & { readonly plan: SeriesPlan }> {
  for (const pair of pairs(options)) yield { ...pair, plan: planPair(pair, options) };
}

function planPair(
  { monthly, daily, monthsUnknown }: Pair,
  { listing, window, asOf, known, asked }: PlanOptions,
): SeriesPlan {
  return planSeries({
    monthly: monthly ? listing.objects(monthly) : [],
    daily: daily ? listing.objects(daily) : [],
    monthsUnknown,
    window: window && { start: isoDay(window.start), end: isoDay(window.end) },
    asOfMonth: asOf.toISOString().slice(0, 7),
    known,
    asked,
  });
}

interface Pair {
  monthly?: Series;
  daily?: Series;
  /** Whether this run could not list its monthly archives. */
  readonly monthsUnknown: boolean;
}

function pairs({ listing, instrument_types, timeframes }: PlanOptions): readonly Pair[] {
  const idOf = (series: Series) => `${series.instrument_type}/${series.timeframe}/${series.symbol}`;
  const unknown = new Set(listing.failed.filter(({ cadence }) => cadence === 'monthly').map(idOf));
  const found = new Map<string, Pair>();
  for (const { series } of listing.series) {
    if (!instrument_types.includes(series.instrument_type) || !timeframes.includes(series.timeframe)) continue;
    const id = idOf(series);
    const pair = found.get(id) ?? { monthsUnknown: unknown.has(id) };
    pair[series.cadence] = series;
    found.set(id, pair);
  }
  return [...found.values()];
}

const isoDay = (date: Date): string => date.toISOString().slice(0, 10);
