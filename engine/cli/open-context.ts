import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/target.ts';
import type { Vars } from '../config/vars.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { type TargetPaths, targetPaths } from '../target/paths.ts';
import type { Cli } from './io.ts';
import type { GlobalOptions, SelectionOptions } from './options.ts';

/** Modules are loaded when a command needs them, so that `--help` and `ls` stay fast. */
export async function loadPipelineOf(
  cli: Pick<Cli, 'cwd'>,
  options: Pick<GlobalOptions, 'pipeline'>,
): Promise<Pipeline> {
  const file = findPipelineFile(cli.cwd, options.pipeline);
  const known = loaded.get(cli);
  if (known?.file === file) return known.pipeline;
  const { loadPipeline } = await import('../config/load.ts');
  const pipeline = loadPipeline(file);
  loaded.set(cli, { file, pipeline });
  return pipeline;
}

/** One command line may load it twice: for its flags, and for its action. */
const loaded = new WeakMap<object, { readonly file: string; readonly pipeline: Promise<Pipeline> }>();

/** The starting point of most commands. */
export interface CommandContext {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly target: ResolvedTarget;
  readonly vars: Vars;
  /** Paths of the target's files. */
  readonly paths: TargetPaths;
}

/** `varFlags` are vars set by their own flags, as `name=value`. */
export async function openContext(
  cli: Pick<Cli, 'cwd' | 'env'>,
  options: GlobalOptions & { readonly varFlags?: readonly string[] },
): Promise<CommandContext> {
  const [pipeline, { buildGraph }, { resolveTarget }, { resolveVars }] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../graph/graph.ts'),
    import('../config/target.ts'),
    import('../config/resolve-vars.ts'),
  ]);
  const { target, vars, dataDir } = options;
  const resolved = resolveTarget(pipeline, { env: cli.env, ...(target !== undefined && { name: target }) });
  return {
    pipeline,
    graph: buildGraph(pipeline),
    target: resolved,
    vars: resolveVars(pipeline, {
      target: resolved.name,
      pairs: [...(options.var ?? []), ...(options.varFlags ?? [])],
      ...(vars !== undefined && { json: vars }),
    }),
    paths: targetPaths(dataDir === undefined ? join(pipeline.root, 'data') : resolve(cli.cwd, dataDir), resolved.name),
  };
}

/** True if a selection depends on the edges of the graph: all that is selected brings the seeds that it reads. */
export const followsEdges = ({ select = [], exclude = [] }: SelectionOptions): boolean =>
  select.length > 0 || exclude.some((text) => /[+@]/.test(text));

/** Returns the graph with the edges of what tests read, for commands that select; modules are loaded for it. */
export async function completeGraph({
  pipeline,
  graph,
  vars,
}: Pick<CommandContext, 'pipeline' | 'graph' | 'vars'>): Promise<Graph> {
  const [{ openProject }, { withTestEdges }] = await Promise.all([
    import('../project.ts'),
    import('../graph/test-edges.ts'),
  ]);
  return withTestEdges(graph, pipeline, await openProject(pipeline, vars));
}

const fileName = 'pipeline.yaml';

/**
 * Returns `given`, or the nearest pipeline.yaml in `cwd` or above it, as a path relative to `cwd` for messages.
 * Throws CONFIG_REFERENCE if there is none.
 */
function findPipelineFile(cwd: string, given?: string): string {
  if (given !== undefined) return shortest(cwd, resolve(cwd, given));
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, fileName);
    if (existsSync(file)) return shortest(cwd, file);
    if (folder === dirname(folder)) break;
  }
  throw new PipelineError('CONFIG_REFERENCE', `there is no ${fileName} here or in a folder above`, {
    file: cwd,
    hint: 'run in the folder of a project, name the file (--pipeline path/to/pipeline.yaml), or begin one: pnpm pipeline init DIR',
  });
}

/** Loaders resolve the path against the working directory, so it is shortened only if that is `cwd`. */
function shortest(cwd: string, file: string): string {
  return resolve(cwd) === process.cwd() ? relative(cwd, file) || file : file;
}
