import { existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFile } from '../disk.ts';
import { backUp, openWarehouse, readOrigin, verifyDatabase, type Warehouse, writeOrigin } from '../duckdb/index.ts';
import { type ErrorCode, PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { storedTables } from '../schema/table.ts';
import { lockTarget } from '../target/lock.ts';
import { stateOfFile } from '../target/lost.ts';
import { type TargetPaths, walOf } from '../target/paths.ts';
import { readRecord, updateRecord } from '../target/record.ts';
import { type Definition, readStanding } from './states.ts';

export interface RestoreOptions {
  readonly backup: string;
  readonly paths: TargetPaths;
  readonly definition: Definition;
  /** True if the target's data is synthetic. */
  readonly synthetic: boolean;
  /** Waits while a run has the target locked. */
  readonly wait: boolean;
  readonly runId: string;
  readonly now: Date;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Replaces the warehouse with a backup, and keeps the backup. A copy that was read from end to end is renamed at the
 * end, so an interruption leaves either the old warehouse or the new one.
 * @throws PipelineError WAREHOUSE_MISSING if there is no such file, WAREHOUSE_UNREADABLE if it is damaged or not a
 * warehouse, ARCHIVE_DIFFERS if it belongs to another target, WAREHOUSE_LOCKED, RUN_LOCKED
 */
export async function restoreBackup(options: RestoreOptions): Promise<void> {
  const { backup, paths, now, print, signal } = options;
  await using lock = await lockTarget(paths.root, {
    command: 'pipeline migrate restore',
    since: now,
    wait: options.wait,
    signal,
    tell: print,
  });
  if (existsSync(backup) && !statSync(backup).isFile()) throw notWarehouse(backup, 'it is not a file');
  if (stateOfFile(backup) === 'missing') {
    throw new PipelineError('WAREHOUSE_MISSING', `there is no backup ${backup}`, {
      file: backup,
      hint: `backups of this target are in ${paths.backups}`,
    });
  }
  // Not next to target.json, which describes the warehouse there.
  const aside = path.join(paths.backups, 'restoring.part');
  await mkdir(paths.backups, { recursive: true });
  try {
    const id = await copyVerified(aside, options);
    const before = await keepCurrent(options);
    if (before !== undefined) print(`backup of the warehouse: ${before}`);
    lock.confirm();
    await rm(walOf(paths.warehouse), { force: true }); // it belongs to the file being replaced
    await rename(aside, paths.warehouse);
    const known = readRecord(paths.root)?.warehouse;
    const at = now.toISOString();
    await updateRecord(paths.root, { id, warehouse: { made_at: known?.made_at ?? at, published_at: at } });
  } finally {
    for (const file of [aside, walOf(aside)]) await rm(file, { force: true });
  }
  print(`restored ${paths.warehouse} from ${backup}`);
}

/** Copies the backup, gives the copy the target's id if it has none, and reads all of it. @returns the id */
async function copyVerified(aside: string, options: RestoreOptions): Promise<string | undefined> {
  const { backup, signal } = options;
  const blame = (error: unknown): unknown =>
    error instanceof PipelineError && error.details.file === aside
      ? new PipelineError(error.code as ErrorCode, error.message, { ...error.details, file: backup })
      : machineFault(error, aside);
  try {
    await rm(walOf(aside), { force: true });
    await copyFile(backup, aside);
    // A file that was copied by hand may have some of its rows in a WAL.
    if (existsSync(walOf(backup))) {
      await mkdir(path.dirname(walOf(aside)), { recursive: true });
      await copyFile(walOf(backup), walOf(aside));
    }
    const id = await adopt(aside, options);
    await verifyDatabase(aside, { signal, check: (database) => expectWarehouse(database, options) });
    await syncFile(aside);
    return id;
  } catch (error) {
    throw blame(error);
  }
}

async function adopt(aside: string, { paths, synthetic, signal, backup }: RestoreOptions): Promise<string | undefined> {
  if (stateOfFile(aside) !== 'there') throw notWhole(backup);
  await using database = await openWarehouse({ file: aside, signal }).catch((error: unknown) => {
    const isUnreadable = error instanceof PipelineError && error.code === 'WAREHOUSE_UNREADABLE';
    throw isUnreadable ? notWarehouse(backup, error.message.replaceAll(aside, backup), error) : error;
  });
  const id = readRecord(paths.root)?.id;
  const origin = await readOrigin(database);
  if (origin === undefined && id !== undefined) await writeOrigin(database, { id, synthetic });
  await database.run('CHECKPOINT');
  if (origin === undefined) return id;
  const isOther = id !== undefined && origin.id !== id;
  if (!isOther && origin.synthetic === synthetic) return origin.id;
  throw new PipelineError('ARCHIVE_DIFFERS', 'this is a backup of another target; nothing was changed', {
    file: backup,
    hint: `use a backup of this target, from ${paths.backups}, or restore it in a new target`,
  });
}

const notWhole = (backup: string) =>
  new PipelineError('WAREHOUSE_UNREADABLE', 'it is empty or truncated', {
    file: backup,
    hint: 'use another backup: pnpm pipeline doctor shows which ones are complete',
  });

const notWarehouse = (backup: string, why: string, cause?: unknown) =>
  new PipelineError('WAREHOUSE_UNREADABLE', `it is not a warehouse: ${why}`, {
    file: backup,
    hint: 'use a file that migrate up, clean or run --full-refresh wrote to backups/; nothing was changed',
    cause,
  });

/**
 * @throws PipelineError WAREHOUSE_UNREADABLE for a database without any table of the definition, SCHEMA_NEWER,
 * MIGRATION_CHANGED
 */
async function expectWarehouse(database: Warehouse, { definition, backup }: RestoreOptions): Promise<void> {
  const standing = await readStanding(database, definition.migrations);
  const names = storedTables(definition.schema).map(({ name }) => name);
  if (standing.kind !== 'empty' && names.some((name) => standing.live[name] !== undefined)) return;
  throw notWarehouse(backup, `it has none of the tables ${names.join(', ')}`);
}

const unfit: ReadonlySet<string> = new Set(['WAREHOUSE_UNREADABLE', 'WAREHOUSE_LOST']);

/**
 * Keeps a copy of the current warehouse. A damaged or lost one is the reason to restore a backup, and is kept as it is.
 */
async function keepCurrent({ paths, runId, signal }: RestoreOptions): Promise<string | undefined> {
  const { warehouse } = paths;
  try {
    return await backUp(paths, runId, { signal });
  } catch (error) {
    if (!(error instanceof PipelineError && unfit.has(error.code))) throw error;
  }
  const aside = `${warehouse}.damaged-${runId}`;
  for (const [from, to] of [
    [warehouse, aside],
    [walOf(warehouse), walOf(aside)],
  ] as const)
    if (existsSync(from)) await copyFile(from, to);
  return aside;
}
