import { existsSync } from 'node:fs';
import { defectOf } from '../../exchange/bar-rules.ts';
import { parseKey } from '../../exchange/keys.ts';
import { type Reason, reason } from '../verify/reason.ts';
import type { Ledger } from './ledger.ts';
import { stagedFile } from './paths.ts';
import { openRows } from './staged-rows.ts';

/** A file that is known to be bad, so that its rejection is not reported as a warning. */
export interface KnownDefect {
  readonly key: string;
  /** SHA-256 of the zip. A re-issue has another one and is judged on its own. */
  readonly sha256: string;
  readonly reason: string;
}

/** Returns the reason of the known defect that these bytes have, if there is one. */
export const knownDefect = (
  defects: readonly KnownDefect[],
  key: string,
  sha256: string | undefined,
): string | undefined => defects.find((defect) => defect.key === key && defect.sha256 === sha256)?.reason;

/** Updates rejections by earlier runs, or by the load, to the current list of known defects. */
export function noteKnownDefects(ledger: Ledger, defects: readonly KnownDefect[]): void {
  for (const entry of [...ledger.holding('"status":"rejected"')]) {
    const known = knownDefect(defects, entry.key, entry.sha256);
    if (entry.status !== 'rejected' || known === entry.known_defect) continue;
    const { known_defect: _, ...found } = entry;
    ledger.record({ ...found, ...(known !== undefined && { known_defect: known }) });
  }
}

/** Returns the keys of known defects whose files are staged and turn out to be good. */
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
 * Returns the first bad value that the load would find in a well-formed CSV (A11, A14, B25), in the same words. It is
 * checked here only for the few archives that known_defects names.
 */
export function badValue(file: string): Reason | undefined {
  using rows = openRows(file);
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const found = defectOf(row.split(','));
    if (found !== undefined) return reason(found.code, `row ${rows.count()}, ${found.says}`);
  }
  return undefined;
}
