import { basename } from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { Path, Position } from '../config/problems.ts';
import { makers, tableOf, testName } from '../config/references.ts';
import type { ExportSpec, ExtractSpec, ModelSpec, SeedSpec, TestSpec } from '../config/spec.ts';
import type { NodeRef } from '../events.ts';
import { msOfDay } from '../units.ts';
import { inTopologicalOrder } from './walk.ts';

interface NodeOf<Kind extends NodeRef['kind'], Spec> extends NodeRef {
  readonly kind: Kind;
  /** The node's own group; tests and exports without one have that of their model. */
  readonly group?: string;
  readonly tags: readonly string[];
  /** The module or the CSV file that defines it, relative to pipeline.yaml; pipeline.yaml itself if there is none. */
  readonly path: string;
  /** Ids of the nodes that come before it, each once. */
  readonly needs: readonly string[];
  /** Id of the model that declares a test or that an export writes. */
  readonly parent?: string;
  /** A boolean var: if it is false, there is nothing to do. */
  readonly when?: string;
  /** The number of days before a day that a model reads. */
  readonly looksBackDays?: number;
  /** Its position in pipeline.yaml. */
  readonly position: Position;
  readonly spec: Spec;
}

export type ExtractNode = NodeOf<'extract', ExtractSpec>;
export type SeedNode = NodeOf<'seed', SeedSpec>;
export type ModelNode = NodeOf<'model', ModelSpec>;
export type TestNode = NodeOf<'test', TestSpec>;
export type ExportNode = NodeOf<'export', ExportSpec>;
export type GraphNode = ExtractNode | SeedNode | ModelNode | TestNode | ExportNode;

/** The DAG of a pipeline; plain data only, so it can be written to graph.json as it is. */
export interface Graph {
  /** Each after the nodes that it needs, otherwise in the order of pipeline.yaml, with a model's tests after it. */
  readonly nodes: readonly GraphNode[];
}

/** Builds the graph of a checked pipeline. */
export function buildGraph(pipeline: Pipeline): Graph {
  const { spec, at } = pipeline;
  const file = basename(pipeline.file);
  const makerOf = makers(spec);
  const idsOf = (names: readonly string[]): string[] => [
    // The loader has refused names that no node makes.
    ...new Set(names.flatMap((name) => makerOf.get(name) ?? [])),
  ];
  const common = (entry: { group?: string; tags: string[]; when?: string }, path: Path) => ({
    tags: entry.tags,
    position: at(path),
    ...(entry.group !== undefined && { group: entry.group }),
    ...(entry.when !== undefined && { when: entry.when }),
  });
  const extracts = Object.entries(spec.extracts).map(
    ([name, extract]): ExtractNode => ({
      ...common(extract, ['extracts', name]),
      id: `extract.${name}`,
      kind: 'extract',
      name,
      path: extract.use,
      needs: idsOf(extract.needs),
      spec: extract,
    }),
  );
  const seeds = Object.entries(spec.seeds).map(
    ([name, seed]): SeedNode => ({
      ...common(seed, ['seeds', name]),
      id: `seed.${name}`,
      kind: 'seed',
      name,
      path: seed.file,
      needs: [],
      spec: seed,
    }),
  );
  const models = Object.entries(spec.models).flatMap(([name, model]): GraphNode[] => {
    const id = `model.${name}`;
    const node: ModelNode = {
      ...common(model, ['models', name]),
      id,
      kind: 'model',
      name,
      path: model.use,
      needs: idsOf(model.needs),
      ...(model.looks_back !== undefined && { looksBackDays: model.looks_back / msOfDay }),
      spec: model,
    };
    const tests = model.tests.map((test, index): TestNode => {
      const own = testName(name, test);
      return {
        ...common({ ...(model.group !== undefined && { group: model.group }), ...test }, [
          'models',
          name,
          'tests',
          index,
        ]),
        id: `test.${own}`,
        kind: 'test',
        name: own,
        path: test.type === 'custom' ? test.use : file,
        parent: id,
        needs: idsOf(test.type === 'relationships' ? [name, tableOf(test.to)] : [name]),
        spec: test,
      };
    });
    return [node, ...tests];
  });
  const exports = Object.entries(spec.exports).map(([name, entry]): ExportNode => {
    const group = entry.group ?? spec.models[entry.model]?.group;
    return {
      ...common({ ...entry, ...(group !== undefined && { group }) }, ['exports', name]),
      id: `export.${name}`,
      kind: 'export',
      name,
      path: file,
      parent: `model.${entry.model}`,
      needs: idsOf([entry.model]),
      spec: entry,
    };
  });
  return { nodes: inTopologicalOrder([...extracts, ...seeds, ...models, ...exports]) };
}
