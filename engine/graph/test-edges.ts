import type { Pipeline } from '../config/load.ts';
import { makers } from '../config/references.ts';
import type { Project } from '../project.ts';
import type { Graph, GraphNode } from './graph.ts';
import { inTopologicalOrder } from './walk.ts';

/**
 * Returns the graph with an edge from each test to the nodes that make the tables it reads, which only the module of a
 * custom test or a parsed SQL condition says. A test whose module cannot be loaded keeps the edge to its model: it is an
 * error where the test is selected.
 */
export async function withTestEdges(graph: Graph, pipeline: Pipeline, project: Project): Promise<Graph> {
  const makerOf = makers(pipeline.spec);
  const edged = graph.nodes.map(async (node): Promise<GraphNode> => {
    if (node.kind !== 'test') return node;
    const reads = await project.test(node).then(
      (test) => test.reads,
      () => [],
    );
    return { ...node, needs: [...new Set([...node.needs, ...reads.flatMap((table) => makerOf.get(table) ?? [])])] };
  });
  return { nodes: inTopologicalOrder(await Promise.all(edged)) };
}
