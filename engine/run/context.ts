import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/target.ts';
import type { Vars } from '../config/vars.ts';
import { describeWindow } from '../config/window.ts';
import type { Warehouse } from '../duckdb/index.ts';
import type { NodeRef, NodeStatus, Reporter, RunEvent } from '../events.ts';
import type { ExtractResult, FetchEstimate, Window } from '../extract.ts';
import type { Graph, GraphNode } from '../graph/graph.ts';
import type { Project } from '../project.ts';
import type { TargetPaths } from '../target/paths.ts';
import { msOfDay } from '../units.ts';
import type { Acknowledgements } from './acknowledgements.ts';

/** What a command of the engine asks of a run. */
export interface RunOptions {
  readonly command: 'run' | 'test';
  /** The words of the command line without secrets: for the lock, the artifacts and `retry`. */
  readonly argv: readonly string[];
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly selected: ReadonlySet<string>;
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  readonly vars: Vars;
  readonly asOf: Date;
  readonly window?: Window;
  /** Nodes that run at once, and DuckDB's threads; 4 nodes and DuckDB's own choice by default. */
  readonly threads?: number;
  /** Of DuckDB, as it writes it; `defaultMemoryLimit` if it is not set. */
  readonly memoryLimit?: string;
  readonly fullRefresh: boolean;
  readonly relist: boolean;
  /** The lock that the sources must agree with. */
  readonly locked: string | undefined;
  readonly failFast: boolean;
  readonly wait: boolean;
  readonly warnError: boolean;
  readonly yes: boolean;
  /** Shows lines to a person and waits for yes or no; undefined where nobody can be asked. */
  readonly ask: ((lines: readonly string[]) => Promise<boolean>) | undefined;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly logFile: string;
  readonly now: Date;
  /** Monotonic, ms. */
  readonly clock: () => number;
}

/** How a node ended. */
export interface NodeOutcome {
  readonly status: NodeStatus;
  readonly message: string;
  readonly error?: unknown;
  /** Why the warning of a test that warned is acknowledged. */
  readonly acknowledged?: string;
  /** For run_results.json. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** What the extracts of a run share, also where it is only planned. */
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
  /** What the extracts of this run returned, by name. */
  readonly extracted: Map<string, ExtractResult>;
  readonly share: <T extends AsyncDisposable>(name: string, create: () => Promise<T>) => Promise<T>;
  /** `ExtractContext.confirm` of a node. */
  confirm(node: NodeRef, estimate: FetchEstimate): Promise<void>;
}

/** What all nodes of a run share. */
export interface RunContext extends ExtractScope {
  readonly runId: string;
  readonly graph: Graph;
  readonly warehouse: WarehouseHost;
  /** Tells the reporter and the artifacts how a node ended. */
  finish(node: GraphNode, outcome: NodeOutcome, startedAt: number): void;
  readonly clock: () => number;
}

/** Hands out the one connection of a run; the file is held only while somebody uses it, or until `release`. */
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

/** The command as it was typed, for who is told of the run. */
export const commandOf = ({ argv }: Pick<RunOptions, 'argv'>): string => ['pnpm', 'pipeline', ...argv].join(' ');

/** What a run, or a plan of one, says first. */
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
 * The days that each node works on. A model that looks back N days needs what it reads from N days earlier, and what
 * changes within the range shows in its own rows until N days later: with both, a range builds the same rows as a full
 * run would, in whatever order ranges come.
 */
export function nodeWindows(graph: Graph, selected: ReadonlySet<string>, window: Window): ReadonlyMap<string, Window> {
  const windows = new Map<string, Window>();
  for (const id of selected) windows.set(id, window);
  // Against the order of the DAG, a node's own range is settled before those it needs are widened.
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
 * One instance of a thing for the whole run: made by the first who asks, disposed with the run, last made first. Who asks
 * later than that gets nothing that nobody would let go.
 */
export function createShare(): AsyncDisposable & {
  get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T>;
} {
  const made = new Map<string, Promise<AsyncDisposable>>();
  let isOver = false;
  return {
    get<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T> {
      if (isOver) return Promise.reject(new Error(`${name} is asked for, but the run has ended`));
      const known = made.get(name) as Promise<T> | undefined;
      if (known !== undefined) return known;
      const creating = create();
      made.set(name, creating);
      return creating;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const pending of [...made.values()].reverse()) {
        const thing = await pending.catch(() => undefined); // whoever asked for it was told
        await thing?.[Symbol.asyncDispose]();
      }
    },
  };
}
