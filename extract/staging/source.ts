import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StagedSource } from '../../engine/index.ts';
import { parseKey } from '../archive/keys.ts';
import { writeBatches } from './batches.ts';
import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';
import { partitionOf, rejectedFile, stagedFile } from './paths.ts';
import { wantAgain } from './prune.ts';
import { renameMaking, writeWhole } from './write.ts';

/**
 * The lines of the staged CSVs, each behind the key of its archive. Partitions are those of `ohlcv`:
 * `instrument_type/symbol/timeframe/YYYY-MM-01`.
 */
export function stagedKlines(
  ledger: Ledger,
  { stagingDir, asOf }: { readonly stagingDir: string; readonly asOf: Date },
): StagedSource {
  return {
    async open(partitions, { directory, signal }) {
      const wanted = new Set(partitions);
      const archives: { readonly key: string; readonly file: string }[] = [];
      const pruned: LedgerEntry[] = [];
      for (const entry of ledger.entries()) {
        const key = entry.status === 'staged' ? parseKey(entry.key) : undefined;
        if (key === undefined || !wanted.has(partitionOf(key))) continue;
        if (entry.pruned) pruned.push(entry);
        archives.push({ key: entry.key, file: stagedFile(stagingDir, key) });
      }
      if (pruned.length > 0) throw wantAgain(ledger, pruned);
      archives.sort((a, b) => (a.key < b.key ? -1 : 1));
      return writeBatches(archives, join(directory, 'staged_klines'), signal);
    },

    async reject(archives) {
      for (const { key, reason } of archives) {
        const entry = ledger.get(key);
        const parsed = parseKey(key);
        if (entry?.status !== 'staged' || parsed === undefined) continue;
        const rejected = rejectedEntry(entry, reason, asOf);
        const place = rejectedFile(stagingDir, parsed);
        const csv = stagedFile(stagingDir, parsed);
        writeWhole(`${place}.reason.json`, `${JSON.stringify(rejected, undefined, 2)}\n`);
        if (existsSync(csv)) renameMaking(csv, `${place}.csv`);
        ledger.record(rejected);
      }
      ledger.close();
    },
  };
}

function rejectedEntry(entry: LedgerEntry, reason: string, asOf: Date): LedgerEntry {
  const { csv_bytes: _, reissue: __, incomplete_days: ___, ...kept } = entry;
  return { ...kept, status: 'rejected', reason, staged_at: asOf.toISOString() };
}
