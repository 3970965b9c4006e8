import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { walOf } from '../target/paths.ts';

/** DuckDB writes all of these. */
const suffixes = ['.wal', '.wal.checkpoint', '.wal.recovery'];

/** Makes the folders of the logs that are not next to the file. Removes them when disposed of, unless a log is left. */
export function makeWalFolders(file: string): Disposable {
  const own = path.dirname(file);
  const made = suffixes.flatMap((suffix) => {
    const folder = path.dirname(walOf(file, suffix));
    if (folder === own) return [];
    return [{ folder, first: mkdirSync(folder, { recursive: true }) ?? folder }];
  });
  return {
    [Symbol.dispose]() {
      for (const { folder, first } of made) removeEmpty(folder, first);
    },
  };
}

/** Removes a folder and those above it up to `first`, as far as nothing is in them. */
function removeEmpty(folder: string, first: string): void {
  try {
    rmdirSync(folder);
  } catch {
    return; // a log is left in it, for whoever opens the database next
  }
  if (folder !== first) removeEmpty(path.dirname(folder), first);
}
