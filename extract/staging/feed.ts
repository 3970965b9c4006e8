import { csvLine, type TableFeed } from '../../engine/index.ts';
import { parseStagedKey, parseUnknownSymbolKey, periodOf } from '../../exchange/keys.ts';
import { sqlDate, sqlTimestamp, sqlTimestampOfMicros, writeLines } from '../csv.ts';
import type { LedgerEntry, Revision } from './journal.ts';
import type { Ledger } from './ledger.ts';

const columns = [
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

/** Opens the ledger, which a feed whose digest is known already need not do. */
type OpenLedger = () => Ledger;

/** The rows of `staged_archives`. */
export const stagedArchivesFeed = (ledger: OpenLedger, digest: () => string): TableFeed =>
  feedOf(digest, columns, function* lines() {
    for (const entry of ledger().entries()) yield lineOf(entry);
  });

/** The rows of `archive_revisions`: of every archive the first revision is 1. */
export const archiveRevisionsFeed = (ledger: OpenLedger, digest: () => string): TableFeed =>
  feedOf(digest, revisionColumns, function* lines() {
    for (const { key, revisions = [] } of ledger().holding('"revisions":[')) {
      for (const [before, revision] of revisions.entries()) yield revisionLine(key, before + 1, revision);
    }
  });

/** One partition, as a table of the ledger is replaced whole. */
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

function lineOf(entry: LedgerEntry): string {
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

/** What a key says: the columns from `instrument_type` to `period_end`. */
function partsOf(key: string): readonly (string | null)[] {
  const file = parseStagedKey(key);
  const period = file && periodOf(file);
  if (file !== undefined && period !== undefined) {
    const { instrument_type, cadence, symbol, timeframe } = file;
    return [instrument_type, cadence, symbol, timeframe, sqlDate(period.start), sqlDate(period.end)];
  }
  const unknown = parseUnknownSymbolKey(key);
  if (unknown === undefined)
    throw new Error(`the ledger has the key ${key}, which is neither of an archive nor of bars`);
  return [unknown.instrument_type, 'rest', unknown.symbol, null, null, null];
}

/** What is known of a file says more than what was found in it. */
const reasonIn = ({ known_defect, reason }: Pick<LedgerEntry, 'known_defect' | 'reason'>): string | undefined =>
  known_defect === undefined ? reason : `known_defect: ${known_defect}`;
