import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ArchiveKey, archiveName, parseKey } from '../../exchange/keys.ts';
import { compareKeys } from '../archive/store.ts';
import { forEachConcurrent } from '../concurrency.ts';
import { largestInflated, scanMember, scanSmall } from '../staging/unpack.ts';
import { parseChecksum } from './checksum.ts';
import { type Reason, reason } from './reason.ts';
import { bufferSource, fileSource, findMember } from './zip.ts';

export interface DirectoryReport {
  readonly ok: number;
  readonly bad: number;
  /** Good as far as can be determined without a CHECKSUM file. */
  readonly without_checksum: number;
  /** Zips whose names do not follow the layout of kline archives: other data, an unpadded month (A7). */
  readonly skipped: number;
}

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Called for each bad archive, in the order of keys. */
  readonly onBad: (key: string, reason: Reason) => void;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** Reading waits for the disk and checking for the processor: a few files at a time keep both busy. */
const filesAtOnce = 8;

/** Verifies every kline archive of a folder in the archive's layout, `root/data/…`. */
export async function verifyDirectory(root: string, options: VerifyOptions): Promise<DirectoryReport> {
  const { signal, onBad, onProgress } = options;
  const { keys, skipped } = await archivesBelow(root, signal);
  const counts = { ok: 0, no_checksum: 0, bad: 0 };
  const results = new Map<number, Verified>();
  let told = 0;
  let done = 0;
  /** Results arrive in any order and are reported in the order of the keys. */
  function tell(): void {
    for (let result = results.get(told); result !== undefined; result = results.get(told)) {
      if (typeof result === 'string') counts[result]++;
      else {
        counts.bad++;
        onBad(keys[told] as string, result);
      }
      results.delete(told++);
    }
  }
  await forEachConcurrent(keys.entries(), filesAtOnce, async ([index, key]) => {
    signal.throwIfAborted();
    const parsed = parseKey(key);
    if (parsed === undefined) throw new Error(`${key} was parsed before`);
    results.set(index, await verifyFile(join(root, key), parsed, signal));
    onProgress?.({ done: ++done, total: keys.length });
    tell();
  });
  return { ok: counts.ok, bad: counts.bad, without_checksum: counts.no_checksum, skipped };
}

/** Returns the keys of the kline archives below a folder in order, including those that have only a CHECKSUM file. */
async function archivesBelow(root: string, signal: AbortSignal) {
  const keys = new Set<string>();
  let skipped = 0;
  async function visit(folder: string): Promise<void> {
    signal.throwIfAborted();
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      if (!entry.isFile()) continue;
      const key = path.replace(/\.CHECKSUM$/, '');
      if (parseKey(key) !== undefined) keys.add(key);
      else if (path.endsWith('.zip')) skipped++;
    }
  }
  await visit('data');
  return { keys: [...keys].sort(compareKeys), skipped };
}

/** Larger zips are read in pieces. */
const largestInMemory = 1024 * 1024;

export type Verified = 'ok' | 'no_checksum' | Reason;

/**
 * Checks a zip of a local archive as an extract would: the SHA-256 if there is a CHECKSUM file, the structure, the name
 * of the member, its size and CRC-32, and every line. Returns the first problem if there are several.
 */
async function verifyFile(file: string, key: ArchiveKey, signal: AbortSignal): Promise<Verified> {
  const text = await unlessAbsent(() => readFile(`${file}.CHECKSUM`, 'utf8'));
  const expected = text === undefined ? undefined : parseChecksum(text, `${archiveName(key)}.zip`);
  if (typeof expected === 'object') return expected;
  const stats = await unlessAbsent(() => stat(file));
  if (stats === undefined) return reason('absent', 'the zip of this CHECKSUM file is missing');

  const bytes = stats.size <= largestInMemory ? await readFile(file) : undefined;
  const found = bytes === undefined ? await digestOf(file, signal) : hash('sha256', bytes);
  if (expected !== undefined && found !== expected) {
    return reason('checksum_mismatch', `the SHA-256 is ${found}, but the CHECKSUM file says ${expected}`);
  }
  return (
    (await contentProblem(file, bytes, stats.size, key, signal)) ?? (expected === undefined ? 'no_checksum' : 'ok')
  );
}

async function contentProblem(
  file: string,
  bytes: Buffer | undefined,
  size: number,
  key: ArchiveKey,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  const source = bytes === undefined ? fileSource(file, size) : bufferSource(bytes);
  const member = await findMember(source, `${archiveName(key)}.csv`);
  if ('code' in member) return member;
  const scanned =
    bytes !== undefined && member.uncompressed_bytes <= largestInflated
      ? scanSmall(bytes, member, key)
      : await scanMember(bytes === undefined ? { source, file } : { source }, member, key, signal, () => {});
  return 'code' in scanned ? scanned : undefined;
}

async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), digest, { signal });
  return digest.digest('hex');
}

async function unlessAbsent<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
