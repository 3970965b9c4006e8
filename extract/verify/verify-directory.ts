import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseKey } from '../../exchange/keys.ts';
import { compareKeys } from '../archive/store.ts';
import { forEachConcurrent } from '../concurrent.ts';
import type { Reason } from './reason.ts';
import { type Verified, verifyFile } from './verify-file.ts';

export interface DirectoryReport {
  readonly ok: number;
  readonly bad: number;
  /** Good, as far as can be told without a CHECKSUM file. */
  readonly without_checksum: number;
  /** Zips whose names are not of the layout of kline archives: other data, an unpadded month (A7). */
  readonly skipped: number;
}

export interface VerifyOptions {
  readonly signal: AbortSignal;
  /** Called for each bad archive, in the order of keys. */
  readonly onBad: (key: string, reason: Reason) => void;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** Reading waits for the disk, checking does not: a few at a time keep both busy. */
const filesAtOnce = 8;

/** Verifies every kline archive of a folder in the archive's layout, `root/data/…`. */
export async function verifyDirectory(root: string, options: VerifyOptions): Promise<DirectoryReport> {
  const { signal, onBad, onProgress } = options;
  const { keys, skipped } = await archivesBelow(root, signal);
  const counts = { ok: 0, no_checksum: 0, bad: 0 };
  const results = new Map<number, Verified>();
  let told = 0;
  let done = 0;
  /** Results come in any order and are told in that of the keys. */
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

/** Keys of the kline archives below a folder, those included of which there is a CHECKSUM file alone, ascending. */
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
