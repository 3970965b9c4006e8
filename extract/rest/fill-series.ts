import type { PipelineError, Window } from '../../engine/index.ts';
import { type BarSeries, periodOfBar } from '../../exchange/keys.ts';
import { type Slots, slotsOf } from '../../exchange/slots.ts';
import { msOfDay, timeframes } from '../../exchange/timeframes.ts';
import type { LedgerEntry } from '../staging/journal.ts';
import { askedFile } from '../staging/paths.ts';
import {
  holds,
  isWhole,
  prunedMonths,
  type Range,
  readAsked,
  readCovered,
  type StagedSeries,
  spanOf,
  subtract,
  union,
  writeAsked,
} from './coverage.ts';
import type { Bar, KlinesAnswer, RestClient } from './rest-client.ts';
import type { RestStore, Row } from './rest-store.ts';

export interface FillOptions extends Pick<AskOptions, 'client'> {
  readonly store: RestStore;
  readonly stagingDir: string;
  readonly window: Window | undefined;
  readonly asOf: Date;
  /** True if the exchange does not know the symbol. It is not asked then, but bars that the archive has are removed. */
  readonly isUnknown: boolean;
  readonly signal: AbortSignal;
}

export interface Filled {
  /** The number of bars that were received and that the archive does not have. */
  readonly bars: number;
  /** Bars with values that cannot be right: open time and reason. */
  readonly odd: readonly { readonly at: string; readonly defect: string }[];
  /** The number of staged bars that the archive now has. */
  readonly archived: number;
  readonly refusal?: Refusal;
}

/**
 * Fetches bars from the exchange for the slots of a series in which no staged archive has a bar, from the first
 * archived bar or the start of the window to the run's clock. Removes bars that the archive now has. Bars are saved
 * file by file, so that an interruption loses at most one file.
 */
export async function fillSeries({ series, archives, files }: StagedSeries, options: FillOptions): Promise<Filled> {
  const { client, store, stagingDir, asOf, signal } = options;
  const oldest = archives.length === 0 ? undefined : Math.min(...archives.map(({ first }) => first));
  const slots = slotsOf(series.timeframe, oldest ?? 0);
  const memory = askedFile(stagingDir, series);
  const before = readAsked(memory, series);

  const ofArchives: Range[] = [];
  const readOnce: Record<string, readonly Range[]> = {};
  for (const archive of archives) {
    const id = `${archive.key.cadence}/${archive.key.period}/${archive.etag}`;
    const known = isWhole(archive, slots)
      ? undefined
      : (before.covered[id] ?? (await readCovered(archive, slots, stagingDir, signal)));
    if (known !== undefined) readOnce[id] = known;
    // An archive whose CSV is missing counts as complete, since its gaps are unknown.
    for (const range of known ?? [spanOf(archive, slots)]) ofArchives.push(range);
  }
  const covered = union(ofArchives);
  // The bars of a file that the load has rejected are requested again, without the one that caused the rejection.
  const lost = files.filter(({ key, entry }) =>
    entry.status === 'staged' ? !store.isIntact(entry, key) : entry.first_open_time !== undefined,
  );
  const settled = subtract(subtract(before.settled, covered), union(lost.map(({ entry }) => spanOfFile(entry, slots))));

  let archived = 0;
  for (const { key, entry } of files) {
    if (entry.status !== 'staged' || isApart(spanOfFile(entry, slots), covered)) continue;
    const rows = store.rows(key);
    const kept = rows.filter(({ open }) => !holds(covered, slots.opensAt(slots.slotOf(open))));
    if (kept.length < rows.length) store.keep(key, kept);
    archived += rows.length - kept.length;
  }

  // A month is built as a whole, so bars for a month with pruned archives wait until these are fetched again.
  const passedOver = union([...covered, ...settled, ...prunedMonths(archives)]);
  const missing = subtract(wantedRange(options, slots, oldest), passedOver);
  const answered: Range[] = [];
  const pending = new Map<string, { readonly rows: Row[]; readonly leftOut: string[] }>();
  const odd: { at: string; defect: string }[] = [];
  let bars = 0;
  /** Saves the files of periods before `present`, or all files, and then the settled slots before any unsaved bars. */
  function save(present?: string): void {
    for (const [period, { rows, leftOut }] of pending) {
      if (present !== undefined && period >= present) continue;
      store.add({ ...series, cadence: 'rest', period }, rows, leftOut);
      pending.delete(period);
    }
    const unsaved = [...pending.values()].flatMap(({ rows: [row] }) => (row === undefined ? [] : [row.open]));
    const cut = unsaved.length === 0 ? [] : [slots.opensAt(slots.slotOf(Math.min(...unsaved)))];
    const saved = subtract(
      union(answered),
      cut.map((from): Range => [from, Number.POSITIVE_INFINITY]),
    );
    const after = { settled: subtract(union([...settled, ...saved]), covered), covered: readOnce };
    if (JSON.stringify(after) !== JSON.stringify(before)) writeAsked(memory, series, after);
  }
  let refusal: Refusal | undefined;
  try {
    if (missing.length > 0 && !options.isUnknown) {
      refusal = await askFor(series, missing, {
        ...{ client, slots, asOf: asOf.getTime() },
        take(found, range) {
          for (const { open, line, defect } of found) {
            const period = periodOfBar(series.timeframe, open);
            const file = pending.get(period) ?? { rows: [], leftOut: [] };
            pending.set(period, file);
            if (defect === undefined) {
              file.rows.push({ open, line });
              bars++;
            } else {
              const at = new Date(open).toISOString();
              file.leftOut.push(`${at}: ${defect}`);
              odd.push({ at, defect });
            }
          }
          answered.push(range);
          const present = periodOfBar(series.timeframe, range[1]);
          if ([...pending.keys()].some((period) => period < present)) save(present);
        },
      });
    }
  } finally {
    save();
  }
  return { bars, odd, archived, ...(refusal && { refusal }) };
}

const isApart = ([start, end]: Range, covered: readonly Range[]): boolean =>
  !covered.some(([from, to]) => from < end && to > start);

/** Returns the range of slots from the first bar of a file to its last. */
const spanOfFile = ({ first_open_time: first = 0, last_open_time: last = 0 }: LedgerEntry, slots: Slots): Range =>
  spanOf({ first: first / 1000, last: last / 1000 }, slots);

/** Returns the closed slots that open in the window or, without one, from the first archived bar on. */
function wantedRange(
  { window, asOf }: Pick<FillOptions, 'window' | 'asOf'>,
  { slotOf, opensAt }: Slots,
  oldest: number | undefined,
): readonly Range[] {
  const firstIn = (time: number) => opensAt(slotOf(time - 1) + 1);
  const closed = opensAt(slotOf(asOf.getTime()));
  if (window === undefined) return oldest === undefined ? [] : union([[opensAt(slotOf(oldest)), closed]]);
  return union([[firstIn(window.start.getTime()), Math.min(firstIn(window.end.getTime()), closed)]]);
}

/** Bars per request. For futures, 499 have a weight of 2, and 1,500 one of 10. */
const pageOf = { spot: 1000, 'futures-um': 499, 'futures-cm': 499 } as const;
/** The longest range of a request: futures-cm refuses more than 200 days. */
const longestSpan = {
  spot: Number.POSITIVE_INFINITY,
  'futures-um': Number.POSITIVE_INFINITY,
  'futures-cm': 200 * msOfDay,
};

export interface AskOptions {
  readonly client: Pick<RestClient, 'klines'>;
  readonly slots: Slots;
  /** The run's clock in ms. Only bars that closed before it count. */
  readonly asOf: number;
  /** Takes bars in the order of time, and the range for which the exchange has answered with them. */
  readonly take: (bars: readonly Bar[], settled: Range) => void;
}

export type Refusal =
  | { readonly kind: 'unknown'; readonly text: string }
  | { readonly kind: 'failed'; readonly error: PipelineError };

/**
 * Requests all slots of the ranges, page by page, until the exchange has answered for each. Returns why it refuses.
 * A page is never larger than a response can be, since markets differ in which bars they then leave out: futures-cm
 * returns the newest bars of a range, the others the oldest (B8). The next page begins after the last bar of a
 * response, so a short response does not end the loop. After a page without bars, daily bars are requested first, so
 * that years without trading are skipped in a few requests.
 */
async function askFor(series: BarSeries, ranges: readonly Range[], options: AskOptions): Promise<Refusal | undefined> {
  const { client, asOf, take } = options;
  const { slotOf, opensAt } = options.slots;
  const { instrument_type: market, timeframe } = series;
  const page = pageOf[market];
  const isShorterThanDay = (timeframes[timeframe] ?? msOfDay) < msOfDay;

  let at = 0;
  for (let from = Number.NEGATIVE_INFINITY; ; ) {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) <= from) at++;
    const range = ranges[at];
    if (range === undefined) return undefined;
    from = Math.max(from, range[0]);
    const end = Math.min(opensAt(slotOf(from) + page), from + longestSpan[market]);
    let to = from;
    // Small gaps that are close together share a request.
    for (let i = at; (ranges[i]?.[0] ?? end) < end; i++) to = Math.min((ranges[i] as Range)[1], end);

    const answer = await client.klines({ ...series, range: [from, to], limit: slotOf(to - 1) - slotOf(from) + 1 });
    if (answer.kind !== 'bars') return answer;
    const bars = answer.bars.filter(({ open }) => open >= from && open < to);
    const closed = bars.filter((bar) => closeOf(bar, options.slots) < Math.min(asOf, answer.at ?? asOf));
    const behind = (bar: Bar | undefined) => (bar === undefined ? undefined : opensAt(slotOf(bar.open) + 1));
    const known = behind(closed.at(-1)) ?? from;
    let next = behind(bars.at(-1)) ?? to;
    if (bars.length === 0 && to < range[1] && isShorterThanDay) {
      const traded = await firstDay(series, [to, range[1]], client);
      if (typeof traded !== 'number') return traded;
      next = Math.max(to, traded);
    }
    // The exchange may be late with its newest bars, so a missing recent bar does not settle its slot.
    const settled = closed.length < bars.length ? known : Math.max(known, Math.min(next, asOf - msOfDay));
    take(
      closed.filter(({ open }) => holds(ranges, opensAt(slotOf(open)))),
      [from, settled],
    );
    from = next;
  }
}

/** Returns when a bar closes: as the exchange says, or at the end of its slot if that is implausible (A9). */
function closeOf({ open, close }: Bar, { slotOf, opensAt }: Slots): number {
  const slot = slotOf(open);
  const end = opensAt(slot + 1);
  return close >= open && close - open <= end - opensAt(slot) ? close : end - 1;
}

/** Returns the start of the first day in the range with a bar, or the end of the days checked if there is none. */
async function firstDay(
  series: BarSeries,
  [from, to]: Range,
  client: AskOptions['client'],
): Promise<number | Exclude<KlinesAnswer, { kind: 'bars' }>> {
  const start = Math.floor(from / msOfDay) * msOfDay;
  const limit = Math.min(Math.ceil((to - start) / msOfDay), longestSpan[series.instrument_type] / msOfDay, 499);
  const end = start + limit * msOfDay;
  const answer = await client.klines({ ...series, timeframe: '1d', range: [start, end], limit });
  if (answer.kind !== 'bars') return answer;
  return answer.bars.find(({ open }) => open >= start && open < end)?.open ?? Math.min(end, to);
}
