import { closeSync, futimesSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { PipelineError, type Progress } from '../../engine/index.ts';
import { pathOfKey } from '../archive/directory-store.ts';
import type { ListedObject, ObjectStore } from '../archive/store.ts';

export interface WriteOptions {
  readonly signal?: AbortSignal;
  progress?(progress: Progress): void;
}

/** What the archive has at its top, below `data/`. */
const markets = new Set(['futures', 'option', 'spot']);

/** Throws USAGE unless a directory is new, empty, or holds an archive and nothing else. */
function assertWritable(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const names = readdirSync(directory);
  if (names.length === 0) return;
  const isArchive = names.join() === 'data' && readdirSync(`${directory}/data`).every((name) => markets.has(name));
  if (isArchive) return;
  throw new PipelineError('USAGE', `'${directory}' is not empty and holds no archive`, {
    hint: 'choose a new or an empty directory, or one that an archive was written to before',
  });
}

/** A file gets its time last, so one that was cut short is not taken for the object. */
function isWritten(path: string, { size, lastModified }: ListedObject): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.size === size && found.mtimeMs === lastModified.getTime();
}

function writeObject(path: string, body: Buffer, lastModified: Date): void {
  const file = openSync(path, 'w');
  try {
    writeSync(file, body);
    futimesSync(file, lastModified, lastModified);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes every object of a store as a file below `directory`, its time of publication as the file's time, and answers
 * how many files and bytes the archive has. What is there already is kept; what the store does not have, too.
 * Throws USAGE for a directory that holds something else.
 */
export async function writeArchive(
  store: ObjectStore,
  directory: string,
  { signal, progress }: WriteOptions = {},
): Promise<{ readonly files: number; readonly bytes: number }> {
  assertWritable(directory);
  const folders = new Set<string>();
  let files = 0;
  let bytes = 0;

  async function write(object: ListedObject): Promise<void> {
    const path = pathOfKey(directory, object.key);
    if (path === undefined) return;
    if (!isWritten(path, object)) {
      const stored = await store.read(object.key);
      if (!stored) return;
      const folder = dirname(path);
      if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
      folders.add(folder);
      writeObject(path, stored.body, stored.lastModified);
    }
    files++;
    bytes += object.size;
  }

  let marker = '';
  for (let isLast = false; !isLast; ) {
    signal?.throwIfAborted();
    const page = await store.list({ prefix: '', delimiter: '', marker, maxKeys: 1_000 });
    for (const object of page.contents) await write(object);
    progress?.({ done: files, unit: 'files', bytes });
    marker = page.contents.at(-1)?.key ?? marker;
    isLast = !page.truncated;
    // Synchronous calls are several times faster for small files; Ctrl-C gets its turn between pages.
    await setImmediate();
  }
  return { files, bytes };
}
