import type { Progress } from '../../engine/index.ts';
import type { Failure } from '../failure.ts';
import type { PlannedArchive } from '../plan/plan-all.ts';
import type { Planned } from '../plan/plan-series.ts';
import { digestFile } from './crc.ts';
import type { LedgerEntry, Revision } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { stagedFile, supersededFile } from './paths.ts';
import { reasonOf, type StageOptions, type StageOutcome, type WantedArchive } from './stage-archive.ts';
import { compareCsv } from './staged-rows.ts';

/**
 * Returns the ledger's new entry for the outcome of an archive, given its current entry in `known`. If a new version
 * cannot be staged, the old one remains: a bad re-issue must not replace what was verified before.
 */
export function entryOf(
  { object, why: wanted }: Pick<Planned, 'object' | 'why'>,
  outcome: StageOutcome,
  known: LedgerEntry | undefined,
  asOf: Date,
  revisions: readonly Revision[],
): LedgerEntry {
  const { key, etag, last_modified, size_bytes } = object;
  const staged_at = asOf.toISOString();
  const revised = revisions.length > 0 && { revisions };
  const repair = (wanted === 'repair' || known?.repair) && ({ repair: true } as const);
  const why = reasonOf(outcome);
  if (outcome.status === 'staged') {
    const { facts, csv_bytes, csv_crc32 } = outcome.unpacked;
    const { incomplete_days, ...figures } = facts;
    return {
      ...{ key, etag, status: 'staged', ...(why !== undefined && { reason: why }), staged_at, last_modified },
      ...{ size_bytes, sha256: outcome.sha256, csv_bytes, csv_crc32, ...figures },
      ...repair,
      ...(incomplete_days.length > 0 && { incomplete_days }),
      ...revised,
    };
  }
  // What was loaded remains. Where its CSV is needed, that it could not be fetched again is reported.
  if (known?.pruned && known.etag === etag) return known;
  const { status } = outcome;
  const reason = why ?? status;
  // A failed request is no reason to build without data that was verified before its CSV was lost (B26).
  if (known?.status === 'staged' && known.etag === etag && status !== 'rejected')
    return { ...known, unfetched: { status, reason } };
  const { sha256, knownDefect } = outcome.status === 'rejected' ? outcome : {};
  const noted = knownDefect !== undefined && { known_defect: knownDefect };
  if (known?.status === 'staged' && known.etag !== etag)
    return { ...known, reissue: { etag, status, reason, ...noted } };
  return {
    ...{ key, etag, status, reason, ...noted, staged_at, last_modified, size_bytes },
    ...(sha256 !== undefined && { sha256 }),
    ...repair,
    ...revised,
  };
}

/**
 * Returns the revisions of an archive: those in the ledger, and a new one if a different version has just been staged.
 * Changed rows are counted only if the CSV of the previous version is still intact under `superseded/`.
 */
export async function revisionsOf(
  { key, object }: Pick<WantedArchive, 'key' | 'object'>,
  before: LedgerEntry | undefined,
  outcome: StageOutcome,
  { stagingDir, asOf, signal }: Pick<StageOptions, 'stagingDir' | 'asOf' | 'signal'>,
): Promise<readonly Revision[]> {
  const known = before?.revisions ?? [];
  if (outcome.status !== 'staged' || before?.status !== 'staged' || before.etag === object.etag) return known;
  const superseded = supersededFile(stagingDir, key, before.etag);
  const revision: Revision = {
    etag: object.etag,
    sha256: outcome.sha256,
    previous_etag: before.etag,
    ...(before.sha256 !== undefined && { previous_sha256: before.sha256 }),
    ...((await isAsStaged(superseded, before, signal)) &&
      (await compareCsv(superseded, stagedFile(stagingDir, key), signal))),
    revised_at: asOf.toISOString(),
  };
  return [...known, revision];
}

async function isAsStaged(file: string, { csv_bytes, csv_crc32 }: LedgerEntry, signal: AbortSignal): Promise<boolean> {
  const found = await digestFile(file, signal);
  return found !== undefined && found.bytes === csv_bytes && (csv_crc32 === undefined || found.crc32 === csv_crc32);
}

/** What a run has done so far. */
export interface Tally {
  readonly progress: Omit<Progress, 'retries'> & { readonly total: number; readonly records: number };
  /** The number of staged archives, by reason. */
  readonly staged: Readonly<Record<PlannedArchive['why'], number>>;
  readonly failures: readonly Failure[];
  /** The number of failures since the last response. */
  readonly failuresInARow: number;
  /** Archives that could not be fetched, and how many of them since the last one that could. */
  readonly misses: Misses;
  readonly missesInARow: number;
  expect(plan: { readonly files: number; readonly bytes: number }): void;
  count(planned: PlannedArchive, outcome: StageOutcome): void;
}

/** The numbers of archives that could not be fetched as listed. */
export interface Misses {
  readonly failed: number;
  /** Answered with 404. */
  readonly absent: number;
}

export function createTally(): Tally {
  const progress = { done: 0, total: 0, unit: 'files', bytes: 0, totalBytes: 0, records: 0, rejected: 0 };
  const staged = { new: 0, reissued: 0, repair: 0, again: 0, pruned: 0 };
  const failures: Failure[] = [];
  const misses = { failed: 0, absent: 0 };
  let failuresInARow = 0;
  let missesInARow = 0;
  return {
    progress,
    staged,
    failures,
    misses,
    get missesInARow() {
      return missesInARow;
    },
    get failuresInARow() {
      return failuresInARow;
    },
    expect({ files, bytes }) {
      progress.total += files;
      progress.totalBytes += bytes;
    },
    count({ why, object }, outcome) {
      progress.done++;
      progress.bytes += object.size_bytes;
      failuresInARow = outcome.status === 'failed' ? failuresInARow + 1 : 0;
      const isMiss = outcome.status === 'failed' || outcome.status === 'absent';
      missesInARow = isMiss ? missesInARow + 1 : 0;
      if (isMiss) misses[outcome.status]++;
      if (outcome.status === 'failed') failures.push(outcome.failure);
      if (outcome.status === 'rejected' && outcome.knownDefect === undefined) progress.rejected++;
      if (outcome.status !== 'staged') return;
      progress.records += outcome.unpacked.facts.row_count;
      staged[why]++;
    },
  };
}

/** Returns the keys that caused a warning and are not requested again while their ETag stays, by kind of warning. */
export function standingWarnings(ledger: Ledger): Readonly<Record<'rejected' | 'unconfirmed', readonly string[]>> {
  const standing = { rejected: [] as string[], unconfirmed: [] as string[] };
  for (const { key, status, known_defect, reissue, reason } of ledger.holding('"reason":')) {
    if (!key.endsWith('.zip')) continue; // bars of the exchange's API
    const last = reissue ?? { status, known_defect };
    if (last.status === 'rejected' && last.known_defect === undefined) standing.rejected.push(key);
    if (last.status === 'staged' && reason !== undefined) standing.unconfirmed.push(key);
  }
  return standing;
}
