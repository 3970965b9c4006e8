import { closeSync } from 'node:fs';
import { openMaking, writeFully } from '../engine/aside.ts';
import { csvLine, machineFault, partitionText, type TableFeed } from '../engine/index.ts';
import { parseStagedKey, parseUnknownSymbolKey, periodOf, type Series } from '../exchange/keys.ts';
import type { ArchiveListing } from './listing/archive-listing.ts';
import type { ListedObject } from './listing/series-state.ts';
import type { LedgerEntry, Revision } from './staging/journal.ts';
import type { Ledger } from './staging/ledger.ts';

const objectColumns = [
  'key',
  'instrument_type',
  'cadence',
  'symbol',
  'timeframe',
  'period_start',
  'period_end',
  'size_bytes',
  'etag',
  'last_modified',
  'listed_at',
];

const objectPartition = ({ instrument_type, cadence, timeframe, symbol }: Series): string =>
  partitionText(instrument_type, cadence, timeframe, symbol);

/** Returns the rows of `archive_objects`, partitioned by instrument_type/cadence/timeframe/symbol. */
export function archiveObjectsFeed(listing: ArchiveListing): TableFeed {
  return {
    partitions: new Map(
      listing.series
        .filter(({ head }) => head.objects > 0)
        .map(({ series, head }) => [objectPartition(series), head.digest]),
    ),
    async writeCsv(partitions, file) {
      writeLines(file, objectLines(listing, partitions));
    },
  };
}

function* objectLines(listing: ArchiveListing, partitions: ReadonlySet<string>): Generator<string> {
  yield csvLine(objectColumns);
  for (const { series } of listing.series) {
    if (!partitions.has(objectPartition(series))) continue;
    for (const object of listing.objects(series)) yield objectLine(series, object);
  }
}

function objectLine(series: Series, object: ListedObject): string {
  const period = periodOf({ cadence: series.cadence, period: object.period });
  if (period === undefined) throw new Error(`the stored listing contains ${object.key}, which has no valid period`);
  return csvLine([
    object.key,
    series.instrument_type,
    series.cadence,
    series.symbol,
    series.timeframe,
    sqlDate(period.start),
    sqlDate(period.end),
    object.size_bytes,
    object.etag,
    sqlTimestamp(object.last_modified),
    sqlTimestamp(object.listed_at),
  ]);
}

const stagedColumns = [
  'key',
  'instrument_type',
  'cadence',
  'symbol',
  'timeframe',
  'period_start',
  'period_end',
  'etag',
  'sha256',
  'size_bytes',
  'row_count',
  'first_open_time',
  'last_open_time',
  'status',
  'reason',
  'staged_at',
];

const revisionColumns = [
  'key',
  'revision',
  'etag',
  'sha256',
  'previous_etag',
  'previous_sha256',
  'rows_changed',
  'rows_added',
  'rows_removed',
  'revised_at',
];

/** Opens the ledger. A feed does not need it if its digest is already known and its rows are not wanted. */
type OpenLedger = () => Ledger;

/** Returns the rows of `staged_archives`. */
export const stagedArchivesFeed = (ledger: OpenLedger, digest: () => string): TableFeed =>
  feedOf(digest, stagedColumns, function* lines() {
    for (const entry of ledger().entries()) yield stagedLine(entry);
  });

/** Returns the rows of `archive_revisions`. The revisions of an archive are numbered from 1. */
export const archiveRevisionsFeed = (ledger: OpenLedger, digest: () => string): TableFeed =>
  feedOf(digest, revisionColumns, function* lines() {
    for (const { key, revisions = [] } of ledger().holding('"revisions":[')) {
      for (const [before, revision] of revisions.entries()) yield revisionLine(key, before + 1, revision);
    }
  });

/** A table of the ledger has a single partition, since it is always replaced as a whole. */
function feedOf(digest: () => string, header: readonly string[], lines: () => Iterable<string>): TableFeed {
  function* linesOf(isChanged: boolean): Iterable<string> {
    yield csvLine(header);
    if (isChanged) yield* lines();
  }
  return {
    get partitions() {
      return new Map([['', digest()]]);
    },
    async writeCsv(partitions, file) {
      writeLines(file, linesOf(partitions.has('')));
    },
  };
}

const revisionLine = (key: string, number: number, revision: Revision): string =>
  csvLine([
    key,
    number,
    revision.etag,
    revision.sha256,
    revision.previous_etag,
    revision.previous_sha256 ?? null,
    revision.rows_changed ?? null,
    revision.rows_added ?? null,
    revision.rows_removed ?? null,
    sqlTimestamp(revision.revised_at),
  ]);

function stagedLine(entry: LedgerEntry): string {
  const { first_open_time: first, last_open_time: last, reissue, unfetched } = entry;
  const lost = unfetched && `its CSV is lost, and fetching it again gave ${unfetched.reason}`;
  const own = lost ?? reasonIn(entry) ?? (entry.pruned && 'pruned: its CSV was removed after it was loaded');
  const reason = reissue ? `re-issue ${reissue.etag} ${reissue.status}: ${reasonIn(reissue)}` : own;
  return csvLine([
    entry.key,
    ...partsOf(entry.key),
    entry.etag,
    entry.sha256 ?? null,
    entry.size_bytes,
    entry.row_count ?? null,
    first === undefined ? null : sqlTimestampOfMicros(first),
    last === undefined ? null : sqlTimestampOfMicros(last),
    entry.status,
    reason ?? null,
    sqlTimestamp(entry.staged_at),
  ]);
}

/** Returns the columns that follow from a key: those from `instrument_type` to `period_end`. */
function partsOf(key: string): readonly (string | null)[] {
  const file = parseStagedKey(key);
  const period = file && periodOf(file);
  if (file !== undefined && period !== undefined) {
    const { instrument_type, cadence, symbol, timeframe } = file;
    return [instrument_type, cadence, symbol, timeframe, sqlDate(period.start), sqlDate(period.end)];
  }
  const unknown = parseUnknownSymbolKey(key);
  if (unknown === undefined)
    throw new Error(
      `the ledger contains the key ${key}, which is neither that of an archive nor that of a file of bars`,
    );
  return [unknown.instrument_type, 'rest', unknown.symbol, null, null, null];
}

/** A known defect explains more than the finding itself, so it takes precedence. */
const reasonIn = ({ known_defect, reason }: Pick<LedgerEntry, 'known_defect' | 'reason'>): string | undefined =>
  known_defect === undefined ? reason : `known_defect: ${known_defect}`;

/** Writes lines to a file, a few hundred KB at a time. Throws DISK_FULL. */
function writeLines(file: string, lines: Iterable<string>): void {
  try {
    const descriptor = openMaking(file);
    try {
      let pending = '';
      for (const line of lines) {
        pending += line;
        if (pending.length < 256 * 1024) continue;
        writeFully(descriptor, Buffer.from(pending));
        pending = '';
      }
      writeFully(descriptor, Buffer.from(pending));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw machineFault(error, file);
  }
}

/** Formats an ISO 8601 time in UTC as `2025-07-10 09:00:00.000`. */
const sqlTimestamp = (iso: string): string => iso.replace('T', ' ').replace('Z', '');

/** Formats ms since the epoch as `2025-07-10`. */
const sqlDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Formats µs since the epoch as `2025-07-10 09:00:00.000000`. */
export function sqlTimestampOfMicros(micros: number): string {
  const ms = Math.floor(micros / 1000);
  return sqlTimestamp(new Date(ms).toISOString()) + String(micros - ms * 1000).padStart(3, '0');
}
