import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

// Staging threads load this file and nothing else of the engine, so it imports only from Node.

/** The path a file is written to before it gets its name; the next write overwrites one left behind by a kill. */
export const asideOf = (file: string): string => `${file}.part`;

export interface WriteOptions {
  /** Permissions of the file; by default those of any new file. */
  readonly mode?: number;
  /** Waits until the bytes are on disk, so that after a crash of the machine the name never exists without them. */
  readonly sync?: boolean;
}

/**
 * Writes to a temporary name and renames; leaves nothing behind when it fails. Throws the system's error, which a
 * thread can pass on; elsewhere use `writeWhole`, which throws DISK_FULL.
 */
export function replaceFile(file: string, data: string | Uint8Array, options: WriteOptions = {}): void {
  const aside = asideOf(file);
  try {
    // An existing file keeps its permissions.
    if (options.mode !== undefined) rmSync(aside, { force: true });
    writeNew(aside, typeof data === 'string' ? Buffer.from(data) : data, options);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw named(error, file);
  }
}

/** Writes a file from its start. Makes the folder if it is missing. */
export function writeNew(file: string, data: Uint8Array, { mode, sync = false }: WriteOptions = {}): void {
  const descriptor = openMaking(file, 'w', mode);
  try {
    writeFully(descriptor, data);
    if (sync) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file for writing. Makes the folder if it is missing: retrying is cheaper than checking first. */
export function openMaking(file: string, flags = 'w', mode?: number): number {
  try {
    return openSync(file, flags, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path.dirname(file), { recursive: true });
    return openSync(file, flags, mode);
  }
}

/** Renames a file. Makes the target folder if it is missing. */
export function renameMaking(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  renameSync(from, to);
}

/** Repeats `writeSync`, which may write fewer bytes than it was given. */
export function writeFully(descriptor: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at);
}

/** Adds the path to an error of a descriptor, which does not name its file. */
export const named = (error: unknown, file: string): Error => Object.assign(error as Error, { path: file });
