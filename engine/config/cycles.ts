/** `from` needs `to`. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/**
 * Cycles of a directed graph, each as the edges that lead from its first node round to it again.
 * Cutting one edge of each leaves no cycle, so not every detour is a cycle of its own.
 */
export function findCycles<E extends Edge>(edges: readonly E[]): E[][] {
  const outgoing = Map.groupBy(edges, ({ from }) => from);
  const cycles: E[][] = [];
  const done = new Set<string>();
  const visit = (id: string, trail: readonly E[]): void => {
    const start = trail.findIndex(({ from }) => from === id);
    if (start !== -1) cycles.push(trail.slice(start));
    if (start !== -1 || done.has(id)) return;
    for (const edge of outgoing.get(id) ?? []) visit(edge.to, [...trail, edge]);
    done.add(id);
  };
  for (const id of outgoing.keys()) visit(id, []);
  return cycles;
}
