import { closeSync, openSync, readSync } from 'node:fs';

export interface Row {
  /** µs since the epoch. */
  readonly open_time: number;
  readonly line: string;
}

const readBytes = 256 * 1024;
/** From here a number of digits is µs, below it ms (A2). */
export const firstMicros = 1e14;

/** The data rows of a staged CSV in their order, of a row that repeats the one before it the first. */
export function openRows(file: string): Disposable & { next(): Row | undefined } {
  const descriptor = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(readBytes);
  let lines: readonly string[] = [];
  let at = 0;
  /** The start of a line that goes on in the next piece. */
  let rest = '';
  let ended = false;
  let last = '';
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
      for (let text = nextLine(); text !== undefined; text = nextLine()) {
        const line = text.endsWith('\r') ? text.slice(0, -1) : text;
        // A header, or a byte-order mark: only there a line begins with no digit (A1).
        const skipped = isFirst && !/^\d/.test(line) ? line.replace(/^\u00ef\u00bb\u00bf/, '') : line;
        isFirst = false;
        if (!/^\d/.test(skipped) || skipped === last) continue;
        last = skipped;
        const time = Number(skipped.slice(0, skipped.indexOf(',')));
        return { open_time: time >= firstMicros ? time : time * 1000, line: skipped };
      }
      return undefined;
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
