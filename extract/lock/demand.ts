import { formatCount, type PipelineError, type Window } from '../../engine/index.ts';
import { type ArchiveKey, parseKey, periodOf, seriesId } from '../../exchange/keys.ts';
import { SourceError } from '../failure.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { ListedObject } from '../listing/series-state.ts';
import type { Scope } from '../options.ts';
import type { Plan } from '../plan/plan-all.ts';
import type { Ledger } from '../staging/ledger.ts';
import type { StageOutcome } from '../staging/stage-archive.ts';
import { type LockedArchive, lockedAs, readLock } from './lock-file.ts';

interface Difference {
  readonly key: string;
  readonly kind: 'changed' | 'missing' | 'new';
  /** The found and the locked version, as text for people. */
  readonly text: string;
}

export interface LockScope extends Scope {
  readonly listing: ArchiveListing;
  readonly ledger: Ledger;
  readonly window: Window | undefined;
}

/** Holds a run to a lock. */
export interface LockDemand {
  /**
   * To be called before the archives of a plan are fetched, and once more when nothing is left to fetch. Throws
   * SOURCES_DIFFER where what is listed, staged or wanted in the run's scope is not what the lock has.
   */
  check(plan: Plan): void;
  /** Notes what an archive turned out to be. */
  take(object: ListedObject, outcome: StageOutcome): void;
}

export function demandLock(file: string, scope: LockScope): LockDemand {
  const locked = readLock(file);
  const taken: Difference[] = [];
  return {
    check(plan) {
      const found = new Map<string, Difference>();
      const add = (difference: Difference | undefined) => difference && found.set(difference.key, difference);
      for (const { object } of plan.wanted()) add(compareListed(locked.get(object.key), object));
      for (const entry of scope.ledger.entries()) {
        if (entry.status === 'staged' && isInScope(entry.key, scope)) add(compareStaged(locked, lockedAs(entry)));
      }
      for (const difference of [...unlisted(locked, scope), ...taken]) add(difference);
      if (found.size > 0) throw sourcesDiffer(file, [...found.values()]);
    },
    take({ key }, outcome) {
      const is = outcome.status === 'staged' ? outcome.sha256 : outcome.status;
      const was = locked.get(key)?.sha256;
      if (is !== was) taken.push({ key, kind: 'changed', text: `it is ${is}, and ${was} in the lock` });
    },
  };
}

const versionOf = ({ size_bytes, etag }: Pick<LockedArchive, 'size_bytes' | 'etag'>): string =>
  `${formatCount(size_bytes)} bytes with ETag ${etag}`;

function compareListed(locked: LockedArchive | undefined, { key, size_bytes, etag }: ListedObject) {
  if (locked === undefined) return { key, kind: 'new', text: 'it is not in the lock' } as const;
  if (locked.size_bytes === size_bytes && locked.etag === etag) return undefined;
  const text = `${versionOf({ size_bytes, etag })} are listed, ${versionOf(locked)} are in the lock`;
  return { key, kind: 'changed', text } as const;
}

/** Every staged archive is loaded, so each must be the locked one, whether the plan would ask for it or not. */
function compareStaged(locked: ReadonlyMap<string, LockedArchive>, staged: LockedArchive | undefined) {
  if (staged === undefined) return undefined;
  const { key } = staged;
  const was = locked.get(key);
  if (was === undefined) return { key, kind: 'new', text: 'it is staged, and not in the lock' } as const;
  if (was.sha256 === staged.sha256) return undefined;
  return { key, kind: 'changed', text: `${staged.sha256} is staged, ${was.sha256} is in the lock` } as const;
}

/** Locked archives of the scope that are listed no longer, or in another version. */
function* unlisted(locked: ReadonlyMap<string, LockedArchive>, scope: LockScope): Iterable<Difference> {
  const inScope = [...locked.values()].filter(({ key }) => isInScope(key, scope));
  const bySeries = Map.groupBy(inScope, ({ key }) => seriesId(parseKey(key) as ArchiveKey));
  const listed = new Map(scope.listing.series.map(({ series }) => [seriesId(series), series]));
  for (const [id, archives] of bySeries) {
    const series = listed.get(id);
    const objects = new Map((series ? scope.listing.objects(series) : []).map((object) => [object.key, object]));
    for (const archive of archives) {
      const object = objects.get(archive.key);
      const difference = object && compareListed(archive, object);
      if (object === undefined) yield { key: archive.key, kind: 'missing', text: 'it is in the lock, and not listed' };
      else if (difference !== undefined) yield difference;
    }
  }
}

function isInScope(key: string, { instrument_types, timeframes, symbols, window }: LockScope): boolean {
  const parsed = parseKey(key);
  if (parsed === undefined) return false;
  const isAsked =
    instrument_types.includes(parsed.instrument_type) &&
    timeframes.includes(parsed.timeframe) &&
    (symbols.length === 0 || symbols.includes(parsed.symbol));
  if (!isAsked || window === undefined) return isAsked;
  const period = periodOf(parsed);
  return period !== undefined && period.start < window.end.getTime() && window.start.getTime() < period.end;
}

function sourcesDiffer(file: string, differences: readonly Difference[]): PipelineError {
  const count = (kind: Difference['kind']) => differences.filter((one) => one.kind === kind).length;
  const counts = (['changed', 'missing', 'new'] as const)
    .map((kind) => `${formatCount(count(kind))} ${kind}`)
    .join(', ');
  const first = differences.toSorted((a, b) => (a.key < b.key ? -1 : 1))[0] as Difference;
  return new SourceError('SOURCES_DIFFER', `the archive is not that of the lock: ${counts}; the first: ${first.text}`, {
    file,
    key: first.key,
    hint:
      'limit the range with --start and --end to what is locked, or accept what the archive has now: ' +
      'run without --locked, then pnpm pipeline archive lock',
  });
}
