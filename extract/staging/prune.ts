import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { countOf, type Freed, type PipelineError } from '../../engine/index.ts';
import { type ArchiveKey, formatKey, parseKey } from '../../exchange/keys.ts';
import { instrumentTypes } from '../../exchange/vocabulary.ts';
import { SourceError } from '../failure.ts';
import type { LedgerEntry } from './journal.ts';
import { Ledger, partitionOf } from './ledger.ts';
import { nameOfPathComponent, pathComponent, stagedFile } from './paths.ts';

/** Removes the CSVs of partitions that are loaded. The ledger keeps their entries and records that they are pruned. */
export function pruneStaged(stagingDir: string, partitions: ReadonlySet<string>): Freed {
  using ledger = Ledger.open(stagingDir);
  const freed = { files: 0, bytes: 0 };
  for (const entry of ledger.entries()) {
    const key = entry.status === 'staged' && !entry.pruned ? parseKey(entry.key) : undefined;
    if (key === undefined || !partitions.has(partitionOf(key))) continue;
    rmSync(stagedFile(stagingDir, key), { force: true });
    ledger.record({ ...entry, pruned: true });
    freed.files++;
    freed.bytes += entry.csv_bytes ?? 0;
  }
  ledger.compact();
  return freed;
}

/** Removes archives that others have replaced. The ledger forgets them first, so that a kill can only leave a file. */
export function makeWay(ledger: Ledger, obsolete: readonly ArchiveKey[], stagingDir: string): void {
  for (const key of obsolete) {
    ledger.forget(formatKey(key));
    rmSync(stagedFile(stagingDir, key), { force: true });
  }
}

/** Makes the next run fetch pruned archives whose partition has to be built again. Returns the error that says so. */
export function wantAgain(ledger: Ledger, pruned: readonly LedgerEntry[]): PipelineError {
  for (const { pruned: _, ...entry } of pruned) ledger.record(entry);
  ledger.close();
  const first = pruned[0] as LedgerEntry;
  return new SourceError(
    'OBJECT_ABSENT',
    `${countOf(pruned.length, 'archive that was pruned after the load is needed again', 'archives that were pruned after the load are needed again')}`,
    {
      key: first.key,
      hint: 'run the extract again, so that it fetches them: pnpm pipeline run --select +ohlcv',
    },
  );
}

const folders = [...instrumentTypes, 'superseded', 'rejected', 'damaged'];

/**
 * Removes all staged CSVs, superseded versions, and rejected and damaged files. Keeps the ledger, the listing, and
 * every file that does not have a name that a run gives.
 */
export async function removeStaged(stagingDir: string, signal: AbortSignal): Promise<Freed> {
  const freed = { files: 0, bytes: 0 };
  for (const folder of folders) {
    signal.throwIfAborted();
    const directory = join(stagingDir, folder);
    for (const file of filesBelow(directory).filter(isStaged)) {
      freed.files++;
      freed.bytes += statSync(file).size;
      rmSync(file);
    }
    removeEmpty(directory);
  }
  return freed;
}

/** True if a file is named like an archive of the symbol and timeframe after which its folders are named. */
function isStaged(file: string): boolean {
  const symbol = dirname(file);
  try {
    const name = `${nameOfPathComponent(basename(symbol))}-${basename(dirname(symbol))}-`;
    return basename(file).startsWith(pathComponent(`${name}x`).slice(0, -1));
  } catch {
    return false; // an escape that `pathComponent` never writes
  }
}

/** Removes a folder and its subfolders, except those that contain a file. */
function removeEmpty(directory: string): void {
  if (!existsSync(directory)) return;
  const entries = readdirSync(directory, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) removeEmpty(join(directory, entry.name));
  if (readdirSync(directory).length === 0) rmdirSync(directory);
}

function filesBelow(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
