import {
  closeSync,
  constants,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { writeFully } from '../../engine/aside.ts';
import { PipelineError, type Progress, writeWhole } from '../../engine/index.ts';
import { pathOfKey } from '../archive/directory-store.ts';
import type { ListedObject, ObjectStore } from '../archive/store.ts';
import { defaultSeed } from './sample-store.ts';

export interface WriteOptions {
  /** The seed of the synthetic archive. */
  readonly seed?: string;
  readonly signal?: AbortSignal;
  progress?(progress: Progress): void;
}

/** Marks a folder as generated. Without it, existing files are never overwritten. */
const markerFile = 'synthetic-archive.json';
const markerText = (seed: string): string =>
  `${JSON.stringify({ format: 1, synthetic: true, generator: 'klinehouse sample', seed }, null, 2)}\n`;

/**
 * Marks a new or empty directory. A marked one may be written to again with the same seed.
 * @throws PipelineError USAGE for any other directory, since it may contain a real archive (B37)
 */
function claimDirectory(directory: string, seed: string): void {
  const refuse = (problem: string) =>
    new PipelineError('USAGE', `'${directory}' ${problem}; nothing was written`, {
      value: directory,
      hint: 'name a new or empty directory, or one that `archive write` has created',
    });
  const kind = statSync(directory, { throwIfNoEntry: false });
  if (kind !== undefined && !kind.isDirectory()) throw refuse('is not a directory');
  mkdirSync(directory, { recursive: true });
  const marker = join(directory, markerFile);
  const names = readdirSync(directory);
  if (names.length === 0) {
    writeWhole(marker, markerText(seed));
    return;
  }
  if (!names.includes(markerFile))
    throw refuse(`is not empty and has no ${markerFile}, so this command did not create it`);
  if (readFileSync(marker, 'utf8') !== markerText(seed))
    throw refuse(`contains the archive of another seed (${markerFile})`);
  const data = lstatSync(join(directory, 'data'), { throwIfNoEntry: false });
  if (data !== undefined && !data.isDirectory()) throw refuse('has a link or a file in place of the folder data/');
}

/** True if an object is already written. The time of a file is set last, so an incomplete file does not match. */
function isWritten(path: string, { size, lastModified }: ListedObject): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.size === size && found.mtimeMs === lastModified.getTime();
}

/** Opens a file for writing, but never through a link, which would lead out of this archive. */
function openOwn(path: string): number {
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOOP') throw cause;
    const hint = 'remove the link, or name another directory';
    throw new PipelineError('USAGE', 'there is a link in place of a file of the archive', { file: path, hint, cause });
  }
}

function writeObject(path: string, body: Buffer, lastModified: Date): void {
  const file = openOwn(path);
  try {
    writeFully(file, body);
    futimesSync(file, lastModified, lastModified);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes every object of a store as a file below `directory`, with its time of publication as the file's time. Returns
 * how many files and bytes the archive has. Existing files are kept, including those that the store does not have.
 * Throws USAGE for a directory that it did not create.
 */
export async function writeArchive(
  store: ObjectStore,
  directory: string,
  { seed = defaultSeed, signal, progress }: WriteOptions = {},
): Promise<{ readonly files: number; readonly bytes: number }> {
  claimDirectory(directory, seed);
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
    // Synchronous calls are several times faster for small files. Ctrl-C is handled between pages.
    await setImmediate();
  }
  return { files, bytes };
}
