import type { Window } from '../../engine/index.ts';
import { periodOfBar } from '../../exchange/keys.ts';
import { type Slots, slotsOf } from '../../exchange/slots.ts';
import type { LedgerEntry } from '../staging/journal.ts';
import { askedFile } from '../staging/paths.ts';
import { type AskOptions, askFor, type Refusal } from './ask.ts';
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
import type { RestStore, Row } from './rest-store.ts';

export interface FillOptions extends Pick<AskOptions, 'client'> {
  readonly store: RestStore;
  readonly stagingDir: string;
  readonly window: Window | undefined;
  readonly asOf: Date;
  /** The exchange is known not to know the symbol: nothing is asked, what the archive has by now still goes. */
  readonly isUnknown: boolean;
  readonly signal: AbortSignal;
}

export interface Filled {
  /** Bars that the exchange gave and the archive does not have. */
  readonly bars: number;
  /** Bars whose values cannot be believed: open time and reason. */
  readonly odd: readonly { readonly at: string; readonly defect: string }[];
  /** Bars that the archive has by now. */
  readonly archived: number;
  readonly refusal?: Refusal;
}

/**
 * Asks the exchange for the slots of a series that no staged archive has a bar in, from its first archived bar or the
 * start of the window to the run's clock, and lets go of bars that the archive has by now. What is answered is kept
 * file by file, so that an interruption loses one file at most.
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
    // An archive whose CSV is gone counts as whole: its holes are not known.
    for (const range of known ?? [spanOf(archive, slots)]) ofArchives.push(range);
  }
  const covered = union(ofArchives);
  // A file that the load has rejected is asked for again, without the bar for which it was.
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

  // A month is built whole: bars for one whose archives were pruned wait until these are fetched again.
  const passedOver = union([...covered, ...settled, ...prunedMonths(archives)]);
  const missing = subtract(wantedRange(options, slots, oldest), passedOver);
  const answered: Range[] = [];
  const pending = new Map<string, { readonly rows: Row[]; readonly leftOut: string[] }>();
  const odd: { at: string; defect: string }[] = [];
  let bars = 0;
  /** Keeps the files of periods before `present`, or all, and then what was answered for before the bars that are left. */
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

/** The slots from the first bar of a file to its last. */
const spanOfFile = ({ first_open_time: first = 0, last_open_time: last = 0 }: LedgerEntry, slots: Slots): Range =>
  spanOf({ first: first / 1000, last: last / 1000 }, slots);

/** Slots that open in the window, or from the first archived bar on, and have closed. */
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
