import { statSync } from 'node:fs';
import { parseKey } from '../archive/keys.ts';
import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';
import { stagedFile } from './paths.ts';

/**
 * What the ledger has of a key, unless the CSV that it tells of is gone or of another size. One that was pruned need not be
 * there, but in a rebuild. What this run has asked for is not looked at again: it has just put it there.
 */
export function intactEntries(
  ledger: Ledger,
  { stagingDir, rebuild }: { readonly stagingDir: string; readonly rebuild: boolean },
  asked: ReadonlySet<string> = new Set(),
): (key: string) => LedgerEntry | undefined {
  const intact = new Set<string>();
  return (key) => {
    const entry = ledger.get(key);
    if (entry?.status !== 'staged' || intact.has(key) || asked.has(key)) return entry;
    if (entry.pruned) return rebuild ? undefined : entry;
    const parsed = parseKey(key);
    const found = parsed && statSync(stagedFile(stagingDir, parsed), { throwIfNoEntry: false });
    if (found?.size !== entry.csv_bytes) return undefined;
    intact.add(key);
    return entry;
  };
}
