import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { firstMicros, microsOf } from '../../exchange/bar-rules.ts';

const readBytes = 256 * 1024;
const RETURN = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;

/** Returns the open time of a row, in µs since the epoch. */
export const openTimeOf = (row: string): number => microsOf(Number(row.slice(0, row.indexOf(','))));

interface Rows extends Disposable {
  next(): string | undefined;
  /** Returns the number of data rows so far, including those that repeat the row before them. */
  count(): number;
}

/**
 * Reads the data rows of a staged CSV in order, with constant memory. Line ends (A6), header and byte-order mark (A1)
 * are removed, and a row that repeats the one before it is skipped (A10).
 */
export function openRows(file: string): Rows {
  const descriptor = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(readBytes);
  let lines: readonly string[] = [];
  let at = 0;
  /** The start of a line that continues in the next chunk. */
  let rest = '';
  let ended = false;
  let last = '';
  let count = 0;
  let isFirst = true;

  function nextLine(): string | undefined {
    while (at === lines.length) {
      if (ended) return undefined;
      const length = readSync(descriptor, chunk, 0, readBytes, null);
      ended = length === 0;
      const pieces = (rest + chunk.toString('latin1', 0, length)).split('\n');
      rest = ended ? '' : (pieces.pop() as string);
      [lines, at] = [pieces, 0];
    }
    return lines[at++];
  }

  return {
    next() {
      for (let line = nextLine(); line !== undefined; line = nextLine()) {
        const text = isFirst ? line.replace(/^\u00ef\u00bb\u00bf/, '') : line;
        const row = text.charCodeAt(text.length - 1) === RETURN ? text.slice(0, -1) : text;
        isFirst = false;
        // Headers begin with a letter, and blank lines are empty.
        const lead = row.charCodeAt(0);
        if (!(lead >= ZERO && lead <= NINE)) continue;
        count++;
        if (row === last) continue;
        last = row;
        return row;
      }
      return undefined;
    },
    count: () => count,
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** The differences between the rows of two versions of an archive, by open time. */
export interface RowChanges {
  /** Rows that are in both versions with different values. */
  readonly rows_changed: number;
  readonly rows_added: number;
  readonly rows_removed: number;
}

/** Rows to compare before yielding to the event loop. */
const rowsAtOnce = 10_000;
/** Positions of columns. The last one is not stored (A3). */
const closeTime = 6;
const ignored = 11;

/**
 * Compares two staged CSVs of any size with constant memory. It ignores headers, line ends, the way in which numbers
 * are written (A1, A5, A6), the unit of times (A2) and repeated rows (A10).
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

/** Returns infinity after the last row, so that the remaining rows of the other file come first. */
const timeOf = (row: string | undefined): number => (row === undefined ? Number.POSITIVE_INFINITY : openTimeOf(row));

function sameFigures(a: string, b: string): boolean {
  const [old, now] = [a.split(','), b.split(',')];
  for (let column = 1; column < ignored; column++) {
    const [one, other] = [Number(old[column]), Number(now[column])];
    if (one !== other && !(column === closeTime && sameTime(one, other))) return false;
  }
  return true;
}

/** True if one time is in µs and the other is the same in ms: a bar closes at `…999999` µs or at `…999` ms. */
const sameTime = (a: number, b: number): boolean =>
  a >= firstMicros !== b >= firstMicros && Math.floor(Math.max(a, b) / 1000) === Math.min(a, b);
