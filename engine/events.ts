import type { Progress } from './extract.ts';

export type NodeStatus = 'pass' | 'warn' | 'error' | 'skip' | 'no-op' | 'reused';

export interface NodeRef {
  /** `extract.files`, `seed.rates`, `model.orders`, `test.unique_orders…`, `export.orders`. */
  readonly id: string;
  readonly kind: 'extract' | 'seed' | 'model' | 'test' | 'export';
  readonly name: string;
  /** The id of the model that a test belongs to. */
  readonly parent?: string;
}

/** An event of a run; each reporter shows all of them in its own way. */
export type RunEvent =
  | {
      readonly type: 'run_started';
      readonly runId: string;
      readonly target: string;
      readonly synthetic: boolean;
      readonly asOf: Date;
      readonly nodes: readonly NodeRef[];
      /** The range in human form; undefined for everything. */
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
      /** One line: rows and partitions, closing figures, the reason for a skip, or the measured value. */
      readonly message: string;
      readonly error?: unknown;
      /** The number of its warnings that pipeline.yaml acknowledges. */
      readonly acknowledged?: number;
    }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly node?: NodeRef;
      /** Repeated in every run until somebody changes pipeline.yaml. */
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
  /** Hands the terminal to `work`, which asks the user something, then continues where it was. */
  pause?<T>(work: () => Promise<T>): Promise<T>;
  /** Flushes and releases the terminal; nothing is written afterwards. */
  close(): Promise<void>;
}

/** One handler per event type: a missing handler is a type error. */
export type EventTable = {
  readonly [T in RunEvent['type']]: (event: Extract<RunEvent, { type: T }>) => void;
};

export function dispatch(table: EventTable, event: RunEvent): void {
  // The types guarantee it, but TypeScript does not follow it through the index.
  (table[event.type] as (event: RunEvent) => void)(event);
}
