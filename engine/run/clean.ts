import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { noteOf } from '../duckdb/as-left.ts';
import type { Extract, Freed } from '../extract.ts';
import { backUp } from './backup.ts';
import { lockTarget } from './lock.ts';
import type { TargetPaths } from './paths.ts';

/**
 * Removes what can be built again: warehouse (a copy is kept), exports, artifacts, logs; with `extracts`, what these have
 * staged and can fetch again, while what they know about it stays.
 */
export async function cleanTarget(options: {
  readonly paths: TargetPaths;
  readonly extracts: readonly Extract[];
  readonly runId: string;
  readonly now: Date;
  readonly signal: AbortSignal;
}): Promise<{ readonly backup: string | undefined; readonly removed: readonly string[]; readonly freed: Freed }> {
  const { paths, extracts, runId, now, signal } = options;
  const freed = { files: 0, bytes: 0 };
  if (!existsSync(paths.root)) return { backup: undefined, removed: [], freed };
  await using lock = await lockTarget(paths.root, { command: 'pipeline clean', since: now, wait: false, signal });
  const backup = await backUp(paths, runId);
  const { warehouse, exports, artifacts, logs } = paths;
  const removable = [warehouse, `${warehouse}.wal`, exports, artifacts, logs];
  const removed = removable.filter((file) => existsSync(file));
  lock.confirm();
  for (const file of removed) await rm(file, { recursive: true });
  await rm(noteOf(warehouse), { force: true });
  for (const extract of extracts) {
    const { files = 0, bytes = 0 } = (await extract.clean?.({ stagingDir: paths.staging, signal })) ?? {};
    freed.files += files;
    freed.bytes += bytes;
  }
  return { backup, removed, freed };
}
