import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { loadFeed } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import type { SeedNode } from '../graph/graph.ts';
import { type NodeOutcome, type RunContext, readersOf } from './context.ts';

/** Replaces the table of a seed if its file or the definition of the table has changed. */
export async function executeSeed(node: SeedNode, context: RunContext): Promise<NodeOutcome> {
  const { table, rows, feed } = await context.project.seed(node);
  const directory = path.join(context.paths.staging, '.load');
  const readers = await readersOf(node.name, context);
  const changed = await context.warehouse.use(async (warehouse) => {
    // Made once the warehouse is open: a folder with data and no warehouse would mean that it was lost.
    await mkdir(directory, { recursive: true });
    return await loadFeed(warehouse, table, feed, { directory, runId: context.runId, readers }).catch(
      (cause: unknown) => {
        // The fields are right on their own, so it is a condition between two columns.
        if (!(cause instanceof Error && /constraint/i.test(cause.message))) throw cause;
        throw new PipelineError('SEED_INVALID', `its rows break a rule of the table: ${cause.message}`, {
          file: node.path,
          hint: 'correct the rows, or the definition of the table in the schema',
          cause,
        });
      },
    );
  });
  if (changed === 0) return { status: 'reused', message: 'its file has not changed' };
  return { status: 'pass', message: countOf(rows, 'row'), facts: { rows_affected: rows } };
}
