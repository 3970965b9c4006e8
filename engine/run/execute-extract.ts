import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { loadFeed } from '../duckdb/feeds.ts';
import type { ExtractNode } from '../graph/graph.ts';
import { formatCount } from '../report/format.ts';
import type { Table } from '../schema/table.ts';
import { type NodeOutcome, type RunContext, refOf } from './context.ts';

/** Runs an extract and takes its tables over into the warehouse, which is held only for that. */
export async function executeExtract(node: ExtractNode, context: RunContext): Promise<NodeOutcome> {
  const { reporter, paths } = context;
  const ref = refOf(node);
  const extract = await context.project.extract(node);
  await mkdir(paths.staging, { recursive: true });
  const result = await extract.run({
    target: context.target,
    options: node.spec.with,
    vars: context.vars,
    window: context.windows.get(node.id),
    asOf: context.asOf,
    stagingDir: paths.staging,
    relist: context.relist,
    signal: context.signal,
    upstream: new Map([...context.extracted].map(([name, { output }]) => [name, output])),
    progress: (progress) => reporter.report({ type: 'node_progress', node: ref, progress }),
    warn: (message) => reporter.report({ type: 'log', level: 'warn', message, node: ref }),
    share: context.share,
  });
  context.extracted.set(node.name, result);
  await takeOver(node, context);
  const figures = Object.entries(result.summary).filter(([, figure]) => figure !== 0);
  return {
    status: result.status === 'success' ? 'pass' : result.status,
    message: figures.map(([name, figure]) => `${formatCount(figure)} ${name}`).join(', ') || 'nothing to do',
    facts: result.summary,
  };
}

/** Loads the tables of an extract from what it has staged. */
async function takeOver(node: ExtractNode, context: RunContext): Promise<void> {
  const extract = await context.project.extract(node);
  const { feeds = {} } = await extract.staged({ stagingDir: context.paths.staging, asOf: context.asOf });
  if (Object.keys(feeds).length === 0) return;
  const directory = path.join(context.paths.staging, '.load');
  await mkdir(directory, { recursive: true });
  await context.warehouse.use(async (warehouse) => {
    for (const [name, feed] of Object.entries(feeds)) {
      await loadFeed(warehouse, context.project.schema[name] as Table, feed, { directory, runId: context.runId });
    }
  });
}
