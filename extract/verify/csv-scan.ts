import { columnNamed, columns, microsOf, publishedNumber } from '../../exchange/bar-rules.ts';
import { type ArchiveKey, periodOf } from '../../exchange/keys.ts';
import { timeframes } from '../../exchange/timeframes.ts';
import { type Grid, scanRows } from '../kernel/kernel.ts';
import { type Reason, reason } from './reason.ts';

/** The facts about a complete, well-formed kline CSV. */
export interface CsvFacts {
  readonly row_count: number;
  /** µs since the epoch. */
  readonly first_open_time: number;
  readonly last_open_time: number;
  readonly header: boolean;
  /** Rows that repeat the row before them to the last byte (A10). */
  readonly duplicates: number;
  /** Days of the month, from 1, on which bars of a timeframe with a fixed length are missing (A15). */
  readonly incomplete_days: readonly number[];
}

/** Reads a CSV in pieces of any size, with constant memory. It must not be used again once it has returned a reason. */
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
const fieldsPerLine = columns.length;
/** Lines of real archives have at most 190 bytes. */
const longestLine = 4096;

/**
 * Checks the lines of an archive's CSV. Each must have 12 numbers (A34). `open_time` must be an integer in ms or µs
 * within the archive's period (A2, A14), and must ascend; it may repeat only if the whole row does (A10). The first
 * byte after an optional byte-order mark decides if there is a header (A1, B6), which must name the columns in their
 * order (A31). CRLF, a missing last newline and blank lines at the end are accepted (A6).
 * It creates no strings from lines, so that a scan costs less than inflating.
 */
export function scanCsv(key: ArchiveKey): CsvScanner {
  const rows = rowScanner(key);
  /** Contains bytes that are needed again. One buffer serves all chunks, to avoid garbage collection. */
  let work: Buffer = Buffer.alloc(0);
  let kept = 0;
  let begun = false;
  let header = false;

  function keep(rest: Buffer): undefined {
    if (work.length < rest.length) work = Buffer.concat([rest], rest.length);
    else rest.copy(work);
    kept = rest.length;
  }

  function append(chunk: Buffer): Buffer {
    if (kept === 0) return chunk;
    if (work.length < kept + chunk.length) work = Buffer.concat([work.subarray(0, kept)], 2 * (kept + chunk.length));
    chunk.copy(work, kept);
    return work.subarray(0, kept + chunk.length);
  }

  function push(chunk: Buffer): Reason | undefined {
    let bytes = append(chunk);
    if (!begun) {
      const lead = readLead(bytes);
      if (lead === undefined) return keep(bytes);
      if ('code' in lead) return lead;
      begun = true;
      header = lead.header;
      bytes = bytes.subarray(lead.length);
    }
    const rest = rows.take(bytes);
    return 'code' in rest ? rest : keep(rest);
  }

  return {
    push,
    end() {
      const problem = kept > rows.seen() ? push(Buffer.from('\n')) : undefined;
      return problem ?? rows.facts(header);
    },
  };
}

/**
 * Like `scanCsv`, for a CSV that is entirely in memory. If nothing about it is unusual, the kernel scans it in one go.
 */
export function scanWholeCsv(key: ArchiveKey, csv: Buffer): CsvFacts | Reason {
  const lead = readLead(csv);
  if (lead !== undefined && !('code' in lead)) {
    const grid = gridOf(key);
    const found = scanRows(csv.subarray(lead.length), grid);
    if (found !== undefined) {
      const { slotsByDay, ...figures } = found;
      return { ...figures, header: lead.header, duplicates: 0, incomplete_days: incompleteDays(slotsByDay, key, grid) };
    }
  }
  const scanner = scanCsv(key);
  return scanner.push(csv) ?? scanner.end();
}

/** Returns the grid of an archive. Timeframes without a fixed length use days as slots. */
function gridOf(key: ArchiveKey): Grid {
  const period = periodOf(key);
  if (period === undefined) throw new Error(`the period ${key.period} of ${key.symbol} is invalid`);
  const length = timeframes[key.timeframe];
  return { start: period.start * 1000, end: period.end * 1000, slot: length === undefined ? DAY : length * 1000 };
}

/**
 * Returns the days of the period, from 1, that lack rows, or none if the slots of the timeframe have no fixed length.
 */
function incompleteDays(
  slotsByDay: ArrayLike<number>,
  { timeframe }: ArchiveKey,
  { start, end, slot }: Grid,
): number[] {
  const days: number[] = [];
  if (timeframes[timeframe] === undefined) return days;
  for (let day = 0; day < Math.round((end - start) / DAY); day++) {
    if ((slotsByDay[day] as number) < DAY / slot) days.push(day + 1);
  }
  return days;
}

/** Returns the length of the byte-order mark and header, or `undefined` if the first line is still incomplete. */
function readLead(bytes: Buffer): { readonly length: number; readonly header: boolean } | Reason | undefined {
  const mark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const newline = bytes.indexOf(NEWLINE, mark);
  if (newline < 0) return bytes.length > longestLine ? tooLong(1) : undefined;
  if (!/[a-z]/i.test(String.fromCharCode(bytes[mark] as number))) return { length: mark, header: false };
  const problem = headerProblem(bytes.toString('latin1', mark, textEnd(bytes, newline + 1)));
  return problem ?? { length: newline + 1, header: true };
}

const fieldCount = (where: string, count: number): Reason =>
  reason('field_count', `${where} has ${count} fields instead of ${fieldsPerLine}`);

const tooLong = (row: number): Reason => reason('line_too_long', `row ${row} has more than ${longestLine} bytes`);

/** Checks complete lines of data and collects the facts about them. */
function rowScanner(key: ArchiveKey) {
  const grid = gridOf(key);
  const { start, end, slot } = grid;
  const slotsByDay = new Int32Array(Math.round((end - start) / DAY));
  const state = { rows: 0, duplicates: 0, first: 0, last: -1, lastSlot: -1, blank: false, seen: 0 };

  /** Takes the bytes that follow those of the last call. Returns the bytes that must be passed to it again. */
  function take(bytes: Buffer): Buffer | Reason {
    const limit = bytes.lastIndexOf(NEWLINE) + 1;
    // Numbers in an object are boxed at each change, those in local variables are not.
    let { rows, last, lastSlot, blank } = state;
    let before = rows === 0 ? -1 : 0;
    let position = state.seen;
    while (position < limit) {
      const line = position;
      let value = 0;
      let byte = bytes[position] as number;
      while (byte >= ZERO && byte <= NINE) {
        value = value * 10 + (byte - ZERO);
        byte = bytes[++position] as number;
      }
      if (byte !== COMMA || position === line || position - line > 16) {
        if (position > line || !isBlank(bytes, line)) return badStart(bytes, line, rows + 1);
        blank = true;
        position += byte === RETURN ? 2 : 1;
        continue;
      }
      let fields = 1;
      for (; byte === COMMA; fields++) {
        position = numberEnd(bytes, position + 1);
        byte = bytes[position] as number;
      }
      if (byte === RETURN) byte = bytes[++position] as number;
      if (byte !== NEWLINE || fields !== fieldsPerLine) return badRow(bytes, line, rows + 1);
      rows++;
      position++;
      if (blank) return reason('field_count', `there is a blank line before row ${rows}`);
      if (position - line > longestLine) return tooLong(rows);
      const time = microsOf(value);
      if (time < start || time >= end) {
        return reason('outside_period', `row ${rows} opens at ${value}, outside ${key.period}`);
      }
      if (time < last) return reason('not_ascending', `row ${rows} opens before the row above it`);
      if (time === last) {
        if (bytes.compare(bytes, before, textEnd(bytes, line), line, textEnd(bytes, position)) !== 0) {
          return reason('not_ascending', `row ${rows} opens when the row above it does, and differs from it`);
        }
        state.duplicates++;
      }
      const ofSlot = Math.floor((time - start) / slot);
      if (ofSlot !== lastSlot) {
        const day = Math.floor((time - start) / DAY);
        slotsByDay[day] = (slotsByDay[day] as number) + 1;
      }
      if (rows === 1) state.first = time;
      lastSlot = ofSlot;
      last = time;
      before = line;
    }
    // The last line is needed again, because the next one may repeat it.
    const keep = before < 0 ? position : before;
    Object.assign(state, { rows, last, lastSlot, blank, seen: position - keep });
    return bytes.length - position > longestLine ? tooLong(rows + 1) : bytes.subarray(keep);
  }

  function facts(header: boolean): CsvFacts | Reason {
    const { rows: row_count, first, last, duplicates } = state;
    if (row_count === 0) return reason('no_rows', 'the file has no row');
    const incomplete_days = incompleteDays(slotsByDay, key, grid);
    return { row_count, first_open_time: first, last_open_time: last, header, duplicates, incomplete_days };
  }

  /** `seen` returns how many of the bytes that `take` returned are complete lines. */
  return { take, facts, seen: () => state.seen };
}

/** Returns the end of the line before `next`, without its newline; the last line of a CRLF file may lack it. */
const textEnd = (bytes: Buffer, next: number): number => (bytes[next - 2] === RETURN ? next - 2 : next - 1);

const isBlank = (bytes: Buffer, line: number): boolean =>
  bytes[line] === NEWLINE || (bytes[line] === RETURN && bytes[line + 1] === NEWLINE);

function badStart(bytes: Buffer, line: number, row: number): Reason {
  const fields = textOf(bytes, line).split(',');
  if (fields.length !== fieldsPerLine) return fieldCount(`row ${row}`, fields.length);
  return reason('open_time_not_a_number', `row ${row} opens at ${JSON.stringify(fields[0]?.slice(0, 40))}`);
}

/**
 * Returns why a line that begins with an open time is not a row. Checks its bytes first, then its fields and numbers.
 */
function badRow(bytes: Buffer, line: number, row: number): Reason {
  const text = textOf(bytes, line);
  const odd = /[^\x20-\x7e]/.exec(text)?.[0];
  if (odd !== undefined) {
    return reason('not_text', `row ${row} contains the byte ${odd.charCodeAt(0)}, which is not valid in a CSV`);
  }
  if (text.length >= longestLine) return tooLong(row);
  const fields = text.split(',');
  if (fields.length !== fieldsPerLine) return fieldCount(`row ${row}`, fields.length);
  const at = fields.findIndex((field) => Number.isNaN(publishedNumber(field)));
  return reason('not_a_number', `row ${row}, ${columns[at]} ${fields[at]?.slice(0, 40) || 'is empty'}`);
}

/** Returns a line as Latin-1 without its line end, truncated to the maximum length. */
function textOf(bytes: Buffer, line: number): string {
  const next = bytes.indexOf(NEWLINE, line) + 1;
  return bytes.toString('latin1', line, Math.min(textEnd(bytes, next), line + longestLine));
}

const MINUS = 0x2d;
const POINT = 0x2e;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** Returns the end of the number at `start` by the grammar in exchange/bar-rules.ts (A34), or -1 if there is none. */
function numberEnd(bytes: Buffer, start: number): number {
  const whole = bytes[start] === MINUS ? start + 1 : start;
  let at = digitsEnd(bytes, whole);
  if (at === whole) return -1;
  if (bytes[at] === POINT) {
    const fraction = at + 1;
    at = digitsEnd(bytes, fraction);
    if (at === fraction) return -1;
  }
  if (bytes[at] !== UPPER_E && bytes[at] !== LOWER_E) return at;
  const exponent = bytes[at + 1] === MINUS ? at + 2 : at + 1;
  const end = digitsEnd(bytes, exponent);
  return end === exponent ? -1 : end;
}

function digitsEnd(bytes: Buffer, start: number): number {
  let at = start;
  let byte = bytes[at] as number;
  while (byte >= ZERO && byte <= NINE) byte = bytes[++at] as number;
  return at;
}

const isName = (field: string): boolean => /^\s*[a-z]/i.test(field) && !/^\s*(nan|inf)/i.test(field);

/**
 * Returns what is wrong with a header, if anything. Columns are read by position, so each name must match its position
 * (A31). `line` has no line end.
 */
export function headerProblem(line: string): Reason | undefined {
  const names = line.split(',');
  if (names.length !== columns.length) {
    return reason('field_count', `the header has ${names.length} fields instead of ${columns.length}`);
  }
  // A header names every column. `NaN,1,2…` is a broken row, and ignoring it would lose a bar.
  const unnamed = names.find((name) => !isName(name));
  if (unnamed !== undefined) {
    const shown = JSON.stringify(unnamed.slice(0, 40));
    return reason('open_time_not_a_number', `the first line is neither a row nor a header: ${shown}`);
  }
  const at = columns.findIndex((column, position) => columnNamed(names[position] as string) !== column);
  if (at < 0) return undefined;
  const name = names[at] as string;
  const where = `column ${at + 1} of the header is ${JSON.stringify(name.slice(0, 40))} instead of ${columns[at]}`;
  return columnNamed(name) === undefined
    ? reason('header_unknown', `${where}, and that name is unknown`)
    : reason('header_order', `${where}: the columns are in another order`);
}
