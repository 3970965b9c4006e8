import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { asideOf } from '../aside.ts';
import { syncFile, writeAside } from '../disk.ts';
import { noteAsLeft } from '../duckdb/as-left.ts';
import { type Conclusion, forgetInputs } from '../duckdb/state.ts';
import { verifyDatabase } from '../duckdb/verify.ts';
import { openWarehouse, type WarehouseOptions } from '../duckdb/warehouse.ts';
import type { GraphNode } from '../graph/graph.ts';
import { quoteText } from '../sql.ts';
import { stateOfFile } from '../target/lost.ts';
import type { RunContext } from './context.ts';
import type { TargetPaths } from './paths.ts';
import { readersWaitMs } from './warehouse-host.ts';

/**
 * Copies the warehouse into backups/ before something is done to it. The copy is whole or absent: it is written under another
 * name, read from end to end, and renamed (B35).
 * @returns the path of the copy, or undefined where there is no warehouse
 */
export async function backUp(
  paths: TargetPaths,
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

/** For `--full-refresh`: keeps a copy, then forgets what the selected nodes were built from, so that all of it is dirty. */
export async function forgetBuilt(nodes: readonly GraphNode[], context: RunContext): Promise<void> {
  const copy = await backUp(context.paths, context.runId, { waitMs: readersWaitMs, signal: context.signal });
  if (copy === undefined) return;
  context.reporter.report({ type: 'log', level: 'info', message: `the warehouse as it was: ${copy}` });
  const tables: string[] = [];
  const conclusions: Conclusion[] = [];
  for (const { kind, name } of nodes) {
    if (kind === 'test' || kind === 'export') conclusions.push({ kind, name });
    else tables.push(name);
  }
  // With a range, the partitions outside it keep their rows.
  await context.warehouse.use((warehouse) => forgetInputs(warehouse, tables, conclusions));
}

const smallestWorthCompacting = 64 * 1024 * 1024;

/**
 * DuckDB does not give space back: a file of more than twice its live blocks is written anew and renamed, from `smallest`
 * bytes on.
 */
export async function compactWarehouse(
  context: Pick<RunContext, 'paths' | 'warehouse' | 'reporter'>,
  smallest = smallestWorthCompacting,
): Promise<void> {
  const file = context.paths.warehouse;
  if (!existsSync(file)) return;
  const before = (await stat(file)).size;
  if (before < smallest) return;
  const aside = `${file}.compact`;
  const compacted = await context.warehouse.use(async (warehouse) => {
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
  if (!compacted) return;
  await context.warehouse.release();
  await rename(aside, file);
  noteAsLeft(file);
  context.reporter.report({
    type: 'log',
    level: 'info',
    message: `compacted the warehouse from ${before} to ${(await stat(file)).size} bytes`,
  });
}
