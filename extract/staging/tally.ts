import type { Progress } from '../../engine/index.ts';
import type { Failure } from '../failure.ts';
import type { PlannedArchive } from '../plan/plan-all.ts';
import type { Ledger } from './ledger.ts';
import type { StageOutcome } from './stage-archive.ts';

/** What a run has done so far. */
export interface Tally {
  readonly progress: Omit<Progress, 'retries'> & { readonly total: number; readonly records: number };
  /** Archives staged, by why they were. */
  readonly staged: Readonly<Record<PlannedArchive['why'], number>>;
  readonly failures: readonly Failure[];
  /** Failures since the last answer. */
  readonly failuresInARow: number;
  /** Archives that did not come, and how many of them since the last that did. */
  readonly misses: Misses;
  readonly missesInARow: number;
  expect(plan: { readonly files: number; readonly bytes: number }): void;
  count(planned: PlannedArchive, outcome: StageOutcome): void;
}

/** Archives of which the listed bytes did not come. */
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

/** Keys that a run has warned of and later ones do not ask for again while their ETag stays, by kind of warning. */
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
