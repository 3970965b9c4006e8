import type { Window } from '../../engine/index.ts';
import type { ArchiveKey, Series } from '../archive/keys.ts';
import type { Timeframe } from '../archive/timeframes.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { ArchiveStatus } from '../staging/entry.ts';
import { type PlanInput, type Planned, planSeries } from './plan.ts';

export interface PlannedArchive extends Planned {
  readonly key: ArchiveKey;
}

export interface Plan {
  readonly wanted: readonly PlannedArchive[];
  readonly settled: Readonly<Record<ArchiveStatus, number>>;
}

export interface PlanOptions extends Pick<PlanInput, 'known' | 'asked' | 'askAgain'> {
  readonly listing: ArchiveListing;
  readonly instrument_type: Series['instrument_type'];
  readonly timeframes: readonly Timeframe[];
  readonly window: Window | undefined;
  readonly asOf: Date;
}

/** `planSeries` of every symbol and timeframe that is asked for, in the order of the listing. */
export function planAll(options: PlanOptions): Plan {
  const { listing, window, asOf, known, asked, askAgain } = options;
  const wanted: PlannedArchive[] = [];
  const settled = { staged: 0, rejected: 0, absent: 0, failed: 0 };
  for (const series of pairs(options)) {
    const planned = planSeries({
      monthly: series.monthly ? listing.objects(series.monthly) : [],
      daily: series.daily ? listing.objects(series.daily) : [],
      window: window && { start: isoDay(window.start), end: isoDay(window.end) },
      asOfMonth: asOf.toISOString().slice(0, 7),
      known,
      asked,
      askAgain,
    });
    for (const { object, why } of planned.wanted) {
      const of = (object.period.length === 10 ? series.daily : series.monthly) as Series;
      wanted.push({ object, why, key: { ...of, period: object.period } });
    }
    for (const status of Object.keys(settled) as ArchiveStatus[]) settled[status] += planned.settled[status];
  }
  return { wanted, settled };
}

interface Pair {
  monthly?: Series;
  daily?: Series;
}

function pairs({ listing, instrument_type, timeframes }: PlanOptions): Iterable<Pair> {
  const found = new Map<string, Pair>();
  for (const { series } of listing.series) {
    if (series.instrument_type !== instrument_type || !timeframes.includes(series.timeframe)) continue;
    const id = `${series.timeframe}/${series.symbol}`;
    const pair = found.get(id) ?? {};
    pair[series.cadence] = series;
    found.set(id, pair);
  }
  return found.values();
}

const isoDay = (date: Date): string => date.toISOString().slice(0, 10);
