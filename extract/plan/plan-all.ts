import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type ExtractPlan, type PlanRow, type Window, writeWhole } from '../../engine/index.ts';
import { type ArchiveKey, type Series, seriesId } from '../../exchange/keys.ts';
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
  /** Archives to remove, because others have replaced them. */
  readonly obsolete: readonly ArchiveKey[];
  /** Plans each series again when its turn comes, so that a hundred thousand archives need not be in memory at once. */
  wanted(): Iterable<PlannedArchive>;
}

export interface PlanOptions
  extends Pick<PlanInput, 'known' | 'asked'>,
    Pick<Scope, 'instrument_types' | 'timeframes'> {
  readonly listing: ArchiveListing;
  readonly window: Window | undefined;
  readonly asOf: Date;
}

/** Runs `planSeries` for every requested symbol and timeframe, in the order of the listing. */
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

/**
 * Measured: CSVs of 1m, 5m and 1h are 2.6 to 2.9 times as large as their zips. A small one still takes a disk block.
 */
const stagedBytes = (zipBytes: number): number => Math.ceil((3 * zipBytes) / 4096) * 4096;

/** Yields the plan of each series in turn. */
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
 * Returns what would be fetched, by market, timeframe, month and cadence, for all symbols together. The days that a
 * monthly archive lacks become known when it is staged (A15); until then no row contains them.
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

/** Everything that determines if a plan wants nothing, apart from the staged files themselves. */
export interface PlanBasis extends Pick<Scope, 'instrument_types' | 'timeframes'> {
  readonly listing: ArchiveListing;
  /** Digest of the ledger. */
  readonly ledger: string;
  readonly window: Window | undefined;
  readonly asOf: Date;
}

type Settled = Plan['settled'];

const shape = z.object({
  basis: z.string(),
  settled: z.object({ staged: z.int(), rejected: z.int(), known: z.int(), absent: z.int(), failed: z.int() }),
});

const file = (stagingDir: string): string => join(stagingDir, 'nothing-wanted.json');

/** Returns the outcomes noted when a plan on the same basis wanted nothing, or `undefined` if there is no such note. */
export function whereNothingWasWanted(stagingDir: string, basis: PlanBasis): Settled | undefined {
  let text: string;
  try {
    text = readFileSync(file(stagingDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const known = shape.safeParse(parseJson(text)).data;
  return known?.basis === digestOf(basis, known?.settled) ? known?.settled : undefined;
}

/** Records that a plan on this basis wants nothing. Throws DISK_FULL. */
export function noteNothingWanted(stagingDir: string, basis: PlanBasis, settled: Settled): void {
  writeWhole(file(stagingDir), `${JSON.stringify({ basis: digestOf(basis, settled), settled })}\n`);
}

/** Version of the rules by which a plan requests archives again. A note that was made by other rules is ignored. */
const rules = 2;

/** Returns the digest of a basis and the outcomes noted with it. Covering both makes a damaged note invalid. */
function digestOf(
  { listing, ledger, window, asOf, instrument_types, timeframes }: PlanBasis,
  settled: Settled | undefined,
): string {
  const series = listing.series.map(({ series, head }) => `${seriesId(series)} ${head.digest}`);
  const month = asOf.toISOString().slice(0, 7);
  return hash('sha256', JSON.stringify([rules, ledger, window, month, instrument_types, timeframes, series, settled]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
