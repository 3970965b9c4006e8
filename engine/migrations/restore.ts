import { existsSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { readSchema } from '../duckdb/introspect.ts';
import { openWarehouse } from '../duckdb/warehouse.ts';
import { PipelineError } from '../errors.ts';
import { backUp } from '../run/backup.ts';
import { lockTarget } from '../run/lock.ts';
import type { TargetPaths } from '../run/paths.ts';

/**
 * Puts a backup in the place of the warehouse and leaves the backup where it is.
 * @throws PipelineError WAREHOUSE_UNREADABLE where the file is no warehouse, WAREHOUSE_MISSING where there is none, WAREHOUSE_LOCKED, RUN_LOCKED
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
  await using _lock = await lockTarget(paths.root, {
    command: 'pipeline migrate restore',
    since: now,
    wait: options.wait,
    signal,
  });
  await expectWarehouse(backup, signal);
  const before = await backUp(paths, runId);
  if (before !== undefined) print(`the warehouse as it was: ${before}`);
  const aside = `${paths.warehouse}.restore`;
  await copyFile(backup, aside);
  await rm(`${paths.warehouse}.wal`, { force: true }); // what it holds belongs to the file that goes
  await rename(aside, paths.warehouse);
  print(`restored ${paths.warehouse} from ${backup}`);
}

const notRestored =
  'name a file that `migrate up`, `clean` or `run --full-refresh` wrote into backups/; nothing was changed';

/** A backup is a whole database with tables; what else a path names is not put in the place of a warehouse. */
async function expectWarehouse(file: string, signal: AbortSignal): Promise<void> {
  const refused = (code: 'WAREHOUSE_UNREADABLE' | 'WAREHOUSE_MISSING', problem: string, cause?: unknown) =>
    new PipelineError(code, problem, { file, hint: notRestored, cause });
  if (!existsSync(file)) throw refused('WAREHOUSE_MISSING', 'there is no such file');
  try {
    await using database = await openWarehouse({ file, readOnly: true, signal });
    if (Object.keys(await readSchema(database)).length > 0) return;
  } catch (error) {
    const isNone = error instanceof PipelineError && ['WAREHOUSE_UNREADABLE', 'WAREHOUSE_MISSING'].includes(error.code);
    if (!isNone && (error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    throw refused('WAREHOUSE_UNREADABLE', 'it is not a warehouse: DuckDB cannot open it', error);
  }
  throw refused('WAREHOUSE_UNREADABLE', 'it is not a warehouse: it has no tables');
}
