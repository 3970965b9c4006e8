import type { Pipeline } from '../config/load.ts';
import { resolveVars } from '../config/resolve-vars.ts';
import type { Extract, Window } from '../extract.ts';
import type { ExtractNode, Graph } from '../graph/graph.ts';
import type { Project } from '../project.ts';
import { checkKinds } from './acknowledgements.ts';
import type { FinishedNode } from './artifacts.ts';
import type { RunContext } from './context.ts';

/** Checks the kinds of warnings that pipeline.yaml acknowledges. @throws PipelineError CONFIG_REFERENCE */
export async function checkAcknowledgements(pipeline: Pipeline, graph: Graph, project: Project): Promise<void> {
  if (pipeline.spec.acknowledge.every(({ warning }) => warning === undefined)) return;
  const extracts = await extractsOf(graph, project);
  checkKinds(
    pipeline,
    extracts.flatMap(({ extract }) => Object.keys(extract.warnings ?? {})),
  );
}

/**
 * Returns the entries of `acknowledge:` that a run shows to be unnecessary. A run restricted by a range, a var or an
 * earlier clock shows nothing, and neither does an extract that has not run or a test that has not passed.
 */
export async function unusedAcknowledgements(
  finished: ReadonlyMap<string, FinishedNode>,
  options: { readonly pipeline: Pipeline; readonly window?: Window },
  context: RunContext,
): Promise<readonly string[]> {
  const { pipeline } = options;
  if (pipeline.spec.acknowledge.length === 0 || isRestricted(options, context)) return [];
  const { graph, extracted, paths } = context;
  const extracts = await extractsOf(graph, context.project);
  const giving = (kind: string) => extracts.filter(({ extract }) => Object.hasOwn(extract.warnings ?? {}, kind));
  const isWhole = graph.nodes
    .filter(({ kind }) => kind === 'extract' || kind === 'model')
    .every(({ id }) => !['error', 'skip', undefined].includes(finished.get(id)?.outcome.status));
  const isChecked = (kind: string) => (node: ExtractNode) =>
    extracted.has(node.name) && extracted.get(node.name)?.partlyChecked?.includes(kind) !== true;
  return context.acknowledgements.unused({
    passed: new Set(
      [...finished.values()].flatMap(({ node, outcome: { status } }) =>
        node.kind === 'test' && (status === 'pass' || status === 'reused') ? [node.name] : [],
      ),
    ),
    isChecked: (kind) => isWhole && giving(kind).every(({ node }) => isChecked(kind)(node)),
    standing: (kind) =>
      giving(kind).flatMap(({ extract }) => extract.standing?.({ stagingDir: paths.staging })[kind] ?? []),
  });
}

function isRestricted(
  { pipeline, window }: { readonly pipeline: Pipeline; readonly window?: Window },
  { vars, asOf, target }: RunContext,
): boolean {
  const usual = JSON.stringify(resolveVars(pipeline, { target: target.name }).values);
  return (
    window !== undefined || JSON.stringify(vars.values) !== usual || (target.as_of !== undefined && asOf < target.as_of)
  );
}

const extractsOf = (graph: Graph, project: Project): Promise<readonly { node: ExtractNode; extract: Extract }[]> =>
  Promise.all(
    graph.nodes
      .filter((node): node is ExtractNode => node.kind === 'extract')
      .map(async (node) => ({ node, extract: await project.extract(node) })),
  );
