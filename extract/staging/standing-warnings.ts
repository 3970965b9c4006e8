import type { Ledger } from './ledger.ts';

/** Keys that a run has warned of and later ones do not ask for again while their ETag stays, by kind of warning. */
export function standingWarnings(ledger: Ledger): Readonly<Record<'rejected' | 'unconfirmed', readonly string[]>> {
  const standing = { rejected: [] as string[], unconfirmed: [] as string[] };
  for (const { key, status, known_defect, reissue, reason } of ledger.holding('"reason":')) {
    if (!key.endsWith('.zip')) continue; // bars of the exchange's API
    const last = reissue ?? { status, known_defect };
    if (last.status === 'rejected' && last.known_defect === undefined) standing.rejected.push(key);
    if (last.status === 'staged' && reason !== undefined) standing.unconfirmed.push(key);
  }
  return standing;
}
