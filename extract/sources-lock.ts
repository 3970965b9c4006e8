import { readFileSync } from 'node:fs';
import { formatCount, type PipelineError, type Window } from '../engine/index.ts';
import { type ArchiveKey, parseKey, periodOf, seriesId } from '../exchange/keys.ts';
import { SourceError } from './failure.ts';
import type { ArchiveListing } from './listing/archive-listing.ts';
import type { ListedObject } from './listing/series-state.ts';
import type { Scope } from './options.ts';
import type { Plan } from './plan/plan-all.ts';
import type { LedgerEntry } from './staging/journal.ts';
import type { Ledger } from './staging/ledger.ts';
import type { StageOutcome } from './staging/stage-archive.ts';

/** An archive as it was when sources.lock was written. */
export interface LockedArchive {
  readonly key: string;
  readonly size_bytes: number;
  readonly etag: string;
  /** SHA-256 of the zip, or `rejected` or `absent` if the archive was not staged. */
  readonly sha256: string;
}

const firstLine = /^# sources\.lock 1, target \S+: key size etag sha256$/;
const line = /^(\S.*) (\d+) (\S+) ([0-9a-f]{64}|rejected|absent)$/;

/** Returns the locked form of a ledger entry, or `undefined` for an archive that could not be fetched. */
export function lockedAs({ key, size_bytes, etag, status, sha256 }: LedgerEntry): LockedArchive | undefined {
  const answer = status === 'staged' ? sha256 : status;
  return answer === undefined || answer === 'failed' ? undefined : { key, size_bytes, etag, sha256: answer };
}

/** Formats a lock as one line per archive, sorted by key, so that the same archives give the same bytes. */
export function formatLock(target: string, archives: readonly LockedArchive[]): string {
  const lines = archives
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, size_bytes, etag, sha256 }) => `${key} ${size_bytes} ${etag} ${sha256}\n`);
  return `# sources.lock 1, target ${target}: key size etag sha256\n${lines.join('')}`;
}

/** Reads a lock, by key. Throws LOCK_INVALID if it cannot be read or has an invalid line. */
export function readLock(file: string): ReadonlyMap<string, LockedArchive> {
  const [head = '', ...lines] = textOf(file).split('\n');
  if (!firstLine.test(head)) throw invalid(file, 1, 'this is not a sources.lock of this version');
  // A file that was truncated in the middle of a line does not end with a newline.
  if (lines.pop() !== '') throw invalid(file, lines.length + 2, 'the file is truncated');
  const archives = new Map<string, LockedArchive>();
  for (const [at, text] of lines.entries()) {
    const [, key = '', size, etag = '', sha256 = ''] = line.exec(text) ?? [];
    if (parseKey(key) === undefined)
      throw invalid(file, at + 2, 'the line is not an archive key with size, ETag and SHA-256');
    archives.set(key, { key, size_bytes: Number(size), etag, sha256 });
  }
  return archives;
}

const writeIt = 'write it again with pnpm pipeline archive lock';

const invalid = (file: string, at: number, message: string) =>
  new SourceError('LOCK_INVALID', message, { file, line: at, hint: `restore the file, or ${writeIt}` });

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SourceError('LOCK_INVALID', 'sources.lock, which --locked needs, cannot be read', {
      file,
      hint: 'run without --locked, then write it with pnpm pipeline archive lock',
      cause,
    });
  }
}

interface Difference {
  readonly key: string;
  readonly kind: 'changed' | 'missing' | 'new';
  /** The found and the locked version, as text for users. */
  readonly text: string;
}

export interface LockScope extends Scope {
  readonly listing: ArchiveListing;
  readonly ledger: Ledger;
  readonly window: Window | undefined;
}

/** Checks that a run uses exactly the archives of a lock. */
export interface LockDemand {
  /**
   * Call it before the archives of a plan are fetched, and once more when nothing is left to fetch. Throws
   * SOURCES_DIFFER if anything listed, staged or wanted in the run's scope differs from the lock.
   */
  check(plan: Plan): void;
  /** Records the outcome of an archive. */
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
      if (is !== was) taken.push({ key, kind: 'changed', text: `it is ${is}, but ${was} in the lock` });
    },
  };
}

const versionOf = ({ size_bytes, etag }: Pick<LockedArchive, 'size_bytes' | 'etag'>): string =>
  `${formatCount(size_bytes)} bytes with ETag ${etag}`;

function compareListed(locked: LockedArchive | undefined, { key, size_bytes, etag }: ListedObject) {
  if (locked === undefined) return { key, kind: 'new', text: 'it is not in the lock' } as const;
  if (locked.size_bytes === size_bytes && locked.etag === etag) return undefined;
  const text = `the listing has ${versionOf({ size_bytes, etag })}, the lock has ${versionOf(locked)}`;
  return { key, kind: 'changed', text } as const;
}

/** Every staged archive is loaded, so each must be the locked one, even if the plan would not request it. */
function compareStaged(locked: ReadonlyMap<string, LockedArchive>, staged: LockedArchive | undefined) {
  if (staged === undefined) return undefined;
  const { key } = staged;
  const was = locked.get(key);
  if (was === undefined) return { key, kind: 'new', text: 'it is staged, but not in the lock' } as const;
  if (was.sha256 === staged.sha256) return undefined;
  return {
    key,
    kind: 'changed',
    text: `the staged SHA-256 is ${staged.sha256}, but ${was.sha256} in the lock`,
  } as const;
}

/** Yields the locked archives of the scope that are no longer listed, or are listed in another version. */
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
      if (object === undefined) yield { key: archive.key, kind: 'missing', text: 'it is in the lock, but not listed' };
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
  return new SourceError(
    'SOURCES_DIFFER',
    `the archive differs from sources.lock: ${counts}; the first: ${first.text}`,
    {
      file,
      key: first.key,
      hint:
        'limit the range with --start and --end to what is locked, or accept what the archive has now: ' +
        'run without --locked, then run pnpm pipeline archive lock',
    },
  );
}
