import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { loadFeed, type Warehouse } from '../duckdb/index.ts';
import type { ExtractContext, ExtractResult, Progress } from '../extract.ts';
import { countIn } from '../format.ts';
import type { ExtractNode } from '../graph/graph.ts';
import type { Table } from '../schema/table.ts';
import { createRateMeter } from './confirm.ts';
import { type ExtractScope, type NodeOutcome, type RunContext, readersOf, refOf } from './context.ts';

/** Runs an extract and loads its tables into the warehouse, which is held only while they are loaded. */
export async function executeExtract(node: ExtractNode, context: RunContext): Promise<NodeOutcome> {
  const extract = await context.project.extract(node);
  await mkdir(context.paths.staging, { recursive: true });
  const own = extractContext(node, context);
  const meter = createRateMeter(context.clock);
  const progress = (progress: Progress) => {
    meter.update(progress);
    own.progress(progress);
  };
  const result = await extract.run({ ...own, progress });
  const rate = meter.rate();
  context.extracted.set(node.name, result);
  await context.warehouse.use((warehouse) => takeOver(node, warehouse, context));
  return {
    status: result.status === 'success' ? 'pass' : 'no-op',
    message: summaryText(result),
    facts: { ...result.summary, ...rate },
  };
}

/** The final figures of an extract in one line. */
export function summaryText({ summary }: ExtractResult): string {
  const figures = Object.entries(summary).filter(([, figure]) => figure !== 0);
  return figures.map(([name, figure]) => countIn(figure, name)).join(', ') || 'nothing to do';
}

/** The view that an extract gets of a run, or of a plan of one. */
export function extractContext(node: ExtractNode, context: ExtractScope): ExtractContext {
  const { reporter } = context;
  const ref = refOf(node);
  return {
    target: context.target,
    options: node.spec.with,
    vars: context.vars,
    window: context.windows.get(node.id),
    asOf: context.asOf,
    stagingDir: context.paths.staging,
    relist: context.relist,
    rebuild: context.rebuild,
    locked: context.locked,
    signal: context.signal,
    upstream: new Map([...context.extracted].map(([name, { output }]) => [name, output])),
    progress: (progress) => reporter.report({ type: 'node_progress', node: ref, progress }),
    confirm: (estimate) => context.confirm(ref, estimate),
    warn: (warning) => context.acknowledgements.warn(ref, warning),
    info: (message) => reporter.report({ type: 'log', level: 'info', message, node: ref }),
    share: context.share,
  };
}

/** Loads the tables of an extract from its staged files. */
async function takeOver(node: ExtractNode, warehouse: Warehouse, context: RunContext): Promise<void> {
  const extract = await context.project.extract(node);
  const output = context.extracted.get(node.name)?.output;
  const { feeds = {} } = await extract.staged({ stagingDir: context.paths.staging, asOf: context.asOf, output });
  if (Object.keys(feeds).length === 0) return;
  const directory = path.join(context.paths.staging, '.load');
  await mkdir(directory, { recursive: true });
  for (const [name, feed] of Object.entries(feeds)) {
    const readers = await readersOf(name, context);
    await loadFeed(warehouse, context.project.schema[name] as Table, feed, {
      directory,
      runId: context.runId,
      readers,
    });
  }
}
