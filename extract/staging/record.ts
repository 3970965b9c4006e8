import type { Planned } from '../plan/plan-series.ts';
import { compareCsv } from './compare-csv.ts';
import { digestFile } from './crc.ts';
import type { LedgerEntry, Revision } from './journal.ts';
import { stagedFile, supersededFile } from './paths.ts';
import { reasonOf, type StageOptions, type StageOutcome, type WantedArchive } from './stage-archive.ts';

/**
 * The line of the journal for what became of an archive, where `known` is what the ledger has of it. A new version that
 * could not be staged leaves the old one standing: what was verified once is not lost to a bad re-issue.
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
  // What was loaded stays so; that its CSV could not be had again is told where it is needed.
  if (known?.pruned && known.etag === etag) return known;
  const { status } = outcome;
  const reason = why ?? status;
  // No answer is no reason to build without what was verified before its CSV was lost (B26).
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
 * The revisions of an archive: those that the ledger has, and one more where it has another version as staged than has
 * been staged now. Rows are counted where the CSV of that version still lies under `superseded/` as it was staged.
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
