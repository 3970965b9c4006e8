import type { TableFeed } from '../../engine/index.ts';
import { csvLine, sqlTimestamp, sqlTimestampOfMicros, writeLines } from '../csv.ts';
import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';

const columns = [
  'key',
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

/** The rows of `staged_archives`: one partition, as the table is replaced whole. */
export function stagedArchivesFeed(ledger: Ledger): TableFeed {
  return {
    get partitions() {
      return new Map([['', ledger.digest]]);
    },
    async writeCsv(partitions, file) {
      writeLines(file, partitions.has('') ? linesOf(ledger) : [csvLine(columns)]);
    },
  };
}

function* linesOf(ledger: Ledger): Generator<string> {
  yield csvLine(columns);
  for (const entry of ledger.entries()) yield lineOf(entry);
}

function lineOf(entry: LedgerEntry): string {
  const { first_open_time: first, last_open_time: last, reissue } = entry;
  const own = entry.reason ?? (entry.pruned && 'pruned: its CSV was removed after it was loaded');
  const reason = reissue ? `re-issue ${reissue.etag} ${reissue.status}: ${reissue.reason}` : own;
  return csvLine([
    entry.key,
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
