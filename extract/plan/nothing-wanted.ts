import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Window, writeWhole } from '../../engine/index.ts';
import { seriesId } from '../../exchange/keys.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { Scope } from '../options.ts';
import type { Plan } from './plan-all.ts';

/** Everything that a plan without requests depends on, besides the staged files themselves. */
export interface PlanBasis extends Pick<Scope, 'instrument_types' | 'timeframes'> {
  readonly listing: ArchiveListing;
  /** Digest of the ledger. */
  readonly ledger: string;
  readonly window: Window | undefined;
  readonly asOf: Date;
}

type Settled = Plan['settled'];

const shape = z.object({
  basis: z.string(),
  settled: z.object({ staged: z.int(), rejected: z.int(), known: z.int(), absent: z.int(), failed: z.int() }),
});

const file = (stagingDir: string): string => join(stagingDir, 'nothing-wanted.json');

/** What had become of all archives when a plan on this basis last wanted nothing; `undefined` where none is known to have. */
export function whereNothingWasWanted(stagingDir: string, basis: PlanBasis): Settled | undefined {
  let text: string;
  try {
    text = readFileSync(file(stagingDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const known = shape.safeParse(parseJson(text)).data;
  return known?.basis === digestOf(basis, known?.settled) ? known?.settled : undefined;
}

/** Notes that a plan on this basis wants nothing. Throws DISK_FULL. */
export function noteNothingWanted(stagingDir: string, basis: PlanBasis, settled: Settled): void {
  writeWhole(file(stagingDir), `${JSON.stringify({ basis: digestOf(basis, settled), settled })}\n`);
}

/** Changes with what a plan asks for again, so that what was noted by other rules does not count. */
const rules = 2;

/** It covers what had become of the archives too, so that a damaged note counts as none. */
function digestOf(
  { listing, ledger, window, asOf, instrument_types, timeframes }: PlanBasis,
  settled: Settled | undefined,
): string {
  const series = listing.series.map(({ series, head }) => `${seriesId(series)} ${head.digest}`);
  const month = asOf.toISOString().slice(0, 7);
  return hash('sha256', JSON.stringify([rules, ledger, window, month, instrument_types, timeframes, series, settled]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
