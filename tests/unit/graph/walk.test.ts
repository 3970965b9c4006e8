import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findCycles } from '../../../engine/config/references.ts';
import { ancestors, descendants, inTopologicalOrder } from '../../../engine/graph/walk.ts';
import { graphs, graphsWithIds } from './arbitrary.ts';

describe('the topological order', () => {
  test('puts each node after everything that it needs, and loses none', () => {
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.nat()), ({ nodes }, random) => {
        const shuffled = nodes.map((node) => ({ node, key: random.next().value })).sort((a, b) => a.key - b.key);
        const ordered = inTopologicalOrder(shuffled.map(({ node }) => node));
        expect(new Set(ordered)).toEqual(new Set(nodes));
        const place = new Map(ordered.map(({ id }, index) => [id, index]));
        for (const { id, needs } of ordered) {
          for (const need of needs) expect(place.get(need)).toBeLessThan(place.get(id) as number);
        }
      }),
    );
  });

  test('keeps an order that is already valid', () => {
    fc.assert(
      fc.property(graphs, ({ nodes }) => {
        expect(inTopologicalOrder(nodes)).toEqual(nodes);
      }),
    );
  });
});

describe('ancestors and descendants', () => {
  test('mirror each other', () => {
    fc.assert(
      fc.property(graphs, fc.option(fc.nat({ max: 4 }), { nil: undefined }), (graph, depth) => {
        for (const { id } of graph.nodes) {
          for (const above of ancestors(graph, [id], depth)) expect(descendants(graph, [above], depth)).toContain(id);
          for (const below of descendants(graph, [id], depth)) expect(ancestors(graph, [below], depth)).toContain(id);
        }
      }),
    );
  });

  test('of depth n + 1 are those of depth n and their needs', () => {
    fc.assert(
      fc.property(graphsWithIds, fc.nat({ max: 4 }), ([graph, ids], depth) => {
        const near = ancestors(graph, ids, depth);
        const next = ancestors(graph, [...ids, ...near], 1);
        expect(ancestors(graph, ids, depth + 1)).toEqual(new Set([...near, ...next]));
      }),
    );
  });

  test('are counted along the shortest path', () => {
    const nodes = [
      { id: 'a', needs: [] },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['b', 'a'] },
      { id: 'd', needs: ['c'] },
    ];
    expect([...ancestors({ nodes }, ['d'], 2)].sort()).toEqual(['a', 'b', 'c']);
    expect([...descendants({ nodes }, ['a'], 1)].sort()).toEqual(['b', 'c']);
    expect(ancestors({ nodes }, ['d'], 0).size).toBe(0);
  });
});

describe('cycles', () => {
  const id = fc.nat({ max: 6 }).map(String);
  const edges = fc.array(fc.record({ from: id, to: id }), { maxLength: 14 });

  test('that are found are closed, and removing one edge of each removes all cycles', () => {
    fc.assert(
      fc.property(edges, (graph) => {
        const cycles = findCycles(graph);
        for (const cycle of cycles) {
          for (const [index, edge] of cycle.entries()) {
            expect(edge.to).toBe(cycle[(index + 1) % cycle.length]?.from);
          }
        }
        const cut = new Set(cycles.map((cycle) => cycle.at(-1)));
        expect(findCycles(graph.filter((edge) => !cut.has(edge)))).toEqual([]);
      }),
    );
  });

  test('do not occur if every edge leads down', () => {
    fc.assert(
      fc.property(edges, (graph) => {
        expect(findCycles(graph.filter(({ from, to }) => from > to))).toEqual([]);
      }),
    );
  });
});
