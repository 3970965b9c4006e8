import { createHash } from 'node:crypto';

/** Doubles of a row, in the order of a line; `number_of_trades` is decimal and follows the sixth. */
const doublesBefore = ['open', 'high', 'low', 'close', 'volume', 'quote_asset_volume'] as const;
const doublesAfter = ['taker_buy_base_asset_volume', 'taker_buy_quote_asset_volume'] as const;

/** Columns of a slice of bars, ordered by time. */
export type BarColumns = Readonly<
  Record<(typeof doublesBefore)[number] | (typeof doublesAfter)[number] | 'number_of_trades', Float64Array>
>;

/** The description of the digest in a certificate, so that anybody can compute it again. */
export const digestDefinition =
  'sha256 of the lines open_time_us,open,high,low,close,volume,quote_volume,count,taker_buy_volume,taker_buy_quote_volume, ordered by time, joined by newlines; doubles as the 16 hex digits of their big-endian IEEE 754 bytes, integers in decimal';

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;
const bufferBytes = 1 << 20;
/** Upper bound for two integers of 17 digits, eight doubles of 16, nine commas and a newline. */
const longestLine = 256;

const hexOf = new Uint16Array(
  Array.from({ length: 256 }, (_, byte) => {
    const [high = '', low = ''] = byte.toString(16).padStart(2, '0');
    return (low.charCodeAt(0) << 8) | high.charCodeAt(0);
  }),
);

/**
 * Computes the SHA-256 of the rows of a series, slice by slice, with constant memory. Lines are written as bytes,
 * because strings would take five times as long.
 */
export function createRowsDigest() {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(bufferBytes);
  const digits = new Uint8Array(20);
  let used = 0;
  let isFirst = true;

  function writeInteger(value: number): void {
    let rest = value;
    let count = 0;
    do {
      const next = Math.floor(rest / 10);
      digits[count++] = rest - next * 10;
      rest = next;
    } while (rest > 0);
    while (count > 0) buffer[used++] = ZERO + (digits[--count] as number);
  }

  function writeDouble(bytes: Uint8Array, row: number): void {
    buffer[used++] = COMMA;
    for (let at = row * 8 + 7; at >= row * 8; at--) {
      const pair = hexOf[bytes[at] as number] as number;
      buffer[used++] = pair & 0xff;
      buffer[used++] = pair >> 8;
    }
  }

  return {
    /**
     * `openTimesUs` are whole µs since 1970. Typed arrays have the byte order of the machine, which is little-endian.
     */
    push(openTimesUs: Float64Array, columns: BarColumns): void {
      const bytesOf = (name: keyof BarColumns) => {
        const { buffer: memory, byteOffset, byteLength } = columns[name];
        return new Uint8Array(memory, byteOffset, byteLength);
      };
      const before = doublesBefore.map(bytesOf);
      const after = doublesAfter.map(bytesOf);
      for (let row = 0; row < openTimesUs.length; row++) {
        if (used > bufferBytes - longestLine) {
          hash.update(buffer.subarray(0, used));
          used = 0;
        }
        if (!isFirst) buffer[used++] = NEWLINE;
        isFirst = false;
        writeInteger(openTimesUs[row] as number);
        for (const bytes of before) writeDouble(bytes, row);
        buffer[used++] = COMMA;
        writeInteger(columns.number_of_trades[row] as number);
        for (const bytes of after) writeDouble(bytes, row);
      }
    },
    digest(): string {
      return hash.update(buffer.subarray(0, used)).digest('hex');
    },
  };
}
