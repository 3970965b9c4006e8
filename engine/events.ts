import type { Progress } from './extract.ts';

export type NodeStatus = 'pass' | 'warn' | 'error' | 'skip' | 'no-op' | 'reused';

export interface NodeRef {
  /** `extract.files`, `model.orders`, `test.unique_orders…`, `export.orders`. */
  readonly id: string;
  readonly kind: 'extract' | 'model' | 'test' | 'export';
  readonly name: string;
  /** Of a test: the id of the model that it belongs to. */
  readonly parent?: string;
}

/** What a run says while it goes; each reporter shows all of them in its own way. */
export type RunEvent =
  | {
      readonly type: 'run_started';
      readonly runId: string;
      readonly target: string;
      readonly synthetic: boolean;
      readonly asOf: Date;
      readonly nodes: readonly NodeRef[];
      /** Human form of the range, or undefined for everything. */
      readonly range?: string;
      readonly logFile: string;
    }
  | { readonly type: 'node_started'; readonly node: NodeRef }
  | { readonly type: 'node_progress'; readonly node: NodeRef; readonly progress: Progress }
  | {
      readonly type: 'node_finished';
      readonly node: NodeRef;
      readonly status: NodeStatus;
      readonly seconds: number;
      /** One line: rows and partitions, the closing figures, why it was skipped, the measured value. */
      readonly message: string;
      readonly error?: unknown;
      /** How many of its warnings pipeline.yaml acknowledges. */
      readonly acknowledged?: number;
    }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly node?: NodeRef;
      /** It is said in every run until somebody changes pipeline.yaml. */
      readonly isAdvice?: boolean;
    }
  | {
      readonly type: 'run_finished';
      readonly counts: Readonly<Record<NodeStatus, number>>;
      readonly seconds: number;
      readonly interrupted: boolean;
    };

/** Events carry no time; the reporter stamps them with `now`. */
export interface Reporter {
  report(event: RunEvent): void;
  /** Leaves the terminal to `work`, which asks a person something, and goes on where it was. */
  pause?<T>(work: () => Promise<T>): Promise<T>;
  /** Flushes and releases the terminal; after it nothing is written. */
  close(): Promise<void>;
}

/** One entry per event: an event that a reporter has no answer to is a type error. */
export type EventTable = {
  readonly [T in RunEvent['type']]: (event: Extract<RunEvent, { type: T }>) => void;
};

export function dispatch(table: EventTable, event: RunEvent): void {
  // The type says so, but TypeScript does not follow it through the index.
  (table[event.type] as (event: RunEvent) => void)(event);
}
