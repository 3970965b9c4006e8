import { PipelineError } from '../errors.ts';
import type { Reporter, RunEvent } from '../events.ts';
import { hideSecrets } from '../secrets.ts';
import type { Clock } from './clock.ts';

const progressEvery = 1_000;

/** Writes one JSON object per line: `ts`, `level`, `type` and the event's fields; progress once a second at most. */
export function createJsonReporter(options: {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly debug: boolean;
  /** Errors only. */
  readonly quiet: boolean;
}): Reporter {
  const { write, clock, debug, quiet } = options;
  const progressAt = new Map<string, number>();

  function isDue(event: Extract<RunEvent, { type: 'node_progress' }>): boolean {
    const due = clock.now() - (progressAt.get(event.node.id) ?? Number.NEGATIVE_INFINITY) >= progressEvery;
    if (due) progressAt.set(event.node.id, clock.now());
    return due;
  }

  return {
    report(event) {
      const level = levelOf(event);
      if ((quiet && level !== 'error') || (level === 'debug' && !debug)) return;
      if (event.type === 'node_progress' && !isDue(event)) return;
      write(toJsonLine({ ts: new Date(clock.now()).toISOString(), level, ...event }, { debug }));
    },
    async close() {},
  };
}

function levelOf(event: RunEvent): 'debug' | 'info' | 'warn' | 'error' {
  if (event.type === 'log') return event.level;
  if (event.type === 'node_finished' && (event.status === 'error' || event.status === 'warn')) return event.status;
  return 'info';
}

/** Writes errors as code, message and details, and a bigint as a number if that is exact, otherwise as text. */
export function toJsonLine(record: object, options: { readonly debug?: boolean } = {}): string {
  return JSON.stringify(record, (_, value: unknown) => {
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    if (value instanceof Error) return errorRecord(value, options.debug ?? false);
    return value;
  });
}

function errorRecord(error: Error, debug: boolean): object {
  const stack = debug ? { stack: hideSecrets(error.stack ?? '') } : {};
  if (!(error instanceof PipelineError)) return { code: 'INTERNAL', message: hideSecrets(error.message), ...stack };
  const { cause, ...details } = error.details;
  const because =
    cause === undefined ? {} : { cause: hideSecrets(cause instanceof Error ? cause.message : String(cause)) };
  return { code: error.code, message: error.message, ...details, ...because, ...stack };
}
