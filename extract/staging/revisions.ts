import { compareCsv } from './compare-csv.ts';
import { digestFile } from './crc.ts';
import type { LedgerEntry, Revision } from './entry.ts';
import { stagedFile, supersededFile } from './paths.ts';
import type { StageOptions, StageOutcome, WantedArchive } from './stage-archive.ts';

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
