import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CompiledModel, ModelWarning } from '../duckdb/dialect.ts';
import {
  alteredPartitions,
  type BuildOptions,
  type BuildOutcome,
  buildModel,
  isUpToDate,
  loadFeed,
  readsClock,
  recordUpToDate,
  type TestOutcome,
  type Warehouse,
} from '../duckdb/index.ts';
import { isAbort, PipelineError } from '../errors.ts';
import type { StagedSource } from '../extract.ts';
import { countOf, formatCount } from '../format.ts';
import type { ExtractNode, ModelNode, TestNode } from '../graph/graph.ts';
import type { Table } from '../schema/table.ts';
import { type NodeOutcome, type RunContext, readersOf, refOf } from './context.ts';
import { extractContext, summaryText } from './execute-extract.ts';
import { testOutcome } from './execute-test.ts';

/**
 * Builds a model and runs the tests that decide whether it is published; these tests are reported as nodes of their
 * own.
 */
export async function executeModel(
  node: ModelNode,
  tests: readonly TestNode[],
  context: RunContext,
): Promise<NodeOutcome> {
  const model = await context.project.model(node);
  const compiled = await Promise.all(tests.map((test) => context.project.test(test)));
  const startedAt = context.clock();
  const directory = path.join(context.paths.staging, '.load');
  const window = context.windows.get(node.id);
  const { runId, asOf } = context;
  const outcome = await context.warehouse.use(async (warehouse) => {
    await refuseAltered(warehouse, model.reads, context);
    const whole = { model, tests: compiled, asOf };
    const upToDate = await isUpToDate(warehouse, whole);
    const source = upToDate
      ? undefined
      : await stagedSource(node, model, directory, context, async (name, feed) =>
          loadFeed(warehouse, context.project.schema[name] as Table, feed, {
            ...{ directory, runId },
            readers: await readersOf(name, context),
          }),
        );
    try {
      const built = await buildModel(warehouse, model, {
        ...{ window, runId, asOf, tests: compiled, upToDate },
        readersOf: (table) => readersOf(table, context),
        verify: context.verifyIncremental && canVerify(model, context),
        failuresDir: path.join(context.paths.artifacts, 'failures'),
        ...(source && { source }),
        signal: context.signal,
        warn: (warning) => context.acknowledgements.warn(refOf(node), warning),
      });
      if (!upToDate && window === undefined && built.incomplete === 0 && lastingTestsPassed(built))
        await recordUpToDate(warehouse, whole, runId);
      return built;
    } finally {
      if (source) await rm(directory, { recursive: true, force: true });
    }
  });
  const failed = outcome.tests.filter(({ status }) => status === 'error').map(({ test }) => test.name);
  for (const test of tests) {
    const result = outcome.tests.find(({ test: { name } }) => name === test.name) as TestOutcome;
    context.finish(test, testOutcome(result, context.acknowledgements), startedAt);
  }
  if (outcome.status === 'error') {
    return { status: 'error', message: `not published, the last good version stays: ${failed.join(', ')} failed` };
  }
  const { rows, partitions, rejected, incomplete } = outcome;
  if (outcome.status === 'reused' && rejected + incomplete === 0)
    return { status: 'reused', message: 'nothing it reads has changed' };
  return {
    status: 'pass',
    message: [
      countOf(rows, 'row'),
      countOf(partitions, 'partition'),
      ...(rejected > 0 ? [`${formatCount(rejected)} rejected`] : []),
      ...(incomplete > 0 ? [`${formatCount(incomplete)} incomplete because of damaged files`] : []),
    ].join(', '),
    facts: { rows_affected: rows, partitions, rejected, incomplete },
  };
}

/** A view has no rows, and those of staged files are verified when they are loaded. */
function canVerify({ table, reads }: CompiledModel, { project }: RunContext): boolean {
  return table.kind !== 'view' && !reads.some((name) => project.schema[name]?.kind === 'source');
}

const lastingTestsPassed = ({ tests }: BuildOutcome): boolean =>
  tests.every(
    ({ test, status }) => status === 'pass' || status === 'reused' || (status === 'warn' && readsClock(test)),
  );

/** Describes where the staged sources of a model come from: the extract that writes them. */
async function stagedSource(
  node: ModelNode,
  model: CompiledModel,
  directory: string,
  context: RunContext,
  load: (table: string, feed: Parameters<typeof loadFeed>[2]) => Promise<unknown>,
): Promise<BuildOptions['source']> {
  const { schema } = context.project;
  const tables = model.reads.flatMap((name) => (schema[name]?.kind === 'source' ? [schema[name]] : []));
  const writers = context.graph.nodes.filter(
    (node): node is ExtractNode =>
      node.kind === 'extract' && tables.some(({ name }) => node.spec.writes.includes(name)),
  );
  const [writer] = writers;
  if (writer === undefined) return undefined;
  const extract = await context.project.extract(writer);
  const open = () => extract.staged({ stagingDir: context.paths.staging, asOf: context.asOf });
  let staged = (await open()).source;
  if (staged === undefined) return undefined;
  await mkdir(directory, { recursive: true });
  const { extracted } = context;
  return {
    ...{ tables, directory },
    get staged() {
      return staged as StagedSource;
    },
    async reload(why, files = []) {
      // An extract that ran in this run has already tried to fetch files that are gone, without success.
      const mayHelp = (one: ExtractNode) => !extracted.has(one.name) || files.some(({ isGone }) => !isGone);
      const isOn = ({ when }: ExtractNode) => when === undefined || context.vars.boolean(when);
      const again = why === 'damaged' ? writers.filter((one) => isOn(one) && mayHelp(one)) : [];
      for (const one of again) await extractAgain(one, node, context, 'damaged');
      if (why === 'rejected' && extracted.has(writer.name)) await extractAgain(writer, node, context, why);
      const { feeds = {}, source } = await open();
      staged = source;
      for (const [table, feed] of Object.entries(feeds)) await load(table, feed);
    },
  };
}

/**
 * Runs an extract again for a model that has set some of its files aside: there may be others in their place (A11), or
 * they are fetched again (B26). If that fails, the model is built without them as far as possible.
 */
async function extractAgain(
  writer: ExtractNode,
  node: ModelNode,
  context: RunContext,
  why: 'rejected' | 'damaged',
): Promise<void> {
  const extract = await context.project.extract(writer);
  const { reporter } = context;
  const ref = refOf(node);
  try {
    const result = await extract.run({
      ...extractContext(writer, context),
      progress: (progress) => reporter.report({ type: 'node_progress', node: ref, progress }),
      warn: (warning) => context.acknowledgements.warn(ref, warning),
    });
    const message = `${writer.name} ran again to replace ${why} files: ${summaryText(result)}`;
    reporter.report({ type: 'log', level: 'info', message, node: ref });
  } catch (error) {
    if (isAbort(error) || context.signal.aborted || !(error instanceof PipelineError)) throw error;
    const message = `nothing was fetched to replace ${why} files: ${error.message}`;
    const failed: ModelWarning = { kind: 'extract_failed', subject: writer.name, message };
    context.acknowledgements.warn(ref, failed);
  }
}

/**
 * Refuses to publish from tables whose rows another program changed, unless these have been built or loaded again: by
 * this run, if they are in its selection and range (B36).
 * @throws PipelineError WAREHOUSE_ALTERED naming the first partition and the command that builds it
 */
export async function refuseAltered(
  warehouse: Warehouse,
  tables: readonly string[],
  context: Pick<RunContext, 'graph' | 'project'>,
): Promise<void> {
  const altered = await alteredPartitions(warehouse, await storedIn(tables, context));
  if (altered[0] === undefined) return;
  const [{ table, partition }] = altered;
  const others = altered.filter((one) => one.table === table).length - 1;
  const first = partition || 'all of it';
  const more = others > 0 ? ` and ${others} more partitions` : '';
  throw new PipelineError('WAREHOUSE_ALTERED', `another program changed ${table}: ${first}${more}`, {
    file: warehouse.file,
    hint: `build it again, without a range: pnpm pipeline run --select +${writerOf(table, context)}`,
  });
}

/** Returns the stored tables, with each view replaced by the tables that it reads. */
async function storedIn(
  tables: readonly string[],
  context: Pick<RunContext, 'graph' | 'project'>,
): Promise<readonly string[]> {
  const stored: string[] = [];
  for (const name of tables) {
    const view = context.project.schema[name]?.kind === 'view' && modelOf(name, context);
    if (view) stored.push(...(await storedIn((await context.project.model(view)).reads, context)));
    else stored.push(name);
  }
  return stored;
}

const modelOf = (name: string, { graph }: Pick<RunContext, 'graph'>): ModelNode | undefined =>
  graph.nodes.find((node): node is ModelNode => node.kind === 'model' && node.name === name);

/** Returns the node that builds or loads a table. */
function writerOf(table: string, { graph }: Pick<RunContext, 'graph'>): string {
  const extract = graph.nodes.find((node) => node.kind === 'extract' && node.spec.writes.includes(table));
  return extract?.name ?? table;
}
