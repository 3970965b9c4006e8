import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

// Staging threads load this file and nothing else of the engine, so it imports only Node.

/** Where a file is written before it gets its name; one that a kill left behind is overwritten by the next write. */
export const asideOf = (file: string): string => `${file}.part`;

export interface WriteOptions {
  /** Permissions of the file; by default those of any new file. */
  readonly mode?: number;
  /** Waits until the bytes are on the disk, so that a crash of the machine cannot leave the name without them. */
  readonly sync?: boolean;
}

/**
 * Writes aside and renames, and leaves nothing behind when it fails. Throws the error of the system, which a thread can
 * pass on; elsewhere use `writeWhole`, which says DISK_FULL.
 */
export function replaceFile(file: string, data: string | Uint8Array, options: WriteOptions = {}): void {
  const aside = asideOf(file);
  try {
    // A file that is there keeps its permissions.
    if (options.mode !== undefined) rmSync(aside, { force: true });
    writeNew(aside, typeof data === 'string' ? Buffer.from(data) : data, options);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw named(error, file);
  }
}

/** Writes a file from its start, in a folder that may be missing. */
export function writeNew(file: string, data: Uint8Array, { mode, sync = false }: WriteOptions = {}): void {
  const descriptor = openMaking(file, 'w', mode);
  try {
    writeFully(descriptor, data);
    if (sync) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens for writing. Makes the folder if it is missing: retrying is cheaper than checking first. */
export function openMaking(file: string, flags = 'w', mode?: number): number {
  try {
    return openSync(file, flags, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path.dirname(file), { recursive: true });
    return openSync(file, flags, mode);
  }
}

/** Renames, making the folder if it is missing. */
export function renameMaking(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  renameSync(from, to);
}

/** `writeSync` may write less than it was given. */
export function writeFully(descriptor: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at);
}

/** Errors of descriptors do not name their file. */
export const named = (error: unknown, file: string): Error => Object.assign(error as Error, { path: file });
