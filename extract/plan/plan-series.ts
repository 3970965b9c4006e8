import type { ListedObject } from '../listing/series-state.ts';
import type { ArchiveStatus, LedgerEntry } from '../staging/journal.ts';
import { isMd5 } from '../verify/checksum.ts';

/** The reason why an archive is fetched. */
export type Why =
  | 'new'
  /** Its ETag differs from that of the staged version (A18). */
  | 'reissued'
  /** A daily archive for a day that the monthly archive lacks, or for a month whose archive is unusable (A15). */
  | 'repair'
  /** The last attempt did not get the listed archive, but no answer, a 404 or different bytes (B23). */
  | 'again'
  /** Its CSV was removed after the load, and its month has to be built again. */
  | 'pruned';

export interface Planned {
  readonly object: ListedObject;
  readonly why: Why;
}

/** The outcome of the listed version of an archive. `known` means rejected for a known defect. */
export type SettledStatus = ArchiveStatus | 'known';

export interface Settled {
  readonly object: ListedObject;
  /** The outcome of the listed version. An earlier version may still be staged. */
  readonly status: SettledStatus;
}

export interface SeriesPlan {
  readonly wanted: readonly Planned[];
  /** Archives in the range that need no request, since the outcome of the listed version is known. */
  readonly settled: readonly Settled[];
  /**
   * Daily archives that were fetched because a monthly one lacked their day, which it now contains. They are removed,
   * so that the archives used for a month do not depend on earlier runs.
   */
  readonly obsolete: readonly ListedObject[];
}

export interface PlanInput {
  /** Both ascending by period. */
  readonly monthly: readonly ListedObject[];
  readonly daily: readonly ListedObject[];
  /**
   * True if the monthly archives could not be listed. Days of closed months then wait, since a monthly one may exist.
   */
  readonly monthsUnknown: boolean;
  /** Returns the ledger's entry for a key, provided that its CSV still exists. */
  readonly known: (key: string) => LedgerEntry | undefined;
  /** Days as `YYYY-MM-DD`, half-open. If it is missing, everything listed is wanted. */
  readonly window: { readonly start: string; readonly end: string } | undefined;
  /** The month of the run's clock, `YYYY-MM`. Earlier months are closed. */
  readonly asOfMonth: string;
  /** Keys that this run has already requested. Nothing is requested twice. */
  readonly asked: ReadonlySet<string>;
}

/**
 * Plans which archives of one symbol and timeframe to fetch now: the monthly archive of each closed month that overlaps
 * the window, daily archives for the other days of the window, and daily archives for days that a monthly one lacks.
 * The choice depends only on the listing, so that one run per day reads the same archives as one run for all days.
 * The days that a monthly archive lacks are known once it is staged, so plan again then, with the keys in `asked`.
 */
export function planSeries(input: PlanInput): SeriesPlan {
  const { window } = input;
  const wanted: Planned[] = [];
  const settled: Settled[] = [];
  const obsolete: ListedObject[] = [];

  /** Adds an archive to the settled or the wanted ones. If `needless` returns true, only a re-issue of it is wanted. */
  function consider(object: ListedObject, why: Why, needless: () => boolean = () => false): Answer {
    const answer = answerOf(object, input);
    if (answer === 'staged' || answer === 'refused' || answer === 'failed')
      settled.push({ object, status: statusOf(object, input) });
    else if (answer === 'reissued' || !needless()) wanted.push({ object, why: answer === 'open' ? why : answer });
    return answer;
  }

  const daysOf = groupByMonth(input.daily);
  const monthlyOf = new Map(input.monthly.map((object) => [object.period, object]));
  for (const month of [...new Set([...monthlyOf.keys(), ...daysOf.keys()])].sort()) {
    if (!touches(month, window)) continue;
    const days = daysOf.get(month) ?? [];
    const before = { wanted: wanted.length, settled: settled.length };
    const isClosed = month < input.asOfMonth;
    const wholeMonth = isClosed ? monthlyOf.get(month) : undefined;
    const unlisted = isClosed && input.monthsUnknown ? 'failed' : undefined;
    const answer = wholeMonth === undefined ? unlisted : consider(wholeMonth, 'new');
    const missing = wholeMonth && input.known(wholeMonth.key)?.incomplete_days;
    for (const day of days) {
      const isMissing = missing?.includes(Number(day.period.slice(8))) === true;
      if (answer === 'staged' && !isMissing && input.known(day.key)?.repair) {
        obsolete.push(day);
        continue;
      }
      if (!inWindow(day.period, window)) continue;
      const isNeedless = () => {
        if (answer === undefined || answer === 'refused') return false;
        // What a monthly archive lacks is unknown until it is staged, and one that failed may be staged by the next
        // run.
        return answer !== 'staged' || !isMissing;
      };
      consider(day, answer === undefined ? 'new' : 'repair', isNeedless);
    }
    // A month is built from all of its archives, including those outside the window.
    const objects = [...(monthlyOf.has(month) ? [monthlyOf.get(month) as ListedObject] : []), ...days];
    const own = new Set(wanted.slice(before.wanted).map(({ object }) => object.key));
    if (own.size === 0 && !objects.some(({ key }) => input.asked.has(key))) continue;
    const pruned = objects.filter(
      (object) =>
        input.known(object.key)?.pruned &&
        !own.has(object.key) &&
        !input.asked.has(object.key) &&
        !obsolete.includes(object),
    );
    wanted.push(...pruned.map((object) => ({ object, why: 'pruned' }) as const));
    const still = settled.splice(before.settled).filter(({ object }) => !pruned.includes(object));
    settled.push(...still);
  }
  return { wanted, settled, obsolete };
}

/** `failed`: this run has requested it and did not get the listed archive. `refused`: it is bad or does not exist. */
type Answer = 'staged' | 'refused' | 'failed' | 'open' | 'again' | 'reissued';

/** Returns what is known about the listed version of an archive. */
function answerOf(object: ListedObject, { known, asked }: PlanInput): Answer {
  const entry = known(object.key);
  const hasStaged = entry?.status === 'staged';
  if (asked.has(object.key)) return hasStaged ? 'staged' : entry?.status === 'failed' ? 'failed' : 'refused';
  if (entry === undefined) return 'open';
  if (entry.etag === object.etag) {
    if (hasStaged) return 'staged';
    return hasCome(entry) ? 'refused' : 'again';
  }
  if (!hasStaged) return 'open';
  const { reissue } = entry;
  return reissue?.etag === object.etag && hasCome(reissue) ? 'staged' : 'reissued';
}

function statusOf(object: ListedObject, { known, asked }: PlanInput): SettledStatus {
  const entry = known(object.key);
  if (entry?.unfetched !== undefined && asked.has(object.key)) return entry.unfetched.status;
  const { status, known_defect } = (entry?.reissue?.etag === object.etag ? entry.reissue : entry) ?? {
    status: 'failed',
  };
  return status === 'rejected' && known_defect !== undefined ? 'known' : status;
}

/**
 * True if an archive arrived as listed and was rejected for its content. Earlier versions also recorded archives as
 * rejected if other bytes had arrived. Their entries are recognized by the reason (B23).
 */
function hasCome({ status, reason = '', etag, known_defect }: Outcome): boolean {
  if (status !== 'rejected' || neverCame.test(reason)) return false;
  return isMd5(etag) || known_defect !== undefined || !reason.startsWith('checksum_mismatch:');
}

type Outcome = Pick<LedgerEntry, 'status' | 'reason' | 'etag' | 'known_defect'>;

const neverCame = /^(html: the host sent|size_mismatch:|md5_mismatch:|checksum_missing:|checksum_malformed:)/;

const touches = (month: string, window: PlanInput['window']): boolean =>
  window === undefined || (month >= window.start.slice(0, 7) && `${month}-01` < window.end);

const inWindow = (day: string, window: PlanInput['window']): boolean =>
  window === undefined || (day >= window.start && day < window.end);

function groupByMonth(daily: readonly ListedObject[]): ReadonlyMap<string, readonly ListedObject[]> {
  const months = new Map<string, ListedObject[]>();
  for (const object of daily) {
    const month = object.period.slice(0, 7);
    const group = months.get(month);
    if (group === undefined) months.set(month, [object]);
    else group.push(object);
  }
  return months;
}
