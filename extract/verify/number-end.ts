const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** Where a number that begins at `start` ends, by the grammar of exchange/bar-rules.ts (A34); -1 where none begins there. */
export function numberEnd(bytes: Buffer, start: number): number {
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
