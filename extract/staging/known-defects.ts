import { existsSync } from 'node:fs';
import { defectOf } from '../../exchange/bar-rules.ts';
import { parseKey } from '../../exchange/keys.ts';
import { type Reason, reason } from '../verify/reason.ts';
import type { Ledger } from './ledger.ts';
import { stagedFile } from './paths.ts';
import { openRows } from './staged-rows.ts';

/** A file that is known to be bad: its rejection is no news. */
export interface KnownDefect {
  readonly key: string;
  /** Of the zip; a re-issue is judged anew. */
  readonly sha256: string;
  readonly reason: string;
}

/** What is known of these bytes. */
export const knownDefect = (
  defects: readonly KnownDefect[],
  key: string,
  sha256: string | undefined,
): string | undefined => defects.find((defect) => defect.key === key && defect.sha256 === sha256)?.reason;

/** Brings what was rejected by earlier runs, or by the load, to what is known of it now. */
export function noteKnownDefects(ledger: Ledger, defects: readonly KnownDefect[]): void {
  for (const entry of [...ledger.holding('"status":"rejected"')]) {
    const known = knownDefect(defects, entry.key, entry.sha256);
    if (entry.status !== 'rejected' || known === entry.known_defect) continue;
    const { known_defect: _, ...found } = entry;
    ledger.record({ ...found, ...(known !== undefined && { known_defect: known }) });
  }
}

/** Keys of those that are staged and of which nothing is wrong. */
export function obsoleteDefects(
  ledger: Ledger,
  defects: readonly KnownDefect[],
  stagingDir: string,
): readonly string[] {
  const isGood = ({ key, sha256 }: KnownDefect): boolean => {
    const [entry, parsed] = [ledger.get(key), parseKey(key)];
    if (entry?.status !== 'staged' || entry.sha256 !== sha256 || parsed === undefined) return false;
    const csv = stagedFile(stagingDir, parsed);
    return existsSync(csv) && badValue(csv) === undefined;
  };
  return defects.filter(isGood).map(({ key }) => key);
}

/**
 * What the load would find in the values of a CSV that is well formed (A11, A14, B25), in its words; asked here only of the
 * few archives that known_defects names.
 */
export function badValue(file: string): Reason | undefined {
  using rows = openRows(file);
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const found = defectOf(row.split(','));
    if (found !== undefined) return reason(found.code, `row ${rows.count()}, ${found.says}`);
  }
  return undefined;
}
