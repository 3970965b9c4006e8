import type { RowChanges } from './compare-csv.ts';

/** What became of an archive; `staged` is the only one whose CSV is there, unless it was pruned. */
export type ArchiveStatus = 'staged' | 'rejected' | 'absent' | 'failed';

/** A line of the journal: what the last run that asked for an archive found. */
export interface LedgerEntry {
  readonly key: string;
  /** ETag of the listing it was asked for with. */
  readonly etag: string;
  readonly status: ArchiveStatus;
  /** Why it is not staged, or what is odd about it. */
  readonly reason?: string;
  /** What `known_defects` says of a rejected one. */
  readonly known_defect?: string;
  /** As-of of the run, ISO 8601. */
  readonly staged_at: string;
  /** Of the listing, ISO 8601. */
  readonly last_modified: string;
  /** Of the zip, by the listing. */
  readonly size_bytes: number;
  /** Of the zip. */
  readonly sha256?: string;
  readonly csv_bytes?: number;
  /** CRC-32 of the CSV, 8 hex digits; missing of what was staged before it was noted, and not loaded since. */
  readonly csv_crc32?: string;
  readonly row_count?: number;
  /** µs since the epoch. */
  readonly first_open_time?: number;
  readonly last_open_time?: number;
  readonly header?: boolean;
  /** Its CSV was removed after it had been loaded; it is fetched again where its partition has to be built again. */
  readonly pruned?: true;
  /** Its CSV was lost, and this came of fetching it again; what was loaded of it stays. */
  readonly unfetched?: { readonly status: Exclude<ArchiveStatus, 'staged'>; readonly reason: string };
  /** A daily archive that was fetched for what its monthly one did not give; it makes way when that one does. */
  readonly repair?: true;
  readonly duplicates?: number;
  /** Days of the month on which bars are missing. */
  readonly incomplete_days?: readonly number[];
  /** A later version that could not be staged, so that this one still stands (A18). */
  readonly reissue?: {
    readonly etag: string;
    readonly status: Exclude<ArchiveStatus, 'staged'>;
    readonly reason: string;
    readonly known_defect?: string;
  };
  /** Every time that a staged version was replaced by another, oldest first (A18). */
  readonly revisions?: readonly Revision[];
}

/** What a re-issue changed of what had been published before (A18). */
export interface Revision extends Partial<RowChanges> {
  readonly etag: string;
  readonly sha256: string;
  readonly previous_etag: string;
  readonly previous_sha256?: string;
  /** As-of of the run that staged it, ISO 8601. */
  readonly revised_at: string;
}
