import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { backUp } from './backup.ts';
import { lockTarget } from './lock.ts';
import type { TargetPaths } from './paths.ts';

/** Removes what can be built again: warehouse (a copy is kept), exports, artifacts, logs; the staging area only when asked. */
export async function cleanTarget(options: {
  readonly paths: TargetPaths;
  readonly staging: boolean;
  readonly runId: string;
  readonly now: Date;
  readonly signal: AbortSignal;
}): Promise<{ readonly backup: string | undefined; readonly removed: readonly string[] }> {
  const { paths, staging, runId, now, signal } = options;
  if (!existsSync(paths.root)) return { backup: undefined, removed: [] };
  await using _lock = await lockTarget(paths.root, { command: 'pipeline clean', since: now, wait: false, signal });
  const backup = await backUp(paths, runId);
  const removable = [
    paths.warehouse,
    `${paths.warehouse}.wal`,
    paths.exports,
    paths.artifacts,
    paths.logs,
    ...(staging ? [paths.staging] : []),
  ];
  const removed = removable.filter((file) => existsSync(file));
  for (const file of removed) await rm(file, { recursive: true });
  return { backup, removed };
}
