import { type ArchiveKey, periodOf } from '../archive/keys.ts';
import { timeframes } from '../archive/timeframes.ts';
import { type Reason, reason } from './reason.ts';

/** What a whole, well-formed kline CSV holds. */
export interface CsvFacts {
  readonly row_count: number;
  /** µs since the epoch. */
  readonly first_open_time: number;
  readonly last_open_time: number;
  readonly header: boolean;
  /** Rows that repeat the row before them to the last byte (A10). */
  readonly duplicates: number;
  /** Days of the month, from 1, on which the grid of a fixed timeframe has slots without a bar (A15). */
  readonly incomplete_days: readonly number[];
}

/** Reads a CSV in pieces of any size, with flat memory. After a reason was returned it is of no further use. */
export interface CsvScanner {
  push(chunk: Buffer): Reason | undefined;
  end(): CsvFacts | Reason;
}

const DAY = 86_400_000_000;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;
const fieldsPerLine = 12;
/** Real lines have at most 190 bytes. */
const longestLine = 4096;
/** From here a number of digits is µs, below it ms: the year 5138 in ms, 1973 in µs (A2). */
const firstMicros = 1e14;

/**
 * Checks the lines of an archive's CSV: 12 fields of plain ASCII, open_time an integer in ms or µs inside the archive's
 * period (A2, A14), ascending, equal only where the whole row is (A10). The first byte after an optional byte-order
 * mark decides whether there is a header (A1, B6); CRLF, a missing last newline and blank lines at the end are fine (A6).
 * No string is made of a line, so that a pass costs less than inflating did.
 */
export function scanCsv(key: ArchiveKey): CsvScanner {
  const period = periodOf(key);
  if (period === undefined) throw new Error(`${key.symbol} ${key.period} has no period`);
  const start = period.start * 1000;
  const end = period.end * 1000;
  const length = timeframes[key.timeframe];
  const slot = length === undefined ? DAY : length * 1000;
  const slotsByDay = new Int32Array(Math.round((end - start) / DAY));

  /** The last whole line and what of the next is there. */
  let carry: Buffer = Buffer.alloc(0);
  /** Where in `carry` the last whole line starts, or -1 before the first. */
  let lastLine = -1;
  let begun = false;
  let header = false;
  let blank = false;
  let rows = 0;
  let duplicates = 0;
  let first = 0;
  let last = -1;
  let lastSlot = -1;

  const at = (newRows = 0) => `row ${rows + newRows + 1}`;

  /** Takes the whole lines of `bytes` from `from`; `previous` is where the line before stands in it. */
  function lines(bytes: Buffer, from: number, previous: number): Reason | undefined {
    const limit = bytes.lastIndexOf(NEWLINE) + 1;
    let position = from;
    let before = previous;
    // Numbers that a closure holds are boxed anew at each change; here, twice a row.
    let lastTime = last;
    let lastOfSlot = lastSlot;
    let newRows = 0;
    while (position < limit) {
      const line = position;
      let value = 0;
      let byte = bytes[position] as number;
      while (byte >= ZERO && byte <= NINE) {
        value = value * 10 + (byte - ZERO);
        byte = bytes[++position] as number;
      }
      if (byte !== COMMA || position === line || position - line > 16) {
        if (position === line && (byte === NEWLINE || (byte === RETURN && bytes[line + 1] === NEWLINE))) {
          blank = true;
          position = line + (byte === RETURN ? 2 : 1);
          continue;
        }
        return badStart(bytes, line, newRows);
      }
      let commas = 0;
      let high = 0;
      for (;;) {
        if (byte > COMMA) high |= byte;
        else if (byte === COMMA) commas++;
        else if (byte === NEWLINE) break;
        else if (byte < 0x20 && (byte !== RETURN || bytes[position + 1] !== NEWLINE)) {
          return reason('not_text', `${at(newRows)} holds byte ${byte}, which is no character of a CSV`);
        }
        byte = bytes[++position] as number;
      }
      if (high > 0x7f) return reason('not_text', `${at(newRows)} holds a character that is not ASCII`);
      if (commas !== fieldsPerLine - 1) return fieldCount(commas + 1, newRows);
      if (blank) return reason('field_count', `a blank line stands before ${at(newRows)}`);
      if (position - line > longestLine) return tooLong();

      const time = value >= firstMicros ? value : value * 1000;
      if (time < start || time >= end) {
        return reason('outside_period', `${at(newRows)} opens at ${value}, outside ${key.period}`);
      }
      if (time <= lastTime) {
        if (time < lastTime) return reason('not_ascending', `${at(newRows)} opens before the row above it`);
        if (bytes.compare(bytes, before, line, line, position + 1) !== 0) {
          return reason('not_ascending', `${at(newRows)} opens when the row above it does, and differs from it`);
        }
        duplicates++;
      }
      const ofSlot = Math.floor((time - start) / slot);
      if (ofSlot !== lastOfSlot) {
        lastOfSlot = ofSlot;
        const day = Math.floor((time - start) / DAY);
        slotsByDay[day] = (slotsByDay[day] as number) + 1;
      }
      if (lastTime < 0) first = time;
      lastTime = time;
      newRows++;
      before = line;
      position++;
    }
    last = lastTime;
    lastSlot = lastOfSlot;
    rows += newRows;
    // The line before is kept because the next may repeat it.
    const keep = before < 0 ? position : before;
    carry = Buffer.from(bytes.subarray(keep));
    lastLine = before < 0 ? -1 : 0;
    done = position - keep;
    return carry.length - done > longestLine ? tooLong() : undefined;
  }
  /** Bytes of `carry` that are whole lines. */
  let done = 0;

  const fieldCount = (count: number) => reason('field_count', `${at(newRows)} has ${count} fields instead of ${fieldsPerLine}`);
  const tooLong = () => reason('line_too_long', `${at(newRows)} has more than ${longestLine} bytes`);

  function badStart(bytes: Buffer, line: number): Reason {
    const text = bytes.toString('latin1', line, Math.min(bytes.indexOf(NEWLINE, line), line + 400)).trimEnd();
    const fields = text.split(',');
    if (text.length < 400 && fields.length !== fieldsPerLine) return fieldCount(fields.length);
    return reason('open_time_not_a_number', `${at(newRows)} opens at ${JSON.stringify(fields[0]?.slice(0, 40))}`);
  }

  /** Passes over a byte-order mark and a header. Returns where data begins, or -1 while the first line is not whole. */
  function begin(bytes: Buffer): number | Reason {
    const mark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    const letter = bytes[mark] ?? 0;
    const newline = bytes.indexOf(NEWLINE, mark);
    if (newline < 0) return bytes.length > longestLine ? tooLong() : -1;
    begun = true;
    if (!isLetter(letter)) return mark;
    header = true;
    const fields = bytes.toString('latin1', mark, newline).trimEnd().split(',');
    if (fields.length !== fieldsPerLine) {
      return reason('field_count', `the header has ${fields.length} fields instead of ${fieldsPerLine}`);
    }
    // A header names all its columns; `NaN,1,2…` is a broken row, and dropping it would lose a bar.
    const unnamed = fields.find((field) => !/^\s*[a-z]/i.test(field) || /^\s*(nan|inf)/i.test(field));
    if (unnamed === undefined) return newline + 1;
    return reason('open_time_not_a_number', `the first line is neither a row nor a header: ${JSON.stringify(unnamed)}`);
  }

  function push(chunk: Buffer): Reason | undefined {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    if (begun) return lines(bytes, done, lastLine);
    const from = begin(bytes);
    if (typeof from !== 'number') return from;
    if (from >= 0) return lines(bytes, from, -1);
    carry = bytes;
    return undefined;
  }

  return {
    push,
    end() {
      if (carry.length > done) {
        const problem = push(Buffer.from('\n'));
        if (problem !== undefined) return problem;
      }
      if (rows === 0) return reason('no_rows', 'the file has no row');
      const expected = DAY / slot;
      const incomplete_days: number[] = [];
      for (const [day, slots] of slotsByDay.entries()) {
        if (length !== undefined && slots < expected) incomplete_days.push(day + 1);
      }
      return { row_count: rows, first_open_time: first, last_open_time: last, header, duplicates, incomplete_days };
    },
  };
}

const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
