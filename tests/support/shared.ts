import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe } from 'vitest';
import { needsShared } from '../checks/summary.ts';
import { sharedDir } from './temp.ts';

/** Test input that lies next to the repository and is not part of it. */
export const sharedPath = (...parts: readonly string[]): string =>
  join(import.meta.dirname, '../../../shared', ...parts);

export const canUseShared = existsSync(sharedPath()) && spawnSync('python3', ['--version']).status === 0;

/**
 * A suite that reads ../shared or runs its Python tools. It is skipped where that is not possible, and `pnpm test` says
 * so.
 */
export const describeShared = (title: string, suite: () => void): unknown =>
  describe.skipIf(!canUseShared)(`${title} ${needsShared}`, suite);

/** The real archive as a tree of files with their publication times, unpacked once per test run; read only. */
export const realArchive = (): Promise<string> =>
  sharedDir('real-archive', (directory) =>
    promisify(execFile)('tar', ['-xzpf', sharedPath('real-archive/archive.tar.gz'), '-C', directory]),
  );
