import { mkdir } from 'node:fs/promises';
import { freeBytes } from '../disk.ts';
import {
  builtAmong,
  builtPartitions,
  findDirty,
  openWarehouse,
  recordedDigest,
  stillHolds,
  type Warehouse,
} from '../duckdb/index.ts';
import type { ExtractPlan, ExtractResult, TableFeed } from '../extract.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import type { ExtractNode, GraphNode, ModelNode, SeedNode, TestNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { readMigrations } from '../migrations/folder.ts';
import { expectCurrent } from '../migrations/states.ts';
import { openProject, type Project } from '../project.ts';
import { expectArchive } from '../target/archive-address.ts';
import { lockTarget } from '../target/lock.ts';
import { isRebuild, refuseLost, stateOfFile } from '../target/lost.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import { checkTables } from './check-tables.ts';
import { lastRate, secondsAt } from './confirm.ts';
import { commandOf, createShare, type ExtractScope, nodeWindows, type RunOptions, refOf, startOf } from './context.ts';
import { changeOfDefinition, readDefinitions } from './definitions.ts';
import { extractContext, summaryText } from './execute-extract.ts';

export interface RunPlan {
  /** Every node of the selection, in the order of the run. */
  readonly nodes: readonly PlannedNode[];
  readonly extracts: readonly PlannedExtract[];
  /** The folder that the run would write to, and the bytes free in it. */
  readonly directory: string;
  readonly free: number;
}

/**
 * Why a run would build a node: `sql`, `var` with its name, or `definition` (that of the table) have changed; its `input`
 * has or will; it is `new`; it is `forced` by --full-refresh. Without a reason there is nothing to do.
 */
export interface PlannedNode {
  readonly id: string;
  readonly would: string;
  readonly why?: string;
}

export interface PlannedExtract extends ExtractPlan {
  readonly name: string;
  /** Upper bound at the rate of the last run; undefined if that is not known. */
  readonly seconds: number | undefined;
}

export type PlanOptions = Pick<
  RunOptions,
  | 'pipeline'
  | 'graph'
  | 'selected'
  | 'target'
  | 'paths'
  | 'vars'
  | 'asOf'
  | 'window'
  | 'fullRefresh'
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
 * Describes what a run of the selection would do now, and why. If an extract of the selection can estimate what it would
 * fetch, the target is held as by a run, and the extracts that cannot are run, since they are cheap: the archive is
 * listed. No archive is fetched, nothing is loaded or built.
 */
export async function planRun(options: PlanOptions): Promise<RunPlan> {
  const { pipeline, graph, selected, vars, paths, signal } = options;
  const project = await openProject(pipeline, vars);
  const nodes = graph.nodes.filter(({ id }) => selected.has(id));
  const anew = isRebuild(options);
  await checkTables(nodes, graph, { root: pipeline.root, file: paths.warehouse, anew }, signal);
  if (!anew) refuseLost(paths.warehouse);
  {
    await using warehouse = await openBuilt(options);
    if (warehouse) await expectCurrent(warehouse, { ...project, migrations: await readMigrations(pipeline.root) });
  }
  const extracts = await planExtracts(project, nodes, options);
  await using warehouse = await openBuilt(options);
  return {
    nodes: await describeNodes(nodes, { ...options, project, warehouse, ...extracts }),
    extracts: [...extracts.planned.values()],
    directory: paths.root,
    free: await freeBytes(paths.root),
  };
}

/** Opens the warehouse for reading if there is one. */
const openBuilt = async ({ paths, asOf, signal }: PlanOptions): Promise<Warehouse | undefined> =>
  stateOfFile(paths.warehouse) === 'there'
    ? openWarehouse({ file: paths.warehouse, readOnly: true, asOf, waitMs: queriesWaitMs, signal })
    : undefined;

const isOn = ({ when }: GraphNode, { vars }: Pick<PlanOptions, 'vars'>) => when === undefined || vars.boolean(when);

interface PlannedExtracts {
  readonly planned: ReadonlyMap<string, PlannedExtract>;
  /** Those that were run, because they cannot plan. */
  readonly ran: ReadonlyMap<string, ExtractResult>;
}

async function planExtracts(
  project: Project,
  nodes: readonly GraphNode[],
  options: PlanOptions,
): Promise<PlannedExtracts> {
  const { graph, selected, paths, reporter, clock } = options;
  const on = nodes.filter((node): node is ExtractNode => node.kind === 'extract' && isOn(node, options));
  const modules = await Promise.all(on.map(async (node) => ({ node, extract: await project.extract(node) })));
  const planned = new Map<string, PlannedExtract>();
  const ran = new Map<string, ExtractResult>();
  if (!modules.some(({ extract }) => extract.plan !== undefined)) return { planned, ran };

  await using lock = await lockTarget(paths.root, {
    command: commandOf(options),
    since: options.now,
    wait: options.wait,
    signal: options.signal,
    tell: (message) => reporter.report({ type: 'log', level: 'info', message }),
  });
  await using share = createShare();
  const scope: ExtractScope = {
    ...options,
    signal: AbortSignal.any([options.signal, lock.lost]),
    project,
    windows: options.window === undefined ? new Map() : nodeWindows(graph, selected, options.window),
    acknowledgements: createAcknowledgements(options.pipeline, options.target.name, reporter),
    extracted: ran,
    rebuild: options.fullRefresh || stateOfFile(paths.warehouse) !== 'there',
    locked: undefined,
    share: share.get,
    confirm: async () => {},
  };
  await expectArchive(scope, { graph, fetches: true, now: options.now });
  reporter.report(startOf(options, on));
  await mkdir(paths.staging, { recursive: true });
  for (const { node, extract } of modules) {
    const startedAt = clock();
    reporter.report({ type: 'node_started', node: refOf(node) });
    const context = extractContext(node, scope);
    let message: string;
    if (extract.plan === undefined) {
      const result = await extract.run(context);
      ran.set(node.name, result);
      message = summaryText(result);
    } else {
      const plan = await extract.plan(context);
      const rate = await lastRate(paths.artifacts, node.id);
      planned.set(node.name, { ...plan, name: node.name, seconds: rate && secondsAt(rate, plan) });
      message = `would ${fetchText(plan)}`;
    }
    const seconds = (clock() - startedAt) / 1000;
    reporter.report({ type: 'node_finished', node: refOf(node), status: 'pass', seconds, message });
  }
  return { planned, ran };
}

const fetchText = ({ files, bytes }: ExtractPlan): string =>
  files === 0 ? 'fetch nothing' : `fetch ${countOf(files, 'file')}, ${formatBytes(bytes)}`;

/** Whether a run would change what a node makes; `maybe` is not known before its inputs are. */
type Change = 'yes' | 'maybe' | 'no';

interface Judged extends PlannedNode {
  readonly change: Change;
}

interface Scope extends PlanOptions, PlannedExtracts {
  readonly project: Project;
  readonly warehouse: Warehouse | undefined;
}

async function describeNodes(nodes: readonly GraphNode[], scope: Scope): Promise<readonly PlannedNode[]> {
  const { graph, selected, window, paths } = scope;
  const windows = window === undefined ? undefined : nodeWindows(graph, selected, window);
  const recorded = await readDefinitions(paths.artifacts);
  const judged = new Map<string, Judged>();
  for (const node of nodes) judged.set(node.id, await judge(node));
  return [...judged.values()].map(({ change: _, ...node }) => node);

  function inputOf({ needs }: GraphNode): Change {
    const changes = needs.map((id) => judged.get(id)?.change ?? 'no');
    return changes.includes('yes') ? 'yes' : changes.includes('maybe') ? 'maybe' : 'no';
  }

  async function judge(node: GraphNode): Promise<Judged> {
    const { id } = node;
    if (!isOn(node, scope)) return { id, would: `do nothing: the var ${node.when} is false`, change: 'no' };
    const input = inputOf(node);
    switch (node.kind) {
      case 'extract':
        return judgeExtract(node, scope);
      case 'seed':
        return judgeSeed(node);
      case 'model':
        return judgeModel(node, input);
      case 'test':
        return judgeTest(node, input);
      case 'export':
        if (scope.fullRefresh) return { id, would: 'write it again', why: 'forced', change: 'yes' };
        if (input === 'yes' || scope.warehouse === undefined)
          return { id, would: 'write it', why: 'input', change: 'yes' };
        return { id, would: input === 'maybe' ? unlessInput : 'keep it, unless its file has changed', change: input };
    }
  }

  async function judgeSeed(node: SeedNode): Promise<Judged> {
    const { warehouse, fullRefresh, project } = scope;
    const { rows, digest } = await project.seed(node);
    const loaded = warehouse && (await recordedDigest(warehouse, node.name));
    if (loaded === digest && !fullRefresh) return { id: node.id, would: 'reuse it', change: 'no' };
    const why = loaded === undefined ? 'new' : loaded === digest ? 'forced' : 'input';
    return { id: node.id, would: `load ${countOf(rows, 'row')}`, why, change: 'yes' };
  }

  async function judgeModel(node: ModelNode, input: Change): Promise<Judged> {
    const { id } = node;
    const { warehouse, fullRefresh, project } = scope;
    const model = await project.model(node);
    if (warehouse === undefined) return { id, would: 'build it for the first time', why: 'new', change: 'yes' };
    const isNew = !(await builtAmong(warehouse, [node.name])).has(node.name);
    const { dirty, total } = await findDirty(warehouse, model, windows?.get(id), fullRefresh);
    if (dirty === 0) {
      if (input === 'yes') return { id, would: 'rebuild what its input changes', why: 'input', change: 'yes' };
      return { id, would: input === 'maybe' ? unlessInput : 'reuse it', change: input };
    }
    const more = input === 'no' ? '' : ', and what its input changes';
    const would = isNew
      ? 'build it for the first time'
      : `rebuild ${formatCount(dirty)} of ${countOf(total, 'partition')}`;
    return { id, would: `${would}${more}`, why: isNew ? 'new' : await whyDirty(node), change: 'yes' };
  }

  async function whyDirty(node: ModelNode): Promise<string> {
    if (scope.fullRefresh) return 'forced';
    return (await changeOfDefinition(node, recorded, scope)) ?? 'input';
  }

  async function judgeTest(node: TestNode, input: Change): Promise<Judged> {
    const { id } = node;
    if (input === 'yes' || scope.warehouse === undefined) return { id, would: 'run', why: 'input', change: 'no' };
    const holds = await stillHolds(scope.warehouse, await scope.project.test(node), scope.asOf);
    if (!holds) return { id, would: 'run', why: 'not passed', change: 'no' };
    return { id, would: input === 'maybe' ? unlessInput : 'reuse its result', change: 'no' };
  }
}

const unlessInput = 'nothing, unless what it reads changes';

/** An extract that has run is judged by its tables, as the run would load them. */
async function judgeExtract(node: ExtractNode, scope: Scope): Promise<Judged> {
  const { id, name } = node;
  const { planned, ran, project, warehouse, paths, asOf } = scope;
  const plan = planned.get(name);
  const result = ran.get(name);
  if (plan === undefined && result === undefined) return { id, would: 'run', change: 'maybe' };
  const extract = await project.extract(node);
  const { feeds = {} } = await extract.staged({ stagingDir: paths.staging, asOf, output: result?.output });
  const isLoaded = async ([table, { partitions }]: [string, TableFeed]): Promise<boolean> => {
    const built = warehouse === undefined ? new Map() : await builtPartitions(warehouse, table);
    return built.size === partitions.size && [...partitions].every(([one, digest]) => built.get(one) === digest);
  };
  const loaded = await Promise.all(Object.entries(feeds).map(isLoaded));
  const isOpen = (plan !== undefined && plan.files > 0) || loaded.includes(false);
  const text = plan === undefined ? `list: ${summaryText(result as ExtractResult)}` : fetchText(plan);
  return { id, would: text, change: isOpen ? 'yes' : 'no' };
}
