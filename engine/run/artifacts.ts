import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import type { GraphNode } from '../graph/graph.ts';
import { machineFault } from '../machine-fault.ts';
import type { Project } from '../project.ts';
import { hidden, hideInValue, hideSecrets } from '../secrets.ts';
import type { NodeWarning } from './acknowledgements.ts';
import { commandOf, type NodeOutcome, type RunOptions } from './context.ts';

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

/** Writes `graph.json`, which describes the pipeline, and `run.json`, which describes what the run did. */
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
  await writeGraph(run.paths.artifacts, { metadata, project: run.project, graph: run.graph });
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
  await writeJson(path.join(run.paths.artifacts, 'run.json'), {
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
/** Removes the command name from a command line; options may precede it. */
const withoutFirst = (words: readonly string[], name: string): readonly string[] =>
  words.filter((_, at) => at !== words.indexOf(name));

export async function writeGraph(
  directory: string,
  options: { readonly metadata: object; readonly project: Project; readonly graph: RunOptions['graph'] },
): Promise<void> {
  const { metadata, project, graph } = options;
  const nodes = Object.fromEntries(
    graph.nodes.map(({ spec, ...node }) => [
      node.id,
      {
        ...node,
        ...((node.kind === 'model' || node.kind === 'seed') && { columns: project.schema[node.name]?.columns }),
      },
    ]),
  );
  await writeJson(path.join(directory, 'graph.json'), { metadata, nodes });
}

/** Only the owner may read the file. */
const writeJson = (file: string, value: unknown): void =>
  writeWhole(file, `${JSON.stringify(value, storable, 2)}\n`, { mode: 0o600 });

function storable(_: string, item: unknown): unknown {
  if (typeof item === 'bigint') return Number(item);
  return typeof item === 'string' ? hideSecrets(item) : item;
}

/** The format of `run.json`. Must be raised when the fields that `retry` reads change. */
const resultsFormat = 1;

const finished = ['pass', 'warn', 'no-op', 'reused'] as const;
const unfinished = ['error', 'skip'] as const;

/** The fields of `run.json` that `retry` reads; the others are for people and other programs. */
const runResults = z.object({
  metadata: z.object({
    format: z.literal(resultsFormat),
    target: z.string(),
    argv: z.tuple([z.enum(['run', 'test'])], z.string()),
  }),
  results: z.array(z.object({ unique_id: z.string(), status: z.enum([...finished, ...unfinished]) })),
});

/** A command line, and the nodes to run again. */
export interface Unfinished {
  readonly argv: readonly [command: 'run' | 'test', ...words: string[]];
  readonly nodes: readonly string[];
}

/**
 * Returns the last command of a target, and its nodes that failed or were skipped.
 * @param nodeIds of the current pipeline
 * @throws PipelineError USAGE if there was none, or if it contained a secret, which is not stored;
 * ARTIFACT_INVALID if the file does not have the form in which a run of this target writes it
 */
export async function readUnfinished(
  artifacts: string,
  options: { readonly target: string; readonly nodeIds: ReadonlySet<string> },
): Promise<Unfinished> {
  const file = path.join(artifacts, 'run.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw machineFault(error, file);
    throw new PipelineError('USAGE', 'there is no run to retry', { file, hint: 'start with: pnpm pipeline run' });
  });
  const parsed = runResults.safeParse(parseJson(text));
  if (!parsed.success) throw invalid(file, `this is not what a run writes: ${z.prettifyError(parsed.error)}`);
  const { metadata, results } = parsed.data;
  const secret = metadata.argv.find((word) => word.includes(hidden));
  if (secret !== undefined) {
    throw new PipelineError('USAGE', 'the last command had a password or a query in a URL, which is not stored', {
      value: secret,
      hint: 'run the whole command again: whatever succeeded is not built again',
    });
  }
  if (metadata.target !== options.target) {
    throw invalid(file, `it belongs to the target ${metadata.target}, not to ${options.target}`);
  }
  const unknown = results.find(({ unique_id }) => !options.nodeIds.has(unique_id));
  if (unknown !== undefined) throw invalid(file, `the pipeline has no node ${unknown.unique_id}`);
  const isUnfinished = (status: string): boolean => (unfinished as readonly string[]).includes(status);
  return {
    argv: metadata.argv,
    nodes: results.filter(({ status }) => isUnfinished(status)).map(({ unique_id }) => unique_id),
  };
}

/** How the last command of a target ended that changed or tested its warehouse. */
export interface EndedRun {
  readonly runId: string;
  readonly target: string;
  readonly asOf: string;
  readonly interrupted: boolean;
  /** Ids of nodes that failed or were skipped. */
  readonly unfinished: readonly string[];
  /** Without secrets. */
  readonly vars: Readonly<Record<string, boolean | number | string | readonly string[]>>;
}

const endedRun = z.object({
  metadata: z.object({
    format: z.literal(resultsFormat),
    run_id: z.string(),
    target: z.string(),
    as_of: z.iso.datetime(),
  }),
  args: z.object({ vars: z.record(z.string(), z.union([z.boolean(), z.number(), z.string(), z.array(z.string())])) }),
  interrupted: z.boolean(),
  results: runResults.shape.results,
});

/**
 * Returns how the last command of a target ended; undefined if there was none.
 * @throws PipelineError ARTIFACT_INVALID
 */
export async function readLastRun(artifacts: string): Promise<EndedRun | undefined> {
  const file = path.join(artifacts, 'run.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw machineFault(error, file);
    return undefined;
  });
  if (text === undefined) return undefined;
  const parsed = endedRun.safeParse(parseJson(text));
  if (!parsed.success) throw invalid(file, `this is not what a run writes: ${z.prettifyError(parsed.error)}`);
  const { metadata, args, interrupted, results } = parsed.data;
  const isUnfinished = (status: string): boolean => (unfinished as readonly string[]).includes(status);
  return {
    runId: metadata.run_id,
    target: metadata.target,
    asOf: metadata.as_of,
    interrupted,
    unfinished: results.filter(({ status }) => isUnfinished(status)).map(({ unique_id }) => unique_id),
    vars: args.vars,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error for a file of artifacts that cannot be used. */
export const invalid = (file: string, problem: string): PipelineError =>
  new PipelineError('ARTIFACT_INVALID', `${problem}; nothing was executed`, {
    file,
    hint: 'run the command itself: pnpm pipeline run',
  });
