import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';

/**
 * Path of the write-ahead log of a database file. DuckDB takes a `?` for the start of a URL's parameters and puts its
 * suffix in front of it, so the log of `/a?b/w.duckdb` is `/a.wal?b/w.duckdb`.
 */
export const walOf = (file: string, suffix = '.wal'): string => file.replace(/\?|$/, (end) => `${suffix}${end}`);

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
