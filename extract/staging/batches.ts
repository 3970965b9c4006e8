import { closeSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { openMaking, writeFully } from '../../engine/aside.ts';
import { machineFault } from '../../engine/index.ts';
import { header } from '../../exchange/bar-rules.ts';
import { headerProblem } from '../verify/csv-scan.ts';
import type { Reason } from '../verify/reason.ts';
import { type CsvDigest, formatCrc, openIfThere } from './crc.ts';

const batchBytes = 64 * 1024 * 1024;
const bufferBytes = 1024 * 1024;
const readBytes = 1024 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface BatchedArchive {
  readonly key: string;
  readonly file: string;
  /** The prefix that every line gets. */
  readonly prefix: string;
}

export interface Batches {
  /** At least one file. */
  readonly files: readonly string[];
  /** The digests of the staged CSVs that exist, by key. */
  readonly digests: ReadonlyMap<string, CsvDigest>;
}

/**
 * Writes the data lines of staged CSVs to a few files, `<stem>-0.csv` and so on, each line after its prefix. Byte-order
 * marks, headers, carriage returns and blank lines are left out, and missing CSVs are skipped. Calls `refuse` for an
 * archive whose header names other columns (A31): what was written of it must not be read. Throws DISK_FULL.
 */
export async function writeBatches(
  archives: readonly BatchedArchive[],
  stem: string,
  refuse: (key: string, reason: Reason) => void,
  signal: AbortSignal,
): Promise<Batches> {
  const files = [`${stem}-0.csv`];
  let batch = openBatch(files[0] as string);
  const chunk = Buffer.allocUnsafe(readBytes);
  let sinceTurn = 0;
  const digests = new Map<string, CsvDigest>();
  try {
    for (const { key, file, prefix } of archives) {
      signal.throwIfAborted();
      if (batch.size() >= batchBytes) {
        batch.flush();
        batch.close();
        files.push(`${stem}-${files.length}.csv`);
        batch = openBatch(files.at(-1) as string);
      }
      const descriptor = openIfThere(file);
      if (descriptor === undefined) continue;
      let [bytes, crc] = [0, 0];
      try {
        const lines = linePrefixer(Buffer.from(prefix), batch, (line) => {
          const problem = headerProblem(line);
          if (problem !== undefined) refuse(key, problem);
        });
        for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
          const piece = chunk.subarray(0, read);
          crc = crc32(piece, crc);
          bytes += read;
          lines.push(piece);
          // Opening a file costs about as much as reading 4 KB.
          sinceTurn += read + 4096;
          if (sinceTurn < 8 * readBytes) continue;
          sinceTurn = 0;
          await nextTurn();
          signal.throwIfAborted();
        }
        lines.end();
        digests.set(key, { bytes, crc32: formatCrc(crc) });
      } finally {
        closeSync(descriptor);
      }
    }
    batch.flush();
  } finally {
    batch.close();
  }
  return { files, digests };
}

interface Batch {
  /** Copies the bytes, so that the caller may overwrite them afterwards. */
  write(bytes: Buffer, from: number, to: number): void;
  flush(): void;
  size(): number;
  close(): void;
}

function openBatch(file: string): Batch {
  const buffer = Buffer.allocUnsafe(bufferBytes);
  let descriptor: number | undefined = openMaking(file);
  let used = 0;
  let written = 0;

  function flush(): void {
    try {
      if (descriptor !== undefined) writeFully(descriptor, buffer.subarray(0, used));
    } catch (error) {
      throw machineFault(error, file);
    }
    written += used;
    used = 0;
  }

  return {
    write(bytes, from, to) {
      if (used + to - from > bufferBytes) flush();
      used += bytes.copy(buffer, used, from, to);
    },
    flush,
    size: () => written + used,
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

const newline = Buffer.from('\n');
const usualHeader = Buffer.from(header);

/**
 * Takes a CSV in pieces and writes its data lines after `prefix`. Calls `onHeader` with any header but the usual one.
 */
function linePrefixer(prefix: Buffer, batch: Batch, onHeader: (line: string) => void) {
  let rest: Buffer = Buffer.alloc(0);
  let first = true;

  function writeLine(bytes: Buffer, from: number, to: number): void {
    let start = from;
    const end = to > from && bytes[to - 1] === RETURN ? to - 1 : to;
    if (first) {
      first = false;
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
      // Only a header begins with a letter: staging has rejected anything else that does not begin with a digit (A1).
      if ((bytes[start] as number) > 0x39) {
        const isUsual = usualHeader.length === end - start && usualHeader.compare(bytes, start, end) === 0;
        if (!isUsual) onHeader(bytes.toString('latin1', start, end));
        return;
      }
    }
    if (start >= end) return;
    batch.write(prefix, 0, prefix.length);
    batch.write(bytes, start, end);
    batch.write(newline, 0, 1);
  }

  return {
    push(chunk: Buffer): void {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
        writeLine(bytes, from, to);
        from = to + 1;
      }
      rest = Buffer.from(bytes.subarray(from));
    },
    end(): void {
      if (rest.length > 0) writeLine(rest, 0, rest.length);
    },
  };
}
