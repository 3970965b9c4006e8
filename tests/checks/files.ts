import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Files of the root that match any pattern, sorted by path, without installed packages and the output of runs. */
export async function readFiles(root: string, patterns: readonly string[]): Promise<readonly SourceFile[]> {
  const ignored = new Set(['node_modules', '.git', 'coverage']);
  const paths: string[] = [];
  for await (const path of glob(patterns, { cwd: root, exclude: (name) => ignored.has(name) })) paths.push(path);
  return Promise.all(paths.sort().map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })));
}

/** The 1-based line of an offset. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
