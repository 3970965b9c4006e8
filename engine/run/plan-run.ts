import { mkdir } from 'node:fs/promises';
import { freeBytes } from '../disk.ts';
import { findDirty, openWarehouse, type Warehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { ExtractPlan } from '../extract.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import type { ExtractNode, GraphNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { readMigrations } from '../migrations/folder.ts';
import { expectCurrent, refuseOlder } from '../migrations/states.ts';
import { openProject, type Project } from '../project.ts';
import { expectArchive } from '../target/archive-address.ts';
import { lockTarget } from '../target/lock.ts';
import { isRebuild, refuseLost, stateOfFile } from '../target/lost.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import { checkTables } from './check-tables.ts';
import { lastRate, secondsAt } from './confirm.ts';
import { commandOf, createShare, type ExtractScope, nodeWindows, type RunOptions, refOf, startOf } from './context.ts';
import { extractContext, summaryText } from './execute-extract.ts';

export interface RunPlan {
  readonly extracts: readonly PlannedExtract[];
  /** The folder that the run would write to, and the bytes free in it. */
  readonly directory: string;
  readonly free: number;
}

export interface PlannedExtract extends ExtractPlan {
  readonly name: string;
  /** Upper bound at the rate of the last run; undefined if that is not known. */
  readonly seconds: number | undefined;
}

type PlanOptions = Pick<
  RunOptions,
  | 'pipeline'
  | 'graph'
  | 'selected'
  | 'target'
  | 'paths'
  | 'vars'
  | 'asOf'
  | 'window'
  | 'relist'
  | 'wait'
  | 'reporter'
  | 'signal'
  | 'runId'
  | 'logFile'
  | 'argv'
  | 'now'
  | 'clock'
>;

/**
 * Estimates what the extracts of the selection would fetch. Extracts that cannot tell are run, since they are cheap:
 * the archive is listed. No archive is fetched and nothing is loaded. Holds the target as a run does.
 * @throws PipelineError SELECTION_EMPTY if no selected extract fetches files
 */
export async function planRun(options: PlanOptions): Promise<RunPlan> {
  const { graph, selected, paths, vars, reporter, clock } = options;
  const isOn = ({ when }: ExtractNode) => when === undefined || vars.boolean(when);
  const nodes = graph.nodes.filter(
    (node): node is ExtractNode => node.kind === 'extract' && selected.has(node.id) && isOn(node),
  );
  const project = await openProject(options.pipeline, vars);
  const modules = await Promise.all(nodes.map(async (node) => ({ node, extract: await project.extract(node) })));
  if (!modules.some(({ extract }) => extract.plan !== undefined)) {
    throw new PipelineError('SELECTION_EMPTY', 'no selected node fetches files', {
      hint: 'also select what it needs, with a `+` in front: --select +NAME',
    });
  }

  await using lock = await lockTarget(paths.root, {
    command: commandOf(options),
    since: options.now,
    wait: options.wait,
    signal: options.signal,
    tell: (message) => reporter.report({ type: 'log', level: 'info', message }),
  });
  if (stateOfFile(paths.warehouse) === 'there') {
    await using warehouse = await openWarehouse({
      ...{ file: paths.warehouse, readOnly: true, waitMs: queriesWaitMs },
      signal: options.signal,
    });
    await refuseOlder(warehouse, options.pipeline.root);
  }
  await using share = createShare();
  const scope: ExtractScope = {
    ...options,
    signal: AbortSignal.any([options.signal, lock.lost]),
    project,
    windows: options.window === undefined ? new Map() : nodeWindows(graph, selected, options.window),
    acknowledgements: createAcknowledgements(options.pipeline, options.target.name, reporter),
    extracted: new Map(),
    rebuild: stateOfFile(paths.warehouse) !== 'there',
    locked: undefined,
    share: share.get,
    confirm: async () => {},
  };
  await expectArchive(scope, { graph, fetches: true, now: options.now });
  reporter.report(startOf(options, nodes));
  await mkdir(paths.staging, { recursive: true });
  const extracts: PlannedExtract[] = [];
  for (const { node, extract } of modules) {
    const startedAt = clock();
    reporter.report({ type: 'node_started', node: refOf(node) });
    const context = extractContext(node, scope);
    let message: string;
    if (extract.plan === undefined) {
      const result = await extract.run(context);
      scope.extracted.set(node.name, result);
      message = summaryText(result);
    } else {
      const plan = await extract.plan(context);
      const rate = await lastRate(paths.artifacts, node.id);
      extracts.push({ ...plan, name: node.name, seconds: rate && secondsAt(rate, plan) });
      message = `would fetch ${countOf(plan.files, 'file')}, ${formatBytes(plan.bytes)}`;
    }
    const seconds = (clock() - startedAt) / 1000;
    reporter.report({ type: 'node_finished', node: refOf(node), status: 'pass', seconds, message });
  }
  return { extracts, directory: paths.root, free: await freeBytes(paths.root) };
}

/** Describes what a run of this selection would do now, one line per node; writes nothing. */
export async function describeRun(
  options: Pick<
    RunOptions,
    'pipeline' | 'graph' | 'selected' | 'vars' | 'paths' | 'asOf' | 'window' | 'fullRefresh' | 'signal'
  >,
): Promise<readonly { readonly id: string; readonly would: string }[]> {
  const { pipeline, graph, selected, vars, paths, asOf, window, fullRefresh, signal } = options;
  const project = await openProject(pipeline, vars);
  const nodes = graph.nodes.filter(({ id }) => selected.has(id));
  const anew = isRebuild(options);
  await checkTables(nodes, graph, { root: pipeline.root, file: paths.warehouse, anew }, signal);
  const windows = window === undefined ? undefined : nodeWindows(graph, selected, window);
  if (!anew) refuseLost(paths.warehouse);
  await using warehouse =
    stateOfFile(paths.warehouse) === 'there'
      ? await openWarehouse({ file: paths.warehouse, readOnly: true, asOf, waitMs: queriesWaitMs, signal })
      : undefined;
  if (warehouse) await expectCurrent(warehouse, { ...project, migrations: await readMigrations(pipeline.root) });
  const described: { id: string; would: string }[] = [];
  for (const node of nodes) described.push({ id: node.id, would: await wouldDo(node) });
  return described;

  async function wouldDo(node: GraphNode): Promise<string> {
    if (node.when !== undefined && !vars.boolean(node.when)) return `nothing: the var ${node.when} is false`;
    if (node.kind === 'extract') return `ask the archive${window === undefined ? ' for everything it has' : ''}`;
    if (node.kind === 'test') return 'run';
    if (node.kind === 'export') return fullRefresh ? 'write it again' : 'write it if its table changes';
    if (warehouse === undefined) return 'build it for the first time';
    return dirtyNow(warehouse, project, node);
  }

  async function dirtyNow(open: Warehouse, { model }: Project, node: GraphNode & { kind: 'model' }): Promise<string> {
    const { dirty, total } = await findDirty(open, await model(node), windows?.get(node.id), fullRefresh);
    if (dirty === 0) return 'nothing, unless its inputs change';
    const rest = fullRefresh ? 'whether they have changed or not' : 'more if its inputs change';
    return `rebuild ${formatCount(dirty)} of ${countOf(total, 'partition')}, ${rest}`;
  }
}
