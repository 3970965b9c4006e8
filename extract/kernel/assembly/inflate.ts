// Raw DEFLATE (RFC 1951) of whole buffers. The caller checks the CRC-32 of the result, and uses zlib if there is none.
// So this only has to be correct for well-formed input, and safe with any other.

/**
 * An entry of a table is a u32, and 0 if there is no such code.
 *   bits 0 to 5    bits to drop, including those of the extra number
 *   bits 8 to 12   position among them at which the extra number of a length or a distance begins
 *   bits 8 to 15   a literal
 *   bits 16 to 30  the base of a length (at most 258) or a distance (at most 24577)
 *   bits 12 to 27  start of the second table, which contains longer codes
 */
const LITERAL: u32 = 1 << 31;
const END_OF_BLOCK: u32 = 1 << 28;
/** The code continues in a second table. The base of a distance may include bit 29, so distances use another flag. */
const MORE_OF_LITERAL: u32 = 1 << 29;
const MORE_OF_DISTANCE: u32 = 1 << 31;

/**
 * An element of `looks` is a u64. The upper half contains the bytes of up to three literals, the lower half an entry
 * with their count in bits 6 and 7. If a length follows them, the entry has this flag and the fields of that length.
 */
const MATCH: u32 = 1 << 30;
const MOST_LITERALS: u32 = 3;

/** The number of bits that the first table decodes. Measured: 10 and 12 are slower. */
const LITERAL_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 9;
const PRECODE_BITS: u32 = 7;
const LONGEST_CODE: u32 = 15;

const LITERAL_CODES: u32 = 288;
const DISTANCE_CODES: u32 = 32;
const PRECODES: u32 = 19;

// Sized for one second table per long code, which is more than there can be.
const literals: usize = memory.data(4 * ((1 << LITERAL_BITS) + (LITERAL_CODES << (LONGEST_CODE - LITERAL_BITS))));
const distances: usize = memory.data(4 * ((1 << DISTANCE_BITS) + (DISTANCE_CODES << (LONGEST_CODE - DISTANCE_BITS))));
const looks: usize = memory.data(8 << LITERAL_BITS);
const codeLengths: usize = memory.data(LITERAL_CODES + DISTANCE_CODES);
const counts: usize = memory.data(4 * (LONGEST_CODE + 1));
const nextCodes: usize = memory.data(4 * (LONGEST_CODE + 1));

const lengthBases: usize = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const lengthExtras: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const distanceBases: usize = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]);
const distanceExtras: usize = memory.data<u8>([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]);
const precodeOrder: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Reverses a code of `length` bits, since the stream has its first bit lowest. */
function reversed(code: u32, length: u32): u32 {
  let bits: u32 = 0;
  for (; length > 0; length--) {
    bits = (bits << 1) | (code & 1);
    code >>= 1;
  }
  return bits;
}

/** Returns the address of an element of `counts`, `nextCodes` or a table. */
function u32At(table: usize, index: u32): usize {
  return table + ((<usize>index) << 2);
}

/** Counts the codes of each length and sets the first code of each. Returns false if there are too many or too few. */
function assignCodes(lengths: usize, symbols: u32, mayBeSingle: bool): bool {
  memory.fill(counts, 0, 4 * 16);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = u32At(counts, load<u8>(lengths + symbol));
    store<u32>(count, load<u32>(count) + 1);
  }
  const used = symbols - load<u32>(counts);
  let free: i32 = 1;
  let code: u32 = 0;
  for (let length: u32 = 1; length <= LONGEST_CODE; length++) {
    const count = load<u32>(u32At(counts, length));
    free = (free << 1) - count;
    if (free < 0) return false;
    store<u32>(u32At(nextCodes, length), code);
    code = (code + count) << 1;
  }
  // As in zlib, a block may have no distances, or a single one of one bit.
  return free === 0 || (mayBeSingle && used === load<u32>(u32At(counts, 1)) && used <= 1);
}

/** Returns the next code of this length, in the order of the symbols, as it appears in the stream. */
function takeCode(length: u32): u32 {
  const next = u32At(nextCodes, length);
  const code = load<u32>(next);
  store<u32>(next, code + 1);
  return reversed(code, length);
}

/** Stores an entry at every index that begins with its code of `length` bits. */
function spread(table: usize, code: u32, length: u32, size: u32, entry: u32): void {
  for (let at = code; at < size; at += 1 << length) store<u32>(u32At(table, at), entry);
}

/** Returns the entry of a symbol whose code has `length` bits in its table, or 0 for a symbol without a meaning. */
function entryOf(table: usize, symbol: u32, length: u32): u32 {
  if (table === distances) {
    if (symbol > 29) return 0;
    const base = <u32>load<u16>(distanceBases + (symbol << 1));
    return (base << 16) | (length << 8) | (length + load<u8>(distanceExtras + symbol));
  }
  if (symbol < 256) return LITERAL | (symbol << 8) | length;
  if (symbol === 256) return END_OF_BLOCK | length;
  const index = symbol - 257;
  if (index > 28) return 0;
  const base = <u32>load<u16>(lengthBases + (index << 1));
  return (base << 16) | (length << 8) | (length + load<u8>(lengthExtras + index));
}

/** Fills the table of literals and lengths, or the one of distances, for codes of these lengths. */
function buildTable(table: usize, tableBits: u32, more: u32, lengths: usize, symbols: u32): bool {
  if (!assignCodes(lengths, symbols, table === distances)) return false;
  const size: u32 = 1 << tableBits;
  memory.fill(table, 0, size << 2);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length: u32 = load<u8>(lengths + symbol);
    if (length === 0 || length > tableBits) continue;
    spread(table, takeCode(length), length, size, entryOf(table, symbol, length));
  }
  const moreBits = LONGEST_CODE - tableBits;
  let free = size;
  for (let length = tableBits + 1; length <= LONGEST_CODE; length++) {
    if (load<u32>(u32At(counts, length)) === 0) continue;
    for (let symbol: u32 = 0; symbol < symbols; symbol++) {
      if (load<u8>(lengths + symbol) !== length) continue;
      const code = takeCode(length);
      const first = u32At(table, code & (size - 1));
      if (load<u32>(first) === 0) {
        store<u32>(first, more | (free << 12) | tableBits);
        memory.fill(u32At(table, free), 0, 4 << moreBits);
        free += 1 << moreBits;
      }
      const second = u32At(table, secondTable(load<u32>(first)));
      const rest = length - tableBits;
      spread(second, code >> tableBits, rest, 1 << moreBits, entryOf(table, symbol, rest));
    }
  }
  return true;
}

function secondTable(entry: u32): u32 {
  return (entry >> 12) & 0xffff;
}

/** Fills `looks`, so that one lookup finds all literals, and the length after them, whose codes fit the first table. */
function packLooks(): void {
  const size: u32 = 1 << LITERAL_BITS;
  for (let at: u32 = 0; at < size; at++) {
    let entry = load<u32>(u32At(literals, at));
    let bytes: u32 = 0;
    let count: u32 = 0;
    let used: u32 = 0;
    while (entry & LITERAL && count < MOST_LITERALS && used + (entry & 63) <= LITERAL_BITS) {
      bytes |= ((entry >> 8) & 0xff) << (count << 3);
      count++;
      used += entry & 63;
      entry = load<u32>(u32At(literals, at >> used));
    }
    const code = (entry >> 8) & 31;
    const isLength = entry !== 0 && !(entry & (LITERAL | END_OF_BLOCK | MORE_OF_LITERAL));
    if (isLength && used + code <= LITERAL_BITS) {
      entry = MATCH | (entry & 0x1ff0000) | ((used + code) << 8) | (count << 6) | (used + (entry & 63));
    } else if (count > 0) entry = (count << 6) | used;
    store<u64>(looks + (at << 3), ((<u64>bytes) << 32) | entry);
  }
}

// The rest of the input: the bits already loaded, with the next one lowest, and the address of the rest.
let at: usize = 0;
let bits: u64 = 0;
let left: u32 = 0;

/** Loads at least 56 bits, which may include up to eight bytes past the input. */
function refill(): void {
  bits |= load<u64>(at) << left;
  at += (63 - left) >> 3;
  left |= 56;
}

function drop(count: u32): void {
  bits >>= count;
  left -= count;
}

function peek(count: u32): u32 {
  return <u32>bits & ((1 << count) - 1);
}

function take(count: u32): u32 {
  const value = peek(count);
  drop(count);
  return value;
}

function setFixedCodes(): bool {
  memory.fill(codeLengths, 8, 144);
  memory.fill(codeLengths + 144, 9, 112);
  memory.fill(codeLengths + 256, 7, 24);
  memory.fill(codeLengths + 280, 8, 8);
  memory.fill(codeLengths + LITERAL_CODES, 5, DISTANCE_CODES);
  return buildTables(LITERAL_CODES, DISTANCE_CODES);
}

function buildTables(literalCodes: u32, distanceCodes: u32): bool {
  return (
    buildTable(literals, LITERAL_BITS, MORE_OF_LITERAL, codeLengths, literalCodes) &&
    buildTable(distances, DISTANCE_BITS, MORE_OF_DISTANCE, codeLengths + literalCodes, distanceCodes)
  );
}

/** Reads the codes of a block. Returns false if they are invalid. */
function readCodes(end: usize): bool {
  const literalCodes = take(5) + 257;
  const distanceCodes = take(5) + 1;
  const precodes = take(4) + 4;
  if (literalCodes > 286 || distanceCodes > 30) return false;
  memory.fill(codeLengths, 0, PRECODES);
  for (let i: u32 = 0; i < precodes; i++) {
    refill();
    store<u8>(codeLengths + load<u8>(precodeOrder + i), take(3));
  }
  // The table of distances stores the precode until the distances are known.
  if (!assignCodes(codeLengths, PRECODES, false)) return false;
  for (let symbol: u32 = 0; symbol < PRECODES; symbol++) {
    const length: u32 = load<u8>(codeLengths + symbol);
    if (length > 0) spread(distances, takeCode(length), length, 1 << PRECODE_BITS, (symbol << 8) | length);
  }
  const codes = literalCodes + distanceCodes;
  for (let i: u32 = 0; i < codes; ) {
    if (at > end + 8) return false;
    refill();
    const entry = load<u32>(u32At(distances, peek(PRECODE_BITS)));
    drop(entry & 63);
    const symbol = entry >> 8;
    if (symbol < 16) {
      store<u8>(codeLengths + i, symbol);
      i++;
      continue;
    }
    if (symbol === 16 && i === 0) return false;
    const length: u8 = symbol === 16 ? load<u8>(codeLengths + i - 1) : 0;
    const times = symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7);
    if (i + times > codes) return false;
    memory.fill(codeLengths + i, length, times);
    i += times;
  }
  return load<u8>(codeLengths + 256) > 0 && buildTables(literalCodes, distanceCodes);
}

/** Writes up to 15 bytes past `stop`. */
function copyMatch(to: usize, distance: usize, stop: usize): void {
  let from = to - distance;
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from));
      to += 16;
      from += 16;
    } while (to < stop);
  } else {
    do {
      store<u8>(to, load<u8>(from));
      to++;
      from++;
    } while (to < stop);
  }
}

/** Returns the base of an entry plus the extra number in the bits that the entry drops. */
function numberOf(base: u32, entry: u32, bits: u64): u32 {
  return base + ((<u32>bits & ((1 << (entry & 63)) - 1)) >> ((entry >> 8) & 31));
}

/** Decodes a block with the tables. Returns the new end of the output, or 0 if the input is invalid. */
function inflateBlock(end: usize, begin: usize, out: usize, outEnd: usize): usize {
  // `at`, `bits` and `left` in registers.
  let next = at;
  let window = bits;
  let held = left;
  while (next <= end + 8 && out <= outEnd) {
    window |= load<u64>(next) << held;
    next += (63 - held) >> 3;
    held |= 56;
    const look = load<u64>(looks + ((<usize>(<u32>window & ((1 << LITERAL_BITS) - 1))) << 3));
    let entry = <u32>look;
    store<u32>(out, <u32>(look >> 32));
    out += (entry >> 6) & 3;
    let before = window;
    window >>= entry & 63;
    held -= entry & 63;
    if (!(entry & MATCH)) {
      if (entry & MORE_OF_LITERAL) {
        const rest = <u32>window & ((1 << (LONGEST_CODE - LITERAL_BITS)) - 1);
        entry = load<u32>(u32At(literals, secondTable(entry) + rest));
        before = window;
        window >>= entry & 63;
        held -= entry & 63;
        if (entry & LITERAL) {
          store<u8>(out, <u8>(entry >> 8));
          out++;
          continue;
        }
      } else if (entry !== 0 && !(entry & END_OF_BLOCK)) continue;
      if (entry & END_OF_BLOCK) {
        at = next;
        bits = window;
        left = held;
        return out;
      }
      if (entry === 0) return 0;
    }
    const length = numberOf((entry >> 16) & 0x1ff, entry, before);
    entry = load<u32>(u32At(distances, <u32>window & ((1 << DISTANCE_BITS) - 1)));
    if (entry & MORE_OF_DISTANCE) {
      window >>= DISTANCE_BITS;
      held -= DISTANCE_BITS;
      const rest = <u32>window & ((1 << (LONGEST_CODE - DISTANCE_BITS)) - 1);
      entry = load<u32>(u32At(distances, secondTable(entry) + rest));
    }
    const distance = <usize>numberOf(entry >> 16, entry, window);
    window >>= entry & 63;
    held -= entry & 63;
    if (entry === 0 || out - begin < distance) return 0;
    copyMatch(out, distance, out + length);
    out += length;
  }
  return 0;
}

/** Copies a stored block. Returns the new end of the output, or 0 if the input is invalid. */
function copyBlock(end: usize, out: usize, outEnd: usize): usize {
  drop(left & 7);
  at -= left >> 3;
  bits = 0;
  left = 0;
  if (at + 4 > end) return 0;
  const length = <u32>load<u16>(at);
  if (length !== (<u32>load<u16>(at, 2) ^ 0xffff)) return 0;
  at += 4;
  if (at + length > end || out + length > outEnd) return 0;
  memory.copy(out, at, length);
  at += length;
  return out + length;
}

/**
 * Inflates the input and returns the size of the output, or -1 if the input is invalid or the output exceeds
 * `capacity`. Reads up to 16 bytes past the input, and writes up to 288 past `capacity`.
 */
export function inflateRaw(input: usize, length: u32, output: usize, capacity: u32): i32 {
  at = input;
  bits = 0;
  left = 0;
  const end = input + length;
  const outEnd = output + capacity;
  let out = output;
  for (let isLast = false; !isLast; ) {
    if (at > end + 8) return -1;
    refill();
    isLast = take(1) === 1;
    const kind = take(2);
    if (kind === 0) out = copyBlock(end, out, outEnd);
    else {
      if (kind === 3 || !(kind === 1 ? setFixedCodes() : readCodes(end))) return -1;
      packLooks();
      out = inflateBlock(end, output, out, outEnd);
    }
    if (out === 0 || out > outEnd) return -1;
  }
  return at - (left >> 3) <= end ? <i32>(out - output) : -1;
}
