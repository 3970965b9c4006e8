import type { Window } from '../extract.ts';
import type { Graph } from '../graph/graph.ts';
import { msOfDay } from '../units.ts';

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
