import { backUp, type Conclusion, forgetInputs } from '../duckdb/index.ts';
import type { GraphNode } from '../graph/graph.ts';
import type { RunContext } from './context.ts';
import { readersWaitMs } from './warehouse-host.ts';

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
