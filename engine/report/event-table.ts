import type { RunEvent } from '../events.ts';

/** One entry per event: an event that a reporter has no answer to is a type error. */
export type EventTable = {
  readonly [T in RunEvent['type']]: (event: Extract<RunEvent, { type: T }>) => void;
};

export function dispatch(table: EventTable, event: RunEvent): void {
  // The type says so, but TypeScript does not follow it through the index.
  (table[event.type] as (event: RunEvent) => void)(event);
}
