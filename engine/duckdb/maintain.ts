import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { asideOf } from '../aside.ts';
import { syncFile, writeAside } from '../disk.ts';
import type { TargetPaths } from '../run/paths.ts';
import { quoteText } from '../sql.ts';
import { stateOfFile } from '../target/lost.ts';
import { noteAsLeft } from './as-left.ts';
import { verifyDatabase } from './verify.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from './warehouse.ts';

/**
 * Copies the warehouse into backups/ before something is done to it. The copy is whole or absent: it is written under another
 * name, read from end to end, and renamed (B35).
 * @returns the path of the copy, or undefined where there is no warehouse
 */
export async function backUp(
  paths: Pick<TargetPaths, 'warehouse' | 'backups'>,
  runId: string,
  options: Pick<WarehouseOptions, 'waitMs' | 'signal'> = {},
): Promise<string | undefined> {
  if (stateOfFile(paths.warehouse) !== 'there') return undefined;
  const copy = path.join(paths.backups, `warehouse-${runId}.duckdb`);
  await mkdir(paths.backups, { recursive: true });
  await writeAside(copy, async (aside) => {
    {
      await using warehouse = await openWarehouse({ file: paths.warehouse, ...options });
      await warehouse.run('CHECKPOINT'); // so that the file alone is the whole database
      await copyFile(paths.warehouse, aside);
    }
    await syncFile(aside);
    await verifyDatabase(aside, options.signal === undefined ? {} : { signal: options.signal });
  });
  await removeUnfinished(paths.backups);
  return copy;
}

/** Removes what a kill left of other copies. Only the holder of the target writes backups. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(asideOf('.duckdb'))) await rm(path.join(folder, name));
  }
}

const smallestWorthCompacting = 64 * 1024 * 1024;

/**
 * Writes a database file again that has more than twice its live blocks, from `smallest` bytes on: DuckDB does not give space
 * back by itself.
 * @returns its size before and after, or undefined if it was left alone
 */
export async function compactWarehouse(
  file: string,
  host: {
    use<T>(work: (warehouse: Warehouse) => Promise<T>): Promise<T>;
    /** Closes the file. */
    release(): Promise<void>;
  },
  smallest = smallestWorthCompacting,
): Promise<{ readonly before: number; readonly after: number } | undefined> {
  if (!existsSync(file)) return undefined;
  const before = (await stat(file)).size;
  if (before < smallest) return undefined;
  const aside = `${file}.compact`;
  const compacted = await host.use(async (warehouse) => {
    await warehouse.run('CHECKPOINT');
    const { total_blocks, used_blocks } = await warehouse.row<{ total_blocks: bigint; used_blocks: bigint }>(
      'SELECT total_blocks, used_blocks FROM pragma_database_size()',
    );
    if (total_blocks <= 2n * used_blocks) return false;
    await rm(aside, { force: true });
    await warehouse.run(`ATTACH ${quoteText(aside)} AS compacted`);
    await warehouse.run('COPY FROM DATABASE warehouse TO compacted');
    await warehouse.run('DETACH compacted');
    return true;
  });
  if (!compacted) return undefined;
  await host.release();
  await rename(aside, file);
  noteAsLeft(file);
  return { before, after: (await stat(file)).size };
}

/** The size of a database as DuckDB writes it. */
export const databaseSize = async (warehouse: Warehouse): Promise<string> =>
  (await warehouse.row<{ size: string }>('SELECT database_size AS size FROM pragma_database_size()')).size;

export const duckdbVersion = async (warehouse: Warehouse): Promise<string> =>
  (await warehouse.row<{ version: string }>('SELECT version() AS version')).version;
