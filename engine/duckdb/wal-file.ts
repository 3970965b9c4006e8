import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { walOf } from '../target/paths.ts';

/** Suffixes of all the logs that DuckDB writes. */
const suffixes = ['.wal', '.wal.checkpoint', '.wal.recovery'];

/** Creates the folders of logs that are not next to the file. Disposing removes them, unless they contain a log. */
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

/** Removes a folder and its parents up to `first`, as long as they are empty. */
function removeEmpty(folder: string, first: string): void {
  try {
    rmdirSync(folder);
  } catch {
    return; // it contains a log that the next open needs
  }
  if (folder !== first) removeEmpty(path.dirname(folder), first);
}
