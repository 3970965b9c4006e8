import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { asideOf } from '../aside.ts';
import { syncFile, writeAside } from '../disk.ts';
import { isAbort, PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { quoteName, quoteText } from '../sql.ts';
import { stateOfFile } from '../target/lost.ts';
import { type TargetPaths, walOf } from '../target/paths.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from './warehouse.ts';

/**
 * Copies the warehouse into backups/ before a change. The copy is complete or absent: it is written under another name,
 * read from end to end, and renamed (B35).
 * @returns the path of the copy, or undefined if there is no warehouse
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

/** Removes unfinished copies of killed runs. Only the holder of the target writes backups. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(asideOf('.duckdb'))) await rm(path.join(folder, name));
  }
}

const smallestWorthCompacting = 64 * 1024 * 1024;

/**
 * Rewrites a database file of at least `smallest` bytes if it is more than twice the size of its live blocks, since
 * DuckDB does not shrink files.
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

/** Returns the size of a database as DuckDB prints it. */
export const databaseSize = async (warehouse: Warehouse): Promise<string> =>
  (await warehouse.row<{ size: string }>('SELECT database_size AS size FROM pragma_database_size()')).size;

export const duckdbVersion = async (warehouse: Warehouse): Promise<string> =>
  (await warehouse.row<{ version: string }>('SELECT version() AS version')).version;

/**
 * Opens a database file and reads all of it, so that DuckDB verifies the checksum of every block.
 * @param check runs further checks on the open database
 * @throws PipelineError WAREHOUSE_UNREADABLE if a block is damaged or missing, and as `openWarehouse`
 */
export async function verifyDatabase(
  file: string,
  {
    check = async () => {},
    signal,
  }: { readonly check?: (database: Warehouse) => Promise<void>; readonly signal?: AbortSignal },
): Promise<void> {
  await using database = await openWarehouse({ file, readOnly: true, ...(signal !== undefined && { signal }) });
  await check(database);
  try {
    await expectAllBlocks(database);
    for (const table of await tablesOf(database)) {
      await database.rows(`SELECT bit_xor(hash(*COLUMNS(*))) FROM ${table}`);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isAbort(error) || machineFault(error) !== error) throw error;
    throw new PipelineError('WAREHOUSE_UNREADABLE', `it is damaged: ${(error as Error).message}`, {
      file,
      hint: 'use another backup: pnpm pipeline doctor shows which ones are complete',
      cause: error,
    });
  }
}

const headersSize = 3 * 4096;

/**
 * Truncation may remove blocks that no table scan reads, such as those of an index. DuckDB itself cuts off free blocks at
 * the end of a file after it has written the header that counts them, so only as many as are in use must be there.
 */
async function expectAllBlocks(database: Warehouse): Promise<void> {
  const { block_size, used_blocks } = await database.row<{ block_size: bigint; used_blocks: bigint }>(
    'SELECT block_size, used_blocks FROM pragma_database_size()',
  );
  const needed = headersSize + Number(block_size * used_blocks);
  const { size } = await stat(database.file);
  if (size < needed) throw new Error(`it has ${size} bytes of ${needed}`);
}

async function tablesOf(database: Warehouse): Promise<readonly string[]> {
  const tables = await database.rows<{ schema_name: string; table_name: string }>(
    'SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY ALL',
  );
  return tables.map(({ schema_name, table_name }) => `${quoteName(schema_name)}.${quoteName(table_name)}`);
}

/**
 * True if nobody else has written to a database since `noteAsLeft`. Must be called before anything is written to it: it
 * compares the file's size and its times of change in ns (one of which cannot be set), and a killed process leaves a
 * WAL next to it.
 */
export function isAsLeft(file: string): boolean {
  const note = noteOf(file);
  return !existsSync(walOf(file)) && existsSync(note) && readFileSync(note, 'latin1') === standingOf(file);
}

/**
 * Must be called once the database is closed. If the note cannot be written (a full disk, say), the next open assumes a
 * change.
 */
export function noteAsLeft(file: string): void {
  if (isAsLeft(file)) return;
  try {
    writeFileSync(noteOf(file), standingOf(file));
  } catch {
    rmSync(noteOf(file), { force: true });
  }
}

/** The path of the note, next to the database. */
const noteOf = (file: string): string => `${file}.left`;

function standingOf(file: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
