import { hash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { writeWhole } from '../../engine/index.ts';
import { formatKey, type RestKey } from '../../exchange/keys.ts';
import { formatCrc } from '../staging/crc.ts';
import type { LedgerEntry } from '../staging/journal.ts';
import type { Ledger } from '../staging/ledger.ts';
import { stagedFile } from '../staging/paths.ts';

/** A row of a file of bars from the exchange. */
export interface Row {
  /** ms since 1970. */
  readonly open: number;
  readonly line: string;
}

export interface RestStore {
  /** Returns the staged bars, or none if the file is missing or not what was staged. */
  rows(key: RestKey): readonly Row[];
  isIntact(entry: LedgerEntry, key: RestKey): boolean;
  /** Adds bars to the staged ones, and records which were left out, as `open time: reason`. Throws DISK_FULL. */
  add(key: RestKey, rows: readonly Row[], leftOut?: readonly string[]): void;
  /** Keeps only these bars, because the archive now has the others. Throws DISK_FULL. */
  keep(key: RestKey, rows: readonly Row[]): void;
}

const leftOutMark = 'left_out: ';
const timeLength = '2025-07-09T01:00:00.000Z'.length;
/** The maximum number of notes per file, so that the lines of the ledger stay short. */
const mostNotes = 20;

/** Stores bars from the exchange as CSVs, and records each file in the ledger once it is in place. */
export function createRestStore(ledger: Ledger, stagingDir: string, asOf: Date): RestStore {
  const isIntact = (entry: LedgerEntry, key: RestKey): boolean =>
    intactCsv(stagedFile(stagingDir, key), entry) !== undefined;

  function rows(key: RestKey): readonly Row[] {
    const entry = ledger.get(formatKey(key));
    const csv = entry?.status === 'staged' ? intactCsv(stagedFile(stagingDir, key), entry) : undefined;
    if (csv === undefined) return [];
    const lines = csv.toString('latin1').split('\n').slice(0, -1);
    return lines.map((line) => ({ open: Number(line.slice(0, line.indexOf(','))), line }));
  }

  /** Returns which bars were left out, according to the ledger and to this run, and have not been received since. */
  function notesOf(key: RestKey, kept: readonly Row[], leftOut: readonly string[]): string | undefined {
    const reason = ledger.get(formatKey(key))?.reason;
    const before = reason?.startsWith(leftOutMark) ? reason.slice(leftOutMark.length).split('; ') : [];
    const byTime = new Map([...before, ...leftOut].map((text) => [text.slice(0, timeLength), text]));
    for (const { open } of kept) byTime.delete(new Date(open).toISOString());
    return byTime.size === 0 ? undefined : leftOutMark + [...byTime.values()].slice(0, mostNotes).join('; ');
  }

  function write(key: RestKey, kept: readonly Row[], leftOut: readonly string[] = []): void {
    const reason = notesOf(key, kept, leftOut);
    if (kept.length === 0) {
      recordNothing(key, 'rejected', reason ?? leftOutMark);
      return;
    }
    const csv = Buffer.from(kept.map(({ line }) => `${line}\n`).join(''));
    writeWhole(stagedFile(stagingDir, key), csv);
    const sha256 = hash('sha256', csv);
    const staged_at = asOf.toISOString();
    ledger.record({
      ...{ key: formatKey(key), etag: sha256, status: 'staged', staged_at, last_modified: staged_at },
      ...{
        size_bytes: csv.length,
        sha256,
        csv_bytes: csv.length,
        csv_crc32: formatCrc(crc32(csv)),
        row_count: kept.length,
      },
      ...{ header: false, duplicates: 0, ...(reason !== undefined && { reason }) },
      ...{ first_open_time: (kept[0]?.open ?? 0) * 1000, last_open_time: (kept.at(-1)?.open ?? 0) * 1000 },
    });
  }

  function recordNothing(key: RestKey, status: 'absent' | 'rejected', reason: string): void {
    const at = asOf.toISOString();
    const facts = { etag: 'rest', reason, staged_at: at, last_modified: at, size_bytes: 0 };
    ledger.record({ key: formatKey(key), status, ...facts });
  }

  return {
    rows,
    isIntact,
    add(key, added, leftOut) {
      const byOpen = new Map([...rows(key), ...added].map((row) => [row.open, row]));
      write(
        key,
        [...byOpen.values()].sort((a, b) => a.open - b.open),
        leftOut,
      );
    },
    keep(key, kept) {
      if (kept.length > 0) return write(key, kept);
      recordNothing(key, 'absent', 'archived: the archive has all its bars');
      rmSync(stagedFile(stagingDir, key), { force: true });
    },
  };
}

/** Returns the bytes of a file of bars if they have the SHA-256 with which they were staged. */
function intactCsv(file: string, { sha256 }: LedgerEntry): Buffer | undefined {
  try {
    const csv = readFileSync(file);
    return hash('sha256', csv) === sha256 ? csv : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
