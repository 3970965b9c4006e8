import { copyFile, rename, rm } from 'node:fs/promises';
import { openWarehouse } from '../duckdb/warehouse.ts';
import { backUp } from '../run/backup.ts';
import { lockTarget } from '../run/lock.ts';
import type { TargetPaths } from '../run/paths.ts';

/**
 * Puts a backup in the place of the warehouse and leaves the backup where it is.
 * @throws PipelineError WAREHOUSE_MISSING where there is no such file, WAREHOUSE_LOCKED, RUN_LOCKED
 */
export async function restoreBackup(options: {
  readonly backup: string;
  readonly paths: TargetPaths;
  readonly wait: boolean;
  readonly runId: string;
  readonly now: Date;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { backup, paths, runId, now, print, signal } = options;
  await using lock = await lockTarget(paths.root, {
    command: 'pipeline migrate restore',
    since: now,
    wait: options.wait,
    signal,
    tell: print,
  });
  await using _whole = await openWarehouse({ file: backup, readOnly: true, signal }); // it is a database
  const before = await backUp(paths, runId);
  if (before !== undefined) print(`the warehouse as it was: ${before}`);
  const aside = `${paths.warehouse}.restore`;
  await copyFile(backup, aside);
  lock.confirm();
  await rm(`${paths.warehouse}.wal`, { force: true }); // what it holds belongs to the file that goes
  await rename(aside, paths.warehouse);
  print(`restored ${paths.warehouse} from ${backup}`);
}
