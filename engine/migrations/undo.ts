import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { sumsFile, sumsText, writeWhole } from '../disk.ts';
import { openWarehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { queriesWaitMs } from '../limits.ts';
import { fileOf, type Migration, migrationsFolder } from './folder.ts';
import { appliedMigrations } from './states.ts';

/**
 * Removes the last migration and its line in SHA256SUMS, and returns it. The definition is not changed, so
 * `migrate new` writes the same change again.
 * @throws PipelineError MIGRATION_RELEASED if it is committed to git or one of the warehouses has been through it, USAGE
 * if there is no migration
 */
export async function undoMigration(options: {
  readonly root: string;
  readonly migrations: readonly Migration[];
  readonly warehouses: readonly string[];
  readonly signal: AbortSignal;
}): Promise<Migration> {
  const { root, migrations, warehouses, signal } = options;
  const last = migrations.at(-1);
  if (last === undefined) throw new PipelineError('USAGE', `${migrationsFolder}/ has no migration to take back`);
  const file = path.join(migrationsFolder, fileOf(last.name));

  const commit = await commitOf(root, file, signal);
  if (commit !== undefined) throw released(last, `committed to git (${commit})`, 'write the change back as a new one');
  for (const warehouse of warehouses) {
    if (!(await hasBeenThrough(warehouse, last, signal))) continue;
    throw released(
      last,
      `applied to ${warehouse}`,
      'restore the backup that `migrate up` made, or write the change back',
    );
  }

  // In this order, a kill leaves a file that is not signed rather than one that is missing.
  const sums = migrations.slice(0, -1).map(({ name, checksum }) => [fileOf(name), checksum] as const);
  writeWhole(path.join(root, migrationsFolder, sumsFile), sumsText(sums));
  await rm(path.join(root, file));
  return last;
}

const released = ({ name }: Migration, how: string, next: string) =>
  new PipelineError('MIGRATION_RELEASED', `${name} cannot be taken back: it is ${how}`, {
    file: `${migrationsFolder}/${fileOf(name)}`,
    hint: `${next}: pnpm pipeline migrate new NAME`,
  });

async function hasBeenThrough(file: string, { number }: Migration, signal: AbortSignal): Promise<boolean> {
  if (!existsSync(file)) return false;
  await using warehouse = await openWarehouse({ file, readOnly: true, waitMs: queriesWaitMs, signal });
  const applied = await appliedMigrations(warehouse);
  return applied.some((one) => one.number === number);
}

/** Returns the newest commit of any branch that touches the file; undefined if there is none, or no repository. */
async function commitOf(root: string, file: string, signal: AbortSignal): Promise<string | undefined> {
  if (!isInRepository(root)) return undefined;
  const args = ['-C', root, 'log', '--all', '-1', '--format=%h', '--', file];
  try {
    const { stdout } = await promisify(execFile)('git', args, { signal });
    return stdout.trim() || undefined;
  } catch (cause) {
    signal.throwIfAborted();
    throw new PipelineError('USAGE', `git does not say whether it is committed: ${(cause as Error).message.trim()}`, {
      file,
      hint: 'see that `git log` works in this folder',
      cause,
    });
  }
}

function isInRepository(folder: string): boolean {
  const parent = path.dirname(folder);
  return existsSync(path.join(folder, '.git')) || (parent !== folder && isInRepository(parent));
}
