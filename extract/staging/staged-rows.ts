import { closeSync, openSync, readSync } from 'node:fs';
import { microsOf } from '../../exchange/bar-rules.ts';

const readBytes = 256 * 1024;
const RETURN = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;

/** µs since the epoch. */
export const openTimeOf = (row: string): number => microsOf(Number(row.slice(0, row.indexOf(','))));

interface Rows extends Disposable {
  next(): string | undefined;
  /** Data rows so far, those that repeat the one before them among them. */
  count(): number;
}

/**
 * The data rows of a staged CSV in their order and in flat memory, without line ends (A6), header and byte-order mark
 * (A1); of a row that repeats the one before it the first (A10).
 */
export function openRows(file: string): Rows {
  const descriptor = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(readBytes);
  let lines: readonly string[] = [];
  let at = 0;
  /** The start of a line that goes on in the next piece. */
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
        // A header begins with a letter, a blank line with nothing.
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
