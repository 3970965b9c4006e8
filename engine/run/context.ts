import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/resolve-target.ts';
import type { Vars } from '../config/vars.ts';
import type { Warehouse } from '../duckdb/index.ts';
import type { NodeRef, NodeStatus, Reporter } from '../events.ts';
import type { ExtractResult, FetchEstimate, Window } from '../extract.ts';
import type { Graph, GraphNode } from '../graph/graph.ts';
import type { Project } from '../project.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { TargetPaths } from './paths.ts';

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
