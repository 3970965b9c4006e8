import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asideOf, replaceFile, type WriteOptions } from './aside.ts';
import { type ErrorCode, PipelineError } from './errors.ts';
import { machineFault } from './machine-fault.ts';

/**
 * Writes to a temporary name and renames, so that a reader sees the old file or the new one, never a part. Makes the
 * folder if it is missing, and leaves nothing behind when it fails.
 * @throws PipelineError for a fault of the machine (DISK_FULL, READ_ONLY …)
 */
export function writeWhole(file: string, data: string | Uint8Array, options: WriteOptions = {}): void {
  try {
    replaceFile(file, data, options);
  } catch (error) {
    throw machineFault(error, file);
  }
}

/**
 * Replaces a file with the one that `write` creates at the path passed to it, for writers that need a path or time.
 * The folder must exist. Leaves nothing behind when it fails.
 * @throws PipelineError for a fault of the machine (DISK_FULL, READ_ONLY …), and whatever `write` throws
 */
export async function writeAside<T>(
  file: string,
  write: (aside: string) => Promise<T>,
  aside = asideOf(file),
): Promise<T> {
  try {
    const written = await write(aside);
    await rename(aside, file);
    return written;
  } catch (error) {
    const fault = machineFault(error, file);
    // The requested file is more useful in the message than its temporary name.
    const isAside = fault instanceof PipelineError && fault.details.file === aside;
    throw isAside ? new PipelineError(fault.code as ErrorCode, fault.message, { ...fault.details, file }) : fault;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Waits until the bytes of a file are on disk, so that they are there before it is renamed. */
export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.sync();
}

/** True if a path leads below a folder: neither out of it nor to the folder itself. */
export const isBelow = (file: string, folder: string): boolean =>
  path.resolve(file).startsWith(`${path.resolve(folder)}${path.sep}`);

/** Returns the bytes that an ordinary user may still write in a folder, which need not exist yet. */
export async function freeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    const parent = path.dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw error;
    return freeBytes(parent);
  }
}

/** Returns the SHA-256 of a file, or undefined if it does not exist. */
export async function fileDigest(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw machineFault(error, file);
  }
  return hash.digest('hex');
}

export const sumsFile = 'SHA256SUMS';

/** Reads a folder's SHA256SUMS: its text, empty if there is no such file, and its entries (file name → SHA-256). */
export async function readSums(
  directory: string,
): Promise<{ readonly text: string; readonly sums: Map<string, string> }> {
  const text = await readFile(path.join(directory, sumsFile), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return { text, sums: new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)])) };
}

/** Formats a line per file, sorted by name, as `sha256sum -c` reads it. */
export const sumsText = (sums: Iterable<readonly [name: string, digest: string]>): string =>
  [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join('');

const longest = 100;

/** Returns a file name for a node, whose name may contain any column name; a digest replaces invalid characters. */
export function fileNameOf(name: string): string {
  const plain = name.replace(/[^\w.-]+/g, '_').slice(0, longest);
  return plain === name && !name.startsWith('.') ? name : `${plain}-${hash('md5', name).slice(0, 8)}`;
}
