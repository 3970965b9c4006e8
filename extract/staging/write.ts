import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where a file is written before it gets its name; left over by a kill, it is overwritten by the next run. */
export const asideOf = (file: string): string => `${file}.part`;

/** Writes aside and renames, so that `file` is there whole or not at all. */
export function replaceFile(file: string, data: string | Uint8Array): void {
  const aside = asideOf(file);
  try {
    writeNew(aside, typeof data === 'string' ? Buffer.from(data) : data);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw named(error, file);
  }
}

/** Writes a file from its start, in a folder that may be missing. */
export function writeNew(file: string, data: Uint8Array): void {
  const descriptor = openMaking(file);
  try {
    writeFully(descriptor, data);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens for writing, making the folder where it is missing: a second look is dearer than a rare second try. */
export function openMaking(file: string, flags = 'w'): number {
  try {
    return openSync(file, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(file), { recursive: true });
    return openSync(file, flags);
  }
}

/** Renames, making the folder where it is missing. */
export function renameMaking(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

/** `writeSync` may write less than it was given. */
export function writeFully(descriptor: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at);
}

/** Errors of descriptors do not name their file. */
export const named = (error: unknown, file: string): Error => Object.assign(error as Error, { path: file });
