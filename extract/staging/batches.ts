import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { diskError, PipelineError } from '../../engine/index.ts';
import { openMaking, writeFully } from './write.ts';

const batchBytes = 64 * 1024 * 1024;
const bufferBytes = 1024 * 1024;
const readBytes = 1024 * 1024;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface BatchedArchive {
  readonly key: string;
  readonly file: string;
  /** What every line begins with. */
  readonly prefix: string;
}

/**
 * Writes the data lines of staged CSVs to a few files, `<stem>-0.csv` and so on, each line behind its prefix: byte-order
 * marks, headers, carriage returns and blank lines are left out. Returns the files, at least one. Throws DISK_FULL.
 */
export async function writeBatches(
  archives: readonly BatchedArchive[],
  stem: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const files = [`${stem}-0.csv`];
  let batch = openBatch(files[0] as string);
  const chunk = Buffer.allocUnsafe(readBytes);
  let sinceTurn = 0;
  try {
    for (const { key, file, prefix } of archives) {
      signal.throwIfAborted();
      if (batch.size() >= batchBytes) {
        batch.flush();
        batch.close();
        files.push(`${stem}-${files.length}.csv`);
        batch = openBatch(files.at(-1) as string);
      }
      const descriptor = openStaged(file, key);
      try {
        const lines = linePrefixer(Buffer.from(prefix), batch);
        for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
          lines.push(chunk.subarray(0, read));
          // A small file costs as much as 4 KB more.
          sinceTurn += read + 4096;
          if (sinceTurn < 8 * readBytes) continue;
          sinceTurn = 0;
          await nextTurn();
          signal.throwIfAborted();
        }
        lines.end();
      } finally {
        closeSync(descriptor);
      }
    }
    batch.flush();
  } finally {
    batch.close();
  }
  return files;
}

function openStaged(file: string, key: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new PipelineError('OBJECT_ABSENT', 'the staged CSV of an archive is gone', {
      file,
      key,
      hint: 'run the extract again: it fetches what is missing',
      cause,
    });
  }
}

interface Batch {
  /** Writes bytes that may be overwritten after the call. */
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
      throw diskError(error, file);
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

/** Takes a CSV in pieces and writes its data lines, each behind `prefix`. */
function linePrefixer(prefix: Buffer, batch: Batch) {
  let rest: Buffer = Buffer.alloc(0);
  let first = true;

  function writeLine(bytes: Buffer, from: number, to: number): void {
    let start = from;
    const end = to > from && bytes[to - 1] === RETURN ? to - 1 : to;
    if (first) {
      first = false;
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
      // Only a header begins with a letter: the extract has rejected everything else that is no digit (A1).
      if ((bytes[start] as number) > 0x39) return;
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
