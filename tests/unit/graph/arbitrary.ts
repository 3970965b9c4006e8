import fc from 'fast-check';
import { type Pipeline, parsePipeline } from '../../../engine/config/load.ts';
import { buildGraph, type Graph } from '../../../engine/graph/graph.ts';

/** The properties of a random model. `needs` are indexes of earlier models, modulo their number. */
const model = fc.record({
  needs: fc.array(fc.nat(), { maxLength: 3 }),
  tests: fc.nat({ max: 2 }),
  group: fc.constantFrom('market', 'rankings', undefined),
  tags: fc.subarray(['daily', 'heavy']),
  isExported: fc.boolean(),
});

/** Graphs of up to ten models with tests and exports on one extract; the models are in any order in the file. */
export const graphs: fc.Arbitrary<Graph> = fc
  .array(model, { minLength: 1, maxLength: 10 })
  .chain((models) =>
    fc.tuple(fc.constant(models), fc.shuffledSubarray([...models.keys()], { minLength: models.length })),
  )
  .map(([models, order]) => {
    const entries = order.map((index): [string, object] => {
      const { needs, tests, group, tags } = models[index] ?? { needs: [], tests: 0, group: undefined, tags: [] };
      return [
        `m${index}`,
        {
          use: `models/${group ?? 'other'}/m${index}.ts`,
          needs: index === 0 ? ['raw'] : [...new Set(needs.map((need) => `m${need % index}`))],
          tests: ['a', 'b'].slice(0, tests).map((column) => ({ unique: [column] })),
          tags,
          ...(group !== undefined && { group }),
        },
      ];
    });
    const exports = [...models.entries()].filter(([, { isExported }]) => isExported);
    return buildGraph(
      pipelineOf({
        extracts: { listing: { use: 'extract/listing.ts', writes: ['raw'] } },
        models: Object.fromEntries(entries),
        exports: Object.fromEntries(
          exports.map(([index]) => [`e${index}`, { model: `m${index}`, format: 'parquet', order_by: ['a'] }]),
        ),
      }),
    );
  });

/** JSON is YAML, so a value can be turned into a pipeline. */
export function pipelineOf(sections: object): Pipeline {
  const base = {
    name: 'demo',
    default_target: 'sample',
    schema: 'models/schema.ts',
    targets: { sample: { archive: 'sample' } },
  };
  return parsePipeline(JSON.stringify({ ...base, ...sections }), { file: 'pipeline.yaml', root: '/project' });
}

/** A graph and some of its ids. */
export const graphsWithIds: fc.Arbitrary<readonly [Graph, string[]]> = graphs.chain((graph) =>
  fc.tuple(
    fc.constant(graph),
    fc.subarray(
      graph.nodes.map(({ id }) => id),
      { minLength: 1, maxLength: Math.min(3, graph.nodes.length) },
    ),
  ),
);
