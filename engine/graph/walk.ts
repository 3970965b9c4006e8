/** The fields of a node that a walk needs. */
interface Linked {
  readonly id: string;
  readonly needs: readonly string[];
}

/** Sorts the nodes so that each comes after those it needs, otherwise in their order; the graph must have no cycle. */
export function inTopologicalOrder<Node extends Linked>(nodes: readonly Node[]): Node[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const ordered = new Set<Node>();
  const visit = (node: Node | undefined): void => {
    if (node === undefined || ordered.has(node)) return;
    for (const need of node.needs) visit(byId.get(need));
    ordered.add(node);
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}

/** Returns what these nodes need, directly or not, up to `depth` steps away; a start only if another start needs it. */
export function ancestors(
  graph: { readonly nodes: readonly Linked[] },
  ids: Iterable<string>,
  depth = Number.POSITIVE_INFINITY,
): Set<string> {
  return reach(ids, depth, new Map(graph.nodes.map(({ id, needs }) => [id, needs])));
}

/** Returns what needs these nodes, directly or not, up to `depth` steps away; a start only if it needs another one. */
export function descendants(
  graph: { readonly nodes: readonly Linked[] },
  ids: Iterable<string>,
  depth = Number.POSITIVE_INFINITY,
): Set<string> {
  const dependents = new Map<string, string[]>(graph.nodes.map(({ id }) => [id, []]));
  for (const { id, needs } of graph.nodes) for (const need of needs) dependents.get(need)?.push(id);
  return reach(ids, depth, dependents);
}

function reach(start: Iterable<string>, depth: number, next: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  let edge: ReadonlySet<string> = new Set(start);
  // Breadth first, so that each node is reached at its shortest distance.
  for (let step = 0; step < depth && edge.size > 0; step += 1) {
    edge = new Set([...edge].flatMap((id) => next.get(id) ?? []).filter((id) => !found.has(id)));
    for (const id of edge) found.add(id);
  }
  return found;
}
