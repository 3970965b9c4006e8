import type { ListedObject } from '../listing/series-state.ts';
import type { ArchiveStatus, LedgerEntry } from '../staging/journal.ts';
import { isMd5 } from '../verify/checksum.ts';

/** Why an archive is asked for. */
export type Why =
  | 'new'
  /** Its ETag differs from that of what is staged (A18). */
  | 'reissued'
  /** A daily file for a day that the monthly file of its month misses, or cannot give (A15). */
  | 'repair'
  /** The last attempt did not get the listed archive: no answer, a 404 or other bytes (B23). */
  | 'again'
  /** Its CSV was removed after it had been loaded, and its month is to be built again. */
  | 'pruned';

export interface Planned {
  readonly object: ListedObject;
  readonly why: Why;
}

/** The outcome of the listed version of an archive; `known`: rejected, and known to be bad. */
export type SettledStatus = ArchiveStatus | 'known';

export interface Settled {
  readonly object: ListedObject;
  /** Outcome of the listed version; an earlier one may still be staged. */
  readonly status: SettledStatus;
}

export interface SeriesPlan {
  readonly wanted: readonly Planned[];
  /** Archives in the range whose listed version has been settled. */
  readonly settled: readonly Settled[];
  /** Daily archives that were fetched in place of what a monthly one now has: what serves a month depends on no history. */
  readonly obsolete: readonly ListedObject[];
}

export interface PlanInput {
  /** Both ascending by period. */
  readonly monthly: readonly ListedObject[];
  readonly daily: readonly ListedObject[];
  /** True if the monthly archives could not be listed: a month without one may have one, so its days wait. */
  readonly monthsUnknown: boolean;
  /** Returns the ledger's entry of a key, as long as its CSV is still there. */
  readonly known: (key: string) => LedgerEntry | undefined;
  /** Days as `YYYY-MM-DD`, half-open; without it everything listed is wanted. */
  readonly window: { readonly start: string; readonly end: string } | undefined;
  /** Month of the run's clock, `YYYY-MM`: earlier months are closed. */
  readonly asOfMonth: string;
  /** Keys that this run has asked for already; nothing is asked for twice. */
  readonly asked: ReadonlySet<string>;
}

/**
 * The archives of one symbol and timeframe that are to be fetched now: the monthly one of each closed month that the
 * window touches, the daily ones of the window's days elsewhere, and those of days that a monthly file misses. Which
 * of them serve a month depends on the listing alone, so that a run for each day reads what one run for all days reads.
 * Days that a monthly file misses are known once it is staged: plan again then, with what was asked.
 */
export function planSeries(input: PlanInput): SeriesPlan {
  const { window } = input;
  const wanted: Planned[] = [];
  const settled: Settled[] = [];
  const obsolete: ListedObject[] = [];

  /** Sorts an archive into what is settled and what is wanted; `needless` tells whether only a re-issue is wanted. */
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
        // Until a monthly file is staged it is not known what it misses; one that failed may be staged by the next run.
        return answer !== 'staged' || !isMissing;
      };
      consider(day, answer === undefined ? 'new' : 'repair', isNeedless);
    }
    // A month is built from all of its archives, those outside the window too.
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

/** `failed`: this run has asked for it, and what came was not the listed archive; `refused`: it is bad, or not there. */
type Answer = 'staged' | 'refused' | 'failed' | 'open' | 'again' | 'reissued';

/** Returns what is known of the listed version of an archive. */
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
 * Whether the listed bytes came and were found bad; nothing else is an answer. Earlier versions called archives rejected
 * whose bytes never came, and ledgers keep what they wrote: by the reason those can be told (B23).
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
