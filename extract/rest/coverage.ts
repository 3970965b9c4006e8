import { existsSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ArchiveKey, periodOf } from '../../exchange/keys.ts';
import type { Slots } from '../../exchange/slots.ts';
import type { LedgerEntry } from '../staging/entry.ts';
import { stagedFile } from '../staging/paths.ts';
import { openRows, openTimeOf } from '../staging/rows.ts';
import { type Range, union } from './ranges.ts';

/** What the ledger has of an archive that is staged; times are ms. */
export interface StagedArchive {
  readonly key: ArchiveKey;
  readonly etag: string;
  readonly first: number;
  readonly last: number;
  readonly bars: number;
  /** Its CSV was removed after it was loaded. */
  readonly pruned: boolean;
}

export function stagedArchive(key: ArchiveKey, entry: LedgerEntry): StagedArchive | undefined {
  const { etag, status, row_count, first_open_time, last_open_time, duplicates = 0 } = entry;
  if (status !== 'staged' || row_count === undefined) return undefined;
  if (first_open_time === undefined || last_open_time === undefined) return undefined;
  return {
    key,
    etag,
    first: first_open_time / 1000,
    last: last_open_time / 1000,
    bars: row_count - duplicates,
    pruned: entry.pruned === true,
  };
}

/** The months that have archives which were pruned. */
export const prunedMonths = (archives: readonly StagedArchive[]): readonly Range[] =>
  union(
    archives.flatMap(({ key, pruned }): Range[] => {
      const month = pruned ? periodOf({ cadence: 'monthly', period: key.period.slice(0, 7) }) : undefined;
      return month === undefined ? [] : [[month.start, month.end]];
    }),
  );

/** Whether the ledger tells that no slot is missing between the first bar of an archive and its last. */
export function isWhole({ first, last, bars }: StagedArchive, { slotOf, opensAt }: Slots): boolean {
  const [from, to] = [slotOf(first), slotOf(last)];
  return opensAt(from) === first && opensAt(to) === last && to - from + 1 === bars;
}

/** The slots from a first bar to a last. */
export const spanOf = ({ first, last }: Pick<StagedArchive, 'first' | 'last'>, { slotOf, opensAt }: Slots): Range => [
  opensAt(slotOf(first)),
  opensAt(slotOf(last) + 1),
];

/** The slots that an archive has a bar in (A8), from its staged CSV; `undefined` where that is not there any more. */
export async function readCovered(
  { key, first }: StagedArchive,
  { slotOf, opensAt }: Slots,
  stagingDir: string,
  signal: AbortSignal,
): Promise<readonly Range[] | undefined> {
  const csv = stagedFile(stagingDir, key);
  if (!existsSync(csv)) return undefined;
  const covered: Range[] = [];
  let [start, end] = [slotOf(first), slotOf(first)];
  for await (const open of openTimes(csv, signal)) {
    const slot = slotOf(open);
    if (slot > end) {
      covered.push([opensAt(start), opensAt(end)]);
      start = slot;
    }
    end = slot + 1;
  }
  covered.push([opensAt(start), opensAt(end)]);
  return union(covered);
}

/** Rows read before others get their turn. */
const rowsAtOnce = 10_000;

/** Open times of a staged CSV in ms, of which only the shape was checked. */
async function* openTimes(file: string, signal: AbortSignal): AsyncGenerator<number> {
  using rows = openRows(file);
  let count = 0;
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    if (++count % rowsAtOnce === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    yield openTimeOf(row) / 1000;
  }
}
