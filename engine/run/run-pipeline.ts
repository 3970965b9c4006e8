import { rm } from 'node:fs/promises';
import { compactWarehouse } from '../duckdb/index.ts';
import { isAbort, PipelineError } from '../errors.ts';
import type { NodeStatus } from '../events.ts';
import type { ExtractResult } from '../extract.ts';
import type { Graph, GraphNode, TestNode } from '../graph/graph.ts';
import { withTestEdges } from '../graph/test-edges.ts';
import { ancestors, descendants } from '../graph/walk.ts';
import { defaultMemoryLimit } from '../limits.ts';
import { machineFault } from '../machine-fault.ts';
import { readMigrations } from '../migrations/folder.ts';
import { expectOpenFiles } from '../open-files.ts';
import { openProject, type Project } from '../project.ts';
import { expectArchive } from '../target/archive-address.ts';
import { createClaim } from '../target/claim.ts';
import { lockTarget, type TargetLock } from '../target/lock.ts';
import { isRebuild, refuseLost, stateOfFile } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';
import { readRecord, updateRecord } from '../target/record.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import { type FinishedNode, writeArtifacts } from './artifacts.ts';
import { checkTables } from './check-tables.ts';
import { createConfirm } from './confirm.ts';
import {
  commandOf,
  createShare,
  type NodeOutcome,
  nodeWindows,
  type RunContext,
  type RunOptions,
  refOf,
  startOf,
} from './context.ts';
import { recordDefinitions } from './definitions.ts';
import { executeExport } from './execute-export.ts';
import { executeExtract, extractContext } from './execute-extract.ts';
import { executeModel } from './execute-model.ts';
import { executeSeed } from './execute-seed.ts';
import { executeTest } from './execute-test.ts';
import { tellPublished } from './published.ts';
import { schedule } from './schedule.ts';
import { checkAcknowledgements, unusedAcknowledgements } from './unused-acknowledgements.ts';
import { createWarehouseHost, forgetBuilt, readersWaitMs, refuseUnfit } from './warehouse-host.ts';

const defaultThreads = 4;

export interface RunEnd {
  /** 0 for success, 1 if a node or a test failed, 2 if the run was not possible, 130 if interrupted. */
  readonly exitCode: number;
  /** The error of the first node that failed. */
  readonly failure?: unknown;
}

/** Builds the selection in the order of the DAG. */
export async function runPipeline(given: RunOptions): Promise<RunEnd> {
  const { pipeline, selected, paths, signal } = given;
  const project = await openProject(pipeline, given.vars);
  const graph = await withTestEdges(given.graph, pipeline, project);
  const options = { ...given, graph };
  const nodes = graph.nodes.filter(({ id }) => selected.has(id));
  for (const node of nodes) {
    if (node.kind === 'seed') await project.seed(node);
    if (node.kind === 'model') await project.model(node);
    if (node.kind === 'test') await project.test(node);
  }
  await checkAcknowledgements(pipeline, graph, project);
  await checkTables(nodes, graph, { root: pipeline.root, file: paths.warehouse, anew: isRebuild(options) }, signal);

  expectOpenFiles();
  await using lock = await lockTarget(paths.root, {
    command: commandOf(options),
    since: options.now,
    wait: options.wait,
    signal,
    tell: (message) => options.reporter.report({ type: 'log', level: 'info', message }),
  });
  return await runHeld({ ...options, signal: AbortSignal.any([signal, lock.lost]) }, { project, nodes, lock });
}

/** The part of a run during which it holds the target. */
async function runHeld(
  options: RunOptions,
  held: { readonly project: Project; readonly nodes: readonly GraphNode[]; readonly lock: TargetLock },
): Promise<RunEnd> {
  const { pipeline, graph, selected, paths, signal, reporter, runId, clock } = options;
  const { project, nodes, lock } = held;
  const startedAt = clock();
  const finished = new Map<string, FinishedNode>();
  await using share = createShare();
  const anew = isRebuild(options);
  const { synthetic } = options.target;
  const hostOptions = {
    claim: createClaim({ root: paths.root, synthetic, anew, now: options.now }),
    anew,
    schema: project.schema,
    migrations: await readMigrations(pipeline.root),
    now: options.now,
    asOf: options.asOf,
    file: paths.warehouse,
    waitMs: readersWaitMs,
    memoryLimit: options.memoryLimit ?? defaultMemoryLimit,
    signal,
    beforeCommit: lock.confirm,
    ...(options.threads !== undefined && { threads: options.threads }),
    runId,
    log: (level: 'info' | 'warn', message: string) => reporter.report({ type: 'log', level, message }),
  };
  const warehouse = createWarehouseHost(hostOptions);
  const acknowledgements = createAcknowledgements(pipeline, options.target.name, reporter);
  const context: RunContext = {
    runId,
    verifyIncremental: options.verifyIncremental ?? false,
    asOf: options.asOf,
    target: options.target,
    paths,
    vars: options.vars,
    graph,
    project,
    windows: options.window === undefined ? new Map() : nodeWindows(graph, selected, options.window),
    relist: options.relist,
    rebuild: options.fullRefresh || stateOfFile(paths.warehouse) !== 'there',
    locked: options.locked,
    signal,
    reporter,
    acknowledgements,
    warehouse,
    extracted: new Map<string, ExtractResult>(),
    share: share.get,
    confirm: createConfirm(options),
    clock,
    finish(node, outcome, since) {
      const seconds = Math.round(clock() - since) / 1000;
      const warnings = acknowledgements.of(node.id);
      const open = warnings.filter(({ acknowledged }) => acknowledged === undefined).length;
      const hasWarned = open > 0 && outcome.status !== 'error' && outcome.status !== 'skip';
      const status = hasWarned ? 'warn' : outcome.status;
      finished.set(node.id, { node, outcome: { ...outcome, status }, warnings, seconds });
      const { message, error } = outcome;
      const acknowledged = warnings.length - open + (outcome.acknowledged === undefined ? 0 : 1);
      reporter.report({
        type: 'node_finished',
        node: refOf(node),
        status,
        seconds,
        message,
        ...(error !== undefined && { error }),
        ...(acknowledged > 0 && { acknowledged }),
      });
    },
  };

  if (!anew) refuseLost(paths.warehouse);
  await expectArchive(context, { graph, fetches: nodes.some(isExtract), now: options.now });
  prepareExtracts(nodes, context);
  await refuseUnfit(hostOptions);
  reporter.report(startOf(options, nodes));
  try {
    if (options.fullRefresh) await forgetBuilt(nodes, context);
    await runNodes(nodes, options, context);
    if (!signal.aborted && options.command === 'run') {
      await tellPublished(context);
      const isChanged = [...finished.values()].some(
        ({ outcome: { status } }) => status === 'pass' || status === 'warn',
      );
      const compacted = isChanged ? await compactWarehouse(paths.warehouse, warehouse) : undefined;
      if (compacted !== undefined) {
        const { before, after } = compacted;
        const message = `compacted the warehouse from ${before} to ${after} bytes`;
        reporter.report({ type: 'log', level: 'info', message });
      }
    }
  } finally {
    await warehouse.release();
    if (!lock.lost.aborted) await rm(`${paths.staging}/.load`, { recursive: true, force: true });
  }
  lock.lost.throwIfAborted(); // the artifacts belong to another run by now
  const counts: Record<NodeStatus, number> = { pass: 0, warn: 0, error: 0, skip: 0, 'no-op': 0, reused: 0 };
  for (const { outcome } of finished.values()) counts[outcome.status] += 1;
  const seconds = (clock() - startedAt) / 1000;
  const interrupted = signal.aborted;
  const unused = interrupted ? [] : await unusedAcknowledgements(finished, options, context);
  for (const message of unused) reporter.report({ type: 'log', level: 'warn', message, isAdvice: true });
  const built = [...finished.values()].flatMap(({ node, outcome: { status } }) =>
    node.kind === 'model' && (status === 'pass' || status === 'warn' || status === 'reused') ? [node] : [],
  );
  try {
    await notePublished(finished.values(), paths, options.now);
    if (options.window === undefined) {
      await recordDefinitions(paths.artifacts, built, { project, vars: options.vars });
    }
    await writeArtifacts({ ...options, project, nodes, finished: [...finished.values()], seconds, interrupted });
  } finally {
    reporter.report({ type: 'run_finished', counts, seconds, interrupted });
  }
  if (interrupted) return { exitCode: 130 };
  const errors = [...finished.values()].flatMap(({ outcome: { status, error } }) =>
    status === 'error' ? [error] : [],
  );
  const isFailed = errors.length > 0 || (options.warnError && counts.warn + unused.length > 0);
  // A node may be the first to find that the run is impossible: an unknown name, a No to a large fetch.
  const couldNot = errors.some((error) => error instanceof PipelineError && error.exitCode === 2);
  return { exitCode: couldNot ? 2 : isFailed ? 1 : 0, ...(errors.length > 0 && { failure: errors[0] }) };
}

const isExtract = ({ kind }: GraphNode): boolean => kind === 'extract';

/** Records that the warehouse has rows now, so that an empty one is not taken for a new one later. */
async function notePublished(finished: Iterable<FinishedNode>, { root }: TargetPaths, now: Date): Promise<void> {
  const made = readRecord(root)?.warehouse;
  if (made === undefined || made.published_at !== undefined) return;
  const isBuilt = ({ node, outcome: { status } }: FinishedNode) =>
    node.kind === 'model' && (status === 'pass' || status === 'warn');
  if ([...finished].some(isBuilt)) {
    await updateRecord(root, { warehouse: { ...made, published_at: now.toISOString() } });
  }
}

/** Lets extracts start early where they can; a failure is reported when the result is needed. */
function prepareExtracts(nodes: readonly GraphNode[], context: RunContext): void {
  for (const node of nodes) {
    if (node.kind !== 'extract' || !isOn(node, context)) continue;
    context.project
      .extract(node)
      .then((extract) => extract.prepare?.(extractContext(node, context)))
      .catch(() => {});
  }
}

/** Runs the nodes; tests that gate a model's publication run with the model. */
async function runNodes(nodes: readonly GraphNode[], options: RunOptions, context: RunContext): Promise<void> {
  const { graph, selected } = options;
  const gates = Map.groupBy(
    nodes.filter((node): node is TestNode => node.kind === 'test' && isGate(node, graph, selected)),
    (test) => test.parent,
  );
  // The seeds that a model's gates read must be loaded before the model is built.
  const needsOf = ({ id, needs }: GraphNode) => {
    const ofGates = (gates.get(id) ?? []).flatMap((gate) => gate.needs);
    return [...new Set([...needs, ...ofGates.filter((need) => need !== id)])];
  };
  const extractsOf = (node: GraphNode) => (node.kind === 'seed' ? extractsBefore(node, graph) : []);
  // A warehouse that has nothing but seeds would bind a new target to an archive that it could not reach.
  const isFirst = stateOfFile(context.paths.warehouse) !== 'there';
  const scheduled = nodes
    .filter((node) => node.kind !== 'test' || !gates.get(node.parent)?.includes(node))
    .map((node) => ({
      id: node.id,
      node,
      needs: [...needsOf(node), ...(isFirst ? extractsOf(node) : [])].filter((id) => selected.has(id)),
      after: extractsOf(node),
      pool: node.kind === 'extract' ? ('network' as const) : ('warehouse' as const),
    }));
  const downloads = new Set(nodes.filter((node) => isExtract(node) && isOn(node, context)).map(({ id }) => id));
  const withGates = (node: GraphNode) => [node, ...(gates.get(node.id) ?? [])];
  await schedule(
    scheduled,
    {
      threads: options.threads ?? defaultThreads,
      limits: { network: Number.POSITIVE_INFINITY, warehouse: 1 },
      failFast: options.failFast,
      signal: options.signal,
    },
    async ({ node }) => {
      const startedAt = context.clock();
      context.reporter.report({ type: 'node_started', node: refOf(node) });
      const outcome = await execute(
        node,
        (gates.get(node.id) ?? []).filter((test) => isOn(test, context)),
        context,
      );
      for (const gate of gates.get(node.id) ?? []) {
        if (!isOn(gate, context)) context.finish(gate, switchedOff(gate), context.clock());
        else if (outcome.error !== undefined)
          context.finish(gate, { status: 'skip', message: `${node.id} did not get that far` }, context.clock());
      }
      context.finish(node, outcome, startedAt);
      // A query need not wait for the remaining downloads.
      const isBefore = downloads.delete(node.id) || node.kind === 'seed';
      if (isBefore && downloads.size > 0) await context.warehouse.release();
      return outcome.status !== 'error' && !options.signal.aborted;
    },
    ({ node }, reason) => {
      downloads.delete(node.id);
      for (const skipped of withGates(node))
        context.finish(skipped, { status: 'skip', message: reason }, context.clock());
    },
  );
}

/** True if a test gates the publication of its model: everything that it reads is available by then. */
function isGate(test: TestNode, graph: Graph, selected: ReadonlySet<string>): boolean {
  const { parent, needs } = test;
  if (parent === undefined || !selected.has(parent)) return false;
  const before = ancestors(graph, [parent]);
  const seeds = new Set(graph.nodes.filter(({ kind }) => kind === 'seed').map(({ id }) => id));
  return needs.every((id) => id === parent || before.has(id) || seeds.has(id));
}

/**
 * Returns the extracts that a seed waits for, so that the warehouse is not held while they fetch: all of them, unless
 * one needs the seed.
 */
function extractsBefore({ id }: GraphNode, graph: Graph): readonly string[] {
  const below = descendants(graph, [id]);
  const extracts = graph.nodes.filter(isExtract).map((node) => node.id);
  return extracts.some((extract) => below.has(extract)) ? [] : extracts;
}

const isOn = (node: GraphNode, { vars }: RunContext) => node.when === undefined || vars.boolean(node.when);
const switchedOff = (node: GraphNode): NodeOutcome => ({ status: 'no-op', message: `the var ${node.when} is false` });

async function execute(node: GraphNode, gates: readonly TestNode[], context: RunContext): Promise<NodeOutcome> {
  if (!isOn(node, context)) {
    for (const gate of gates) context.finish(gate, switchedOff(node), context.clock());
    return switchedOff(node);
  }
  try {
    switch (node.kind) {
      case 'extract':
        return await executeExtract(node, context);
      case 'seed':
        return await executeSeed(node, context);
      case 'model':
        return await executeModel(node, gates, context);
      case 'test':
        return await executeTest(node, context);
      case 'export':
        return await executeExport(node, context);
    }
  } catch (thrown) {
    const error = machineFault(thrown, context.paths.root);
    if (isAbort(error) || context.signal.aborted) return { status: 'skip', message: 'the run was interrupted', error };
    const failure =
      error instanceof PipelineError || node.kind === 'extract'
        ? error
        : new PipelineError(node.kind === 'export' ? 'EXPORT_FAILED' : 'MODEL_FAILED', (error as Error).message, {
            file: node.path,
            cause: error,
            hint: `see its SQL with pnpm pipeline compile --select ${node.name}`,
          });
    return { status: 'error', message: (failure as Error).message, error: failure };
  }
}
