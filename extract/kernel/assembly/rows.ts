// The rows of a kline CSV as they nearly always are: lines of printable ASCII that end in LF, 12 fields, an open time
// of 13 digits (ms) or 16 (µs), later than that of the row before. Of anything else it only says that it is there.

const DAY: i64 = 86_400_000_000;
const MOST_DAYS: usize = 31;
const COMMAS: u32 = 11;
const COMMA: u8 = 0x2c;
const NEWLINE: u8 = 0x0a;
const ZERO: u8 = 0x30;
const LONGEST_LINE: usize = 4096;

/** How many rows the last scan found, and the open times of the first and the last, in µs. */
export let rowCount: u32 = 0;
export let firstOpenTime: i64 = 0;
export let lastOpenTime: i64 = 0;
/** By day of the period a u32: slots of the timeframe that have a row. */
export const slotsByDay: usize = memory.data(4 * 31);

/** Whether all eight bytes are digits. */
function areDigits(text: u64): bool {
  const high = text & 0xf0f0f0f0f0f0f0f0;
  const carried = (text + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0;
  return (high | (carried >> 4)) === 0x3333333333333333;
}

/** The number that eight digits write: pairs first, then fours, then all, each in one multiplication. */
function eightDigits(text: u64): u64 {
  const digits = text - 0x3030303030303030;
  const pairs = digits * 10 + (digits >> 8);
  const odd = (pairs & 0x000000ff000000ff) * (100 + (1_000_000 << 32));
  const even = ((pairs >> 16) & 0x000000ff000000ff) * (1 + (10_000 << 32));
  return (odd + even) >> 32;
}

/** In µs; -1 where the line does not begin with 13 or 16 digits, the first of 16 no 0, and a comma. */
function openTime(line: usize): i64 {
  const first = load<u64>(line);
  if (load<u8>(line, 13) === COMMA) {
    const last = load<u64>(line, 5);
    if (!areDigits(first) || !areDigits(last)) return -1;
    return <i64>((eightDigits(first) * 100_000 + (eightDigits(last) % 100_000)) * 1000);
  }
  const last = load<u64>(line, 8);
  if (load<u8>(line, 16) !== COMMA || !areDigits(first) || !areDigits(last) || load<u8>(line) === ZERO) return -1;
  return <i64>(eightDigits(first) * 100_000_000 + eightDigits(last));
}

/** The highest bit of each of 64 bytes. */
function highBits(a: v128, b: v128, c: v128, d: v128): u64 {
  const low = <u64>i8x16.bitmask(a) | ((<u64>i8x16.bitmask(b)) << 16);
  return low | ((<u64>i8x16.bitmask(c)) << 32) | ((<u64>i8x16.bitmask(d)) << 48);
}

/** A bit for each of the 64 bytes at `at` that equals `byte`. */
function equal(at: usize, byte: v128): u64 {
  return highBits(
    i8x16.eq(v128.load(at), byte),
    i8x16.eq(v128.load(at, 16), byte),
    i8x16.eq(v128.load(at, 32), byte),
    i8x16.eq(v128.load(at, 48), byte),
  );
}

/** A bit for each of the 64 bytes at `at` that is below `byte`, as signed numbers: what is not ASCII is below all others. */
function below(at: usize, byte: v128): u64 {
  return highBits(
    i8x16.lt_s(v128.load(at), byte),
    i8x16.lt_s(v128.load(at, 16), byte),
    i8x16.lt_s(v128.load(at, 32), byte),
    i8x16.lt_s(v128.load(at, 48), byte),
  );
}

/**
 * Takes the rows from `from` to `to` of an archive whose period is [`start`, `end`) and whose slots have the length `slot`,
 * all in µs. False where something is odd. Reads up to 64 bytes past `to`.
 */
export function scanRows(from: usize, to: usize, start: i64, end: i64, slot: i64): bool {
  memory.fill(slotsByDay, 0, 4 * MOST_DAYS);
  rowCount = 0;
  if (from >= to || load<u8>(to - 1) !== NEWLINE || end - start > <i64>MOST_DAYS * DAY) return false;
  const space = i8x16.splat(0x20);
  const comma = i8x16.splat(COMMA);
  const newline = i8x16.splat(NEWLINE);
  let line = from;
  let commasOfLine: u32 = 0;
  let rows: u32 = 0;
  let last: i64 = -1;
  let slotStart = start - slot;
  let dayCount = slotsByDay;
  let dayEnd = start + DAY;
  for (let at = from; at < to; at += 64) {
    const inside: u64 = at + 64 <= to ? -1 : ((<u64>1) << (to - at)) - 1;
    const commas = equal(at, comma) & inside;
    let newlines = equal(at, newline) & inside;
    if ((below(at, space) & inside) !== newlines) return false;
    let counted: u64 = 0;
    for (; newlines !== 0; newlines &= newlines - 1) {
      const before = (newlines - 1) & ~newlines;
      if (commasOfLine + <u32>popcnt(commas & before & ~counted) !== COMMAS) return false;
      commasOfLine = 0;
      counted = before;
      const next = at + <usize>ctz(newlines) + 1;
      if (next - line > LONGEST_LINE) return false;
      const time = openTime(line);
      if (time < start || time >= end || time <= last) return false;
      if (rows === 0) firstOpenTime = time;
      rows++;
      last = time;
      line = next;
      if (time - slotStart < slot) continue;
      slotStart = time - slotStart < 2 * slot ? slotStart + slot : time - ((time - start) % slot);
      if (time >= dayEnd) {
        const day = (time - start) / DAY;
        dayCount = slotsByDay + ((<usize>day) << 2);
        dayEnd = start + (day + 1) * DAY;
      }
      store<u32>(dayCount, load<u32>(dayCount) + 1);
    }
    commasOfLine += <u32>popcnt(commas & ~counted);
  }
  rowCount = rows;
  lastOpenTime = last;
  return true;
}
