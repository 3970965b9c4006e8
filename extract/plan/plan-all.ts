import type { ExtractPlan, PlanRow, Window } from '../../engine/index.ts';
import type { ArchiveKey, Series } from '../../exchange/keys.ts';
import { type Timeframe, timeframes } from '../../exchange/timeframes.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { ListedObject } from '../listing/series-state.ts';
import type { Scope } from '../options.ts';
import {
  type PlanInput,
  type Planned,
  planSeries,
  type SeriesPlan,
  type SettledStatus,
  type Why,
} from './plan-series.ts';

export interface PlannedArchive extends Planned {
  readonly key: ArchiveKey;
}

export interface Plan {
  readonly files: number;
  readonly bytes: number;
  /** Estimated bytes of the staged CSVs. */
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
const stagedBytes = (zipBytes: number): number => Math.ceil((3 * zipBytes) / 4096) * 4096;

/** The plans of all series, one after the other; what they have in common is that of `planAll`. */
function* eachPlan(options: PlanOptions): Iterable<Pair & { readonly plan: SeriesPlan }> {
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
  /** True if this run could not list its monthly archives. */
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

interface Row extends PlanRow {
  files: number;
  bytes: number;
  readonly why: Record<Why, number>;
  readonly settled: Record<SettledStatus, number>;
}

/**
 * What would be fetched, by market, timeframe, month and cadence, for all symbols together. Days that a monthly file
 * misses are known once it is staged (A15); until then they are in no row.
 */
export function planRows(options: PlanOptions): ExtractPlan {
  const rows = new Map<string, Row>();
  const rowOf = (series: Series, { period }: ListedObject): Row => {
    const { instrument_type, timeframe, cadence } = series;
    const of = { instrument_type, timeframe, month: period.slice(0, 7), cadence };
    const id = Object.values(of).join('/');
    let row = rows.get(id);
    if (row === undefined) {
      const why = { new: 0, reissued: 0, repair: 0, again: 0, pruned: 0 };
      row = { of, files: 0, bytes: 0, why, settled: { staged: 0, rejected: 0, known: 0, absent: 0, failed: 0 } };
      rows.set(id, row);
    }
    return row;
  };
  const totals = { files: 0, bytes: 0, diskBytes: 0 };
  for (const { monthly, daily, plan } of eachPlan(options)) {
    const seriesOf = ({ period }: ListedObject) => (period.length === 10 ? daily : monthly) as Series;
    for (const { object, why } of plan.wanted) {
      const row = rowOf(seriesOf(object), object);
      row.files++;
      row.bytes += object.size_bytes;
      row.why[why]++;
      totals.files++;
      totals.bytes += object.size_bytes;
      totals.diskBytes += stagedBytes(object.size_bytes);
    }
    for (const { object, status } of plan.settled) rowOf(seriesOf(object), object).settled[status]++;
  }
  return { ...totals, rows: [...rows.values()].sort(inOrder) };
}

const lengths = Object.keys(timeframes) as Timeframe[];

function inOrder({ of: a }: Row, { of: b }: Row): number {
  const rank = ({ instrument_type, timeframe, month, cadence }: Row['of']) =>
    `${instrument_type}/${String(lengths.indexOf(timeframe as Timeframe)).padStart(2, '0')}/${month}/${cadence}`;
  return rank(a) < rank(b) ? -1 : 1;
}
