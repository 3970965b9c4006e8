// Inflating, taking MD5s and looking through the rows of a CSV, the steps that cost a staging thread the most, in WebAssembly
// (`assembly/`, built into kernel.wasm by `pnpm kernel`). The kernel inflates and looks through what is well-formed, as
// nearly every archive is, and gives up where anything is not: then zlib and `scanCsv` say what is wrong.
import { readFileSync } from 'node:fs';

/** The exports of kernel.wasm. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  /** Start of its free memory. */
  readonly heap: WebAssembly.Global<number>;
  inflateRaw(input: number, length: number, output: number, capacity: number): number;
  md5(table: number, count: number, digests: number): void;
  scanRows(from: number, to: number, start: bigint, end: bigint, slot: bigint): number;
  readonly rowCount: WebAssembly.Global<number>;
  readonly firstOpenTime: WebAssembly.Global<bigint>;
  readonly lastOpenTime: WebAssembly.Global<bigint>;
  readonly slotsByDay: WebAssembly.Global<number>;
}

const wasm = new WebAssembly.Module(readFileSync(new URL('./kernel.wasm', import.meta.url)));
const kernel = new WebAssembly.Instance(wasm).exports as Exports;
const { memory } = kernel;
const heap = kernel.heap.value;
const pageSize = 65_536;
/** More than is read past an input and written past an output. */
const slack = 512;

/**
 * What raw DEFLATE data of a known size becomes. The bytes are in the kernel's memory: they are good until the next call
 * on this thread. Where a CRC-32 is known it is to be checked. `undefined` where the data is damaged, or has another size.
 */
export function inflateRaw(data: Uint8Array, size: number): Buffer | undefined {
  const output = heap + data.length + slack;
  reserve(output + size + slack);
  new Uint8Array(memory.buffer, heap, data.length).set(data);
  if (kernel.inflateRaw(heap, data.length, output, size) !== size) return undefined;
  return Buffer.from(memory.buffer, output, size);
}

/** MD5s in hex. Several at once take less than half of what they take one after the other. */
export function md5s(messages: readonly Buffer[]): readonly string[] {
  const table = heap;
  const digests = table + 8 * messages.length;
  const first = digests + 16 * messages.length;
  // A bit, and 64 that say how long it is, go behind a message.
  const blocks = messages.map(({ length }) => Math.floor((length + 8) / 64) + 1);
  reserve(first + 64 * blocks.reduce((sum, count) => sum + count, 0));
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  let at = first;
  for (const [i, message] of messages.entries()) {
    const count = blocks[i] as number;
    const end = at + 64 * count;
    view.setUint32(table + 8 * i, at, true);
    view.setUint32(table + 8 * i + 4, count, true);
    bytes.set(message, at);
    bytes.fill(0, at + message.length, end);
    bytes[at + message.length] = 0x80;
    view.setBigUint64(end - 8, BigInt(message.length) * 8n, true);
    at = end;
  }
  kernel.md5(table, messages.length, digests);
  return messages.map((_, i) => Buffer.from(memory.buffer, digests + 16 * i, 16).toString('hex'));
}

function reserve(end: number): void {
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageSize));
}

export interface RowFacts {
  readonly row_count: number;
  /** µs since the epoch. */
  readonly first_open_time: number;
  readonly last_open_time: number;
  /** By day of the period: slots of the timeframe that have a row. */
  readonly slotsByDay: ArrayLike<number>;
}

/** The period of an archive and the length of the slots of its timeframe, all in µs. */
export interface Grid {
  readonly start: number;
  readonly end: number;
  readonly slot: number;
}

/**
 * Looks through the rows of a CSV that `inflateRaw` gave last, header left out. `undefined` where they are elsewhere, or
 * where anything about them is odd: not a line of 12 fields of printable ASCII that ends in LF, not ascending, outside
 * the period.
 */
export function scanRows(rows: Buffer, { start, end, slot }: Grid): RowFacts | undefined {
  if (rows.buffer !== memory.buffer) return undefined;
  const { byteOffset: from, length } = rows;
  if (!kernel.scanRows(from, from + length, BigInt(start), BigInt(end), BigInt(slot))) return undefined;
  return {
    row_count: kernel.rowCount.value,
    first_open_time: Number(kernel.firstOpenTime.value),
    last_open_time: Number(kernel.lastOpenTime.value),
    slotsByDay: new Uint32Array(memory.buffer, kernel.slotsByDay.value, 31),
  };
}
