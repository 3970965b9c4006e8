import path from 'node:path';
import { writeWhole } from '../disk.ts';
import type { GraphNode } from '../graph/graph.ts';
import type { Project } from '../project.ts';
import { hideInValue, hideSecrets } from '../secrets.ts';
import type { NodeWarning } from './acknowledgements.ts';
import type { NodeOutcome, RunOptions } from './context.ts';
import { commandOf } from './start.ts';
import { resultsFormat } from './unfinished.ts';

export interface FinishedNode {
  readonly node: GraphNode;
  readonly outcome: NodeOutcome;
  readonly warnings: readonly NodeWarning[];
  readonly seconds: number;
}

interface Finished extends RunOptions {
  readonly project: Project;
  readonly nodes: readonly GraphNode[];
  readonly finished: readonly FinishedNode[];
  readonly seconds: number;
  readonly interrupted: boolean;
}

/** `manifest.json`: what the pipeline is; `run_results.json`: what the run did with it. */
export async function writeArtifacts(run: Finished): Promise<void> {
  const metadata = {
    project: run.pipeline.spec.name,
    run_id: run.runId,
    command: commandOf(run),
    format: resultsFormat,
    argv: [run.command, ...withoutFirst(run.argv, run.command)],
    target: run.target.name,
    synthetic: run.target.synthetic,
    as_of: run.asOf,
    generated_at: run.now,
  };
  await writeManifest(run.paths.artifacts, { metadata, project: run.project, graph: run.graph });
  const results = run.finished.map(({ node, outcome, warnings, seconds }) => ({
    unique_id: node.id,
    status: outcome.status,
    message: outcome.message,
    execution_time: seconds,
    ...outcome.facts,
    ...(warnings.length > 0 && { warnings }),
    ...(outcome.acknowledged !== undefined && { acknowledged: outcome.acknowledged }),
  }));
  const range = run.window && { start: run.window.start, end: run.window.end };
  await writeJson(path.join(run.paths.artifacts, 'run_results.json'), {
    metadata,
    args: { selected: run.nodes.map(({ id }) => id), vars: shownVars(run.vars), ...range },
    elapsed_time: run.seconds,
    interrupted: run.interrupted,
    results,
  });
}

const shownVars = ({ values }: RunOptions['vars']) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? hideInValue(value) : Array.isArray(value) ? value.map(hideInValue) : value,
    ]),
  );
/** The words of a command line without the name of the command, which may stand behind options. */
const withoutFirst = (words: readonly string[], name: string): readonly string[] =>
  words.filter((_, at) => at !== words.indexOf(name));

export async function writeManifest(
  directory: string,
  options: { readonly metadata: object; readonly project: Project; readonly graph: RunOptions['graph'] },
): Promise<void> {
  const { metadata, project, graph } = options;
  const nodes = Object.fromEntries(
    graph.nodes.map(({ spec, ...node }) => [
      node.id,
      { ...node, ...(node.kind === 'model' && { columns: project.schema[node.name]?.columns }) },
    ]),
  );
  await writeJson(path.join(directory, 'manifest.json'), { metadata, nodes });
}

/** Only the owner may read it. */
const writeJson = (file: string, value: unknown): void =>
  writeWhole(file, `${JSON.stringify(value, storable, 2)}\n`, { mode: 0o600 });

function storable(_: string, item: unknown): unknown {
  if (typeof item === 'bigint') return Number(item);
  return typeof item === 'string' ? hideSecrets(item) : item;
}
