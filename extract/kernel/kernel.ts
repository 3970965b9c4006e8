// The most expensive steps of a staging thread in WebAssembly: inflating, MD5, and scanning the rows of a CSV. The
// sources are in `assembly/`, and `pnpm kernel` builds kernel.wasm. The kernel handles well-formed input, as nearly
// every archive is, and gives up on anything else: then zlib and `scanCsv` say what is wrong.

import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

declare global {
  /** The parts of WebAssembly that the kernel needs. Its usual types come with all of the DOM. */
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array);
    }
    class Instance {
      constructor(module: Module);
      readonly exports: unknown;
    }
    interface Memory {
      /** Replaced by another buffer after `grow`. */
      readonly buffer: ArrayBuffer;
      grow(pages: number): number;
    }
    interface Global<T> {
      readonly value: T;
    }
  }
}

/** The exports of kernel.wasm. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  /** The start of its free memory. */
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
/** The kernel reads and writes less than this many bytes past the end of its input and output. */
const slack = 512;

/**
 * Inflates raw DEFLATE data of a known size. The result is in the kernel's memory, and valid only until the next call
 * on this thread. The caller must check the CRC-32. Returns `undefined` if the data is damaged or has another size.
 */
export function inflateRaw(data: Uint8Array, size: number): Buffer | undefined {
  const output = heap + data.length + slack;
  reserve(output + size + slack);
  new Uint8Array(memory.buffer, heap, data.length).set(data);
  if (kernel.inflateRaw(heap, data.length, output, size) !== size) return undefined;
  return Buffer.from(memory.buffer, output, size);
}

/** Returns MD5s in hex. Hashing several messages at once takes less than half as long as one after the other. */
export function md5s(messages: readonly Buffer[]): readonly string[] {
  const table = heap;
  const digests = table + 8 * messages.length;
  const first = digests + 16 * messages.length;
  // A message is followed by one bit, padding, and its length as a number of 64 bits.
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
  /** The number of slots with a row, by day of the period. */
  readonly slotsByDay: ArrayLike<number>;
}

/** The period of an archive and the length of the slots of its timeframe, in µs. */
export interface Grid {
  readonly start: number;
  readonly end: number;
  readonly slot: number;
}

/**
 * Scans the rows, without the header, of the CSV that `inflateRaw` returned last. Returns `undefined` if they are not
 * in the kernel's memory, or if anything about them is unusual: lines that do not consist of 12 plain numbers and LF,
 * rows that do not ascend, or rows outside the period.
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

/** Computes the MD5 of bytes, in hex. */
export type Md5 = (bytes: Buffer) => Promise<string>;

/** The largest message in bytes for the kernel: larger ones would take much of its memory. */
const largest = 256 * 1024;
const mostAtOnce = 16;
/** The kernel is not faster with fewer messages than this. */
const fewest = 3;

interface Asked {
  readonly bytes: Buffer;
  readonly answer: (digest: string) => void;
}

/**
 * Creates an MD5 function that hashes all messages of one turn of the event loop together, after that turn. Other data
 * is read, and the next requests are sent, before the thread is busy with hashing.
 */
export function createMd5(): Md5 {
  let waiting: Asked[] = [];

  function answerAll(): void {
    const asked = waiting;
    waiting = [];
    const small = asked.filter(({ bytes }) => bytes.length <= largest);
    const large = asked.filter(({ bytes }) => bytes.length > largest);
    for (const one of large) one.answer(hash('md5', one.bytes));
    for (let at = 0; at < small.length; at += mostAtOnce) answerTogether(small.slice(at, at + mostAtOnce));
  }
  return (bytes) =>
    new Promise((answer) => {
      if (waiting.push({ bytes, answer }) === 1) setImmediate(answerAll);
    });
}

function answerTogether(asked: readonly Asked[]): void {
  const digests =
    asked.length < fewest ? asked.map(({ bytes }) => hash('md5', bytes)) : md5s(asked.map(({ bytes }) => bytes));
  for (const [i, { answer }] of asked.entries()) answer(digests[i] as string);
}
