import type { LedgerEntry } from './entry.ts';
import type { Ledger } from './ledger.ts';
import { isThere, type Survey } from './survey.ts';

/**
 * What the ledger has of a key, unless the CSV that it tells of is gone or of another size. One that was pruned need not be
 * there, but in a rebuild. What this run has asked for is not looked at again: it has just put it there. Where there is a
 * survey, no file is looked at.
 */
export function intactEntries(
  ledger: Ledger,
  { stagingDir, rebuild }: { readonly stagingDir: string; readonly rebuild: boolean },
  asked: ReadonlySet<string> = new Set(),
  survey?: Survey,
): (key: string) => LedgerEntry | undefined {
  const intact = new Set<string>();
  const isIntact = (entry: LedgerEntry): boolean => {
    if (survey !== undefined) return !survey.broken.has(entry.key);
    if (!intact.has(entry.key) && isThere(stagingDir, entry)) intact.add(entry.key);
    return intact.has(entry.key);
  };
  return (key) => {
    const entry = ledger.get(key);
    if (entry?.status !== 'staged' || asked.has(key)) return entry;
    if (entry.pruned) return rebuild ? undefined : entry;
    return isIntact(entry) ? entry : undefined;
  };
}
