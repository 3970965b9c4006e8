// Scans the rows of a kline CSV in their usual form: lines that end in LF and have 12 numbers of digits with at most
// one point between them, and open times of 13 digits (ms) or 16 digits (µs) that ascend. Anything else, such as
// exponents or negative numbers, is only detected.

const DAY: i64 = 86_400_000_000;
const MOST_DAYS: usize = 31;
const COMMAS: u32 = 11;
const COMMA: u8 = 0x2c;
const NEWLINE: u8 = 0x0a;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;
const LONGEST_LINE: usize = 4096;

/** The number of rows in the last scan, and the open times of the first and the last one in µs. */
export let rowCount: u32 = 0;
export let firstOpenTime: i64 = 0;
export let lastOpenTime: i64 = 0;
/** The number of slots with a row, as a u32 per day of the period. */
export const slotsByDay: usize = memory.data(4 * 31);

/** True if all eight bytes are digits. Each must be a digit, a point, a comma or a newline. */
function areDigits(text: u64): bool {
  return (text & 0x1010101010101010) === 0x1010101010101010;
}

/** Parses eight digits: first into pairs, then fours, then the whole, each with one multiplication. */
function eightDigits(text: u64): u64 {
  const digits = text - 0x3030303030303030;
  const pairs = digits * 10 + (digits >> 8);
  const odd = (pairs & 0x000000ff000000ff) * (100 + (1_000_000 << 32));
  const even = ((pairs >> 16) & 0x000000ff000000ff) * (1 + (10_000 << 32));
  return (odd + even) >> 32;
}

/**
 * Parses an open time in µs. Returns -1 unless the line begins with 13 digits, or 16 that do not begin with 0, and a
 * comma.
 */
function openTime(line: usize): i64 {
  const first = load<u64>(line);
  if (load<u8>(line, 13) === COMMA) {
    const last = load<u64>(line, 5);
    if (!areDigits(first) || !areDigits(last)) return -1;
    // The three digits that both words contain are set to zero.
    return <i64>((eightDigits(first) * 100_000 + eightDigits((last & 0xffffffffff000000) | 0x303030)) * 1000);
  }
  const last = load<u64>(line, 8);
  if (load<u8>(line, 16) !== COMMA || !areDigits(first) || !areDigits(last) || load<u8>(line) === ZERO) return -1;
  return <i64>(eightDigits(first) * 100_000_000 + eightDigits(last));
}

/** Returns the highest bit of each of 64 bytes. */
function highBits(a: v128, b: v128, c: v128, d: v128): u64 {
  const low = <u64>i8x16.bitmask(a) | ((<u64>i8x16.bitmask(b)) << 16);
  return low | ((<u64>i8x16.bitmask(c)) << 32) | ((<u64>i8x16.bitmask(d)) << 48);
}

/** Returns a bit for each of 64 bytes that equals `byte`. */
function equal(a: v128, b: v128, c: v128, d: v128, byte: v128): u64 {
  return highBits(i8x16.eq(a, byte), i8x16.eq(b, byte), i8x16.eq(c, byte), i8x16.eq(d, byte));
}

/** Sets the highest bit of each byte that is not a digit: one sum sets it below `0`, the other above `9`. */
function notDigit(bytes: v128): v128 {
  return v128.or(i8x16.add(bytes, i8x16.splat(-0x30)), i8x16.add(bytes, i8x16.splat(0x7f - 0x39)));
}

/**
 * Scans the rows between the addresses `from` and `to`, of an archive whose period is [`start`, `end`) and whose slots
 * have the length `slot`, all in µs. Returns false if anything is unusual. Reads up to 64 bytes past `to`.
 */
export function scanRows(from: usize, to: usize, start: i64, end: i64, slot: i64): bool {
  memory.fill(slotsByDay, 0, 4 * MOST_DAYS);
  rowCount = 0;
  if (from >= to || load<u8>(to - 1) !== NEWLINE || end - start > <i64>MOST_DAYS * DAY) return false;
  const comma = i8x16.splat(COMMA);
  const newline = i8x16.splat(NEWLINE);
  const point = i8x16.splat(POINT);
  let line = from;
  let commasOfLine: u32 = 0;
  let rows: u32 = 0;
  let last: i64 = -1;
  let slotStart = start - slot;
  let dayCount = slotsByDay;
  let dayEnd = start + DAY;
  /** 1 if the last byte of the previous block is not a digit. */
  let endsApart: u64 = 1;
  /** 1 if the previous block ends in digits that follow a point. */
  let behindPoint: u64 = 0;
  for (let at = from; at < to; at += 64) {
    const inside: u64 = at + 64 <= to ? -1 : ((<u64>1) << (to - at)) - 1;
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const commas = equal(a, b, c, d, comma) & inside;
    let newlines = equal(a, b, c, d, newline) & inside;
    const points = equal(a, b, c, d, point) & inside;
    const apart = highBits(notDigit(a), notDigit(b), notDigit(c), notDigit(d)) & inside;
    // There must be a digit before and after each comma, point and newline.
    if (apart !== (commas | newlines | points) || (apart & ((apart << 1) | endsApart)) !== 0) return false;
    endsApart = apart >> 63;
    // Adding a bit to the first of consecutive digits carries it to the byte after the last one.
    const digits = ~apart & inside;
    const carried = digits + ((points << 1) | behindPoint);
    if ((carried & points) !== 0) return false;
    behindPoint = (points >> 63) | <u64>(carried < digits);
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
