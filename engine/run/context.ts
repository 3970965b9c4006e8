import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/target.ts';
import type { Vars } from '../config/vars.ts';
import { describeWindow } from '../config/window.ts';
import type { Reader, Warehouse } from '../duckdb/index.ts';
import type { NodeRef, NodeStatus, Reporter, RunEvent } from '../events.ts';
import type { ExtractResult, FetchEstimate, Window } from '../extract.ts';
import type { Graph, GraphNode, ModelNode } from '../graph/graph.ts';
import type { Project } from '../project.ts';
import type { TargetPaths } from '../target/paths.ts';
import { msOfDay } from '../units.ts';
import type { Acknowledgements } from './acknowledgements.ts';

/** The options that a command of the engine passes to a run. */
export interface RunOptions {
  readonly command: 'run' | 'test';
  /** The arguments of the command line without secrets, for the lock, the artifacts and `retry`. */
  readonly argv: readonly string[];
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly selected: ReadonlySet<string>;
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  readonly vars: Vars;
  readonly asOf: Date;
  readonly window?: Window;
  /** Number of nodes that run at once, and DuckDB's threads; by default 4 nodes, and DuckDB decides. */
  readonly threads?: number;
  /** DuckDB's memory limit in its notation; `defaultMemoryLimit` if not set. */
  readonly memoryLimit?: string;
  readonly fullRefresh: boolean;
  readonly relist: boolean;
  /** The lock that the sources must match. */
  readonly locked: string | undefined;
  readonly failFast: boolean;
  /** Compares each table with a full build before it is published. */
  readonly verifyIncremental?: boolean;
  readonly wait: boolean;
  readonly warnError: boolean;
  readonly yes: boolean;
  /** Shows lines to a person and waits for yes or no; undefined if nobody can be asked. */
  readonly ask: ((lines: readonly string[]) => Promise<boolean>) | undefined;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly logFile: string;
  readonly now: Date;
  /** Monotonic, in ms. */
  readonly clock: () => number;
}

/** The result of a node. */
export interface NodeOutcome {
  readonly status: NodeStatus;
  readonly message: string;
  readonly error?: unknown;
  /** Why the warning of a test is acknowledged. */
  readonly acknowledged?: string;
  /** Written to run.json. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The state that the extracts of a run share, even if it is only planned. */
export interface ExtractScope {
  readonly asOf: Date;
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  readonly vars: Vars;
  readonly project: Project;
  readonly windows: ReadonlyMap<string, Window>;
  readonly relist: boolean;
  readonly rebuild: boolean;
  readonly locked: string | undefined;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  readonly acknowledgements: Acknowledgements;
  /** The results of this run's extracts, by name. */
  readonly extracted: Map<string, ExtractResult>;
  readonly share: <T extends AsyncDisposable>(name: string, create: () => Promise<T>) => Promise<T>;
  /** The `ExtractContext.confirm` of a node. */
  confirm(node: NodeRef, estimate: FetchEstimate): Promise<void>;
}

/** The state that all nodes of a run share. */
export interface RunContext extends ExtractScope {
  readonly runId: string;
  readonly verifyIncremental: boolean;
  readonly graph: Graph;
  readonly warehouse: WarehouseHost;
  /** Reports the outcome of a node to the reporter and the artifacts. */
  finish(node: GraphNode, outcome: NodeOutcome, startedAt: number): void;
  readonly clock: () => number;
}

/** Shares the one connection of a run; the file is held only while the connection is in use, or until `release`. */
export interface WarehouseHost {
  use<T>(work: (warehouse: Warehouse) => Promise<T>): Promise<T>;
  release(): Promise<void>;
}

export const refOf = ({ id, kind, name, parent }: GraphNode): NodeRef => ({
  id,
  kind,
  name,
  ...(parent !== undefined && { parent }),
});

/** The command line as typed, for logs and the lock. */
export const commandOf = ({ argv }: Pick<RunOptions, 'argv'>): string => ['pnpm', 'pipeline', ...argv].join(' ');

/** The first report of a run, or of a plan of one. */
export function startOf(
  { runId, target, asOf, window, logFile }: Pick<RunOptions, 'runId' | 'target' | 'asOf' | 'window' | 'logFile'>,
  nodes: readonly GraphNode[],
): RunEvent {
  return {
    type: 'run_started',
    runId,
    target: target.name,
    synthetic: target.synthetic,
    asOf,
    nodes: nodes.map(refOf),
    ...(window && { range: describeWindow(window) }),
    logFile,
  };
}

const lastDay = Date.UTC(9999, 11, 31);
const shift = (date: Date, days: number) => new Date(Math.min(date.getTime() + days * msOfDay, lastDay));

/**
 * Returns the days that each node works on. A model that looks back N days needs its inputs from N days earlier, and
 * changes within the range affect its own rows until N days later: with both, ranges build the same rows as a full run,
 * in whatever order they are run.
 */
export function nodeWindows(graph: Graph, selected: ReadonlySet<string>, window: Window): ReadonlyMap<string, Window> {
  const windows = new Map<string, Window>();
  for (const id of selected) windows.set(id, window);
  // Goes through the DAG in reverse, so that a node's own range is settled before the nodes it needs are widened.
  for (const { id, needs, looksBackDays: lookBack = 0 } of graph.nodes.toReversed()) {
    const own = windows.get(id);
    if (own === undefined) continue;
    const first = shift(own.start, -lookBack);
    if (lookBack > 0) windows.set(id, { start: own.start, end: shift(own.end, lookBack) });
    for (const need of needs) {
      const needed = windows.get(need);
      if (needed !== undefined && first < needed.start) windows.set(need, { start: first, end: needed.end });
    }
  }
  return windows;
}

/**
 * One instance of each resource for the whole run: created on first request, disposed in reverse order with the run.
 * Later requests are rejected, since nothing would dispose of them.
 */
export function createShare(): AsyncDisposable & {
  get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T>;
} {
  const made = new Map<string, Promise<AsyncDisposable>>();
  let isOver = false;
  return {
    get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T> {
      if (isOver) return Promise.reject(new Error(`${name} was requested after the run had ended`));
      const known = made.get(name) as Promise<T> | undefined;
      if (known !== undefined) return known;
      const creating = create();
      made.set(name, creating);
      return creating;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const pending of [...made.values()].reverse()) {
        const thing = await pending.catch(() => undefined); // the caller of `get` has received the error
        await thing?.[Symbol.asyncDispose]();
      }
    },
  };
}

/** Returns the models that read a table and that are built by its changes. */
export async function readersOf(
  table: string,
  { graph, project }: Pick<RunContext, 'graph' | 'project'>,
): Promise<readonly Reader[]> {
  const models = graph.nodes.filter((node): node is ModelNode => node.kind === 'model' && node.name !== table);
  const compiled = await Promise.all(models.map((node) => project.model(node)));
  return compiled.filter(
    ({ inputsSql, sources }) => inputsSql === undefined && sources.some((source) => source.table.name === table),
  );
}
