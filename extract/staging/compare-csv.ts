import { setImmediate as nextTurn } from 'node:timers/promises';
import { firstMicros } from '../../exchange/bar-rules.ts';
import { openRows, openTimeOf } from './staged-rows.ts';

/** How the rows of two versions of an archive differ, by open time. */
export interface RowChanges {
  /** In both, with other figures. */
  readonly rows_changed: number;
  readonly rows_added: number;
  readonly rows_removed: number;
}

/** Rows compared before others get their turn. */
const rowsAtOnce = 10_000;
/** The columns from open to taker_buy_quote_volume; the last one is not stored (A3). */
const closeTime = 6;
const ignored = 11;

/**
 * Compares two staged CSVs, whatever their size, in flat memory: headers, line ends and the way a number is written do
 * not count (A1, A5, A6), nor whether a time is in ms or µs (A2), nor does a row that appears twice (A10).
 */
export async function compareCsv(before: string, after: string, signal: AbortSignal): Promise<RowChanges> {
  using old = openRows(before);
  using now = openRows(after);
  const changes = { rows_changed: 0, rows_added: 0, rows_removed: 0 };
  let [a, b] = [old.next(), now.next()];
  for (let rows = 1; a !== undefined || b !== undefined; rows++) {
    if (rows % rowsAtOnce === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    const order = a === b ? 0 : timeOf(a) - timeOf(b);
    if (order < 0) changes.rows_removed++;
    else if (order > 0) changes.rows_added++;
    else if (a !== b && !sameFigures(a as string, b as string)) changes.rows_changed++;
    if (order <= 0) a = old.next();
    if (order >= 0) b = now.next();
  }
  return changes;
}

/** Infinity past the last row, so that the other file's rows sort first. */
const timeOf = (row: string | undefined): number => (row === undefined ? Number.POSITIVE_INFINITY : openTimeOf(row));

function sameFigures(a: string, b: string): boolean {
  const [old, now] = [a.split(','), b.split(',')];
  for (let column = 1; column < ignored; column++) {
    const [one, other] = [Number(old[column]), Number(now[column])];
    if (one !== other && !(column === closeTime && sameTime(one, other))) return false;
  }
  return true;
}

/** A time in µs says more than the same in ms: `…999999` and `…999` close together. */
const sameTime = (a: number, b: number): boolean =>
  a >= firstMicros !== b >= firstMicros && Math.floor(Math.max(a, b) / 1000) === Math.min(a, b);
