import { join, resolve } from 'node:path';
import type { Pipeline } from '../config/load.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { systemClock } from '../report/clock.ts';
import { headline } from '../report/node-text.ts';
import { sourcesLock } from '../run/paths.ts';
import type { RunEnd } from '../run/run.ts';
import { hideInValue } from '../secrets.ts';
import { askOn } from './ask.ts';
import type { Cli } from './cli.ts';
import { completeGraph, followsEdges, openContext } from './context.ts';
import type { GlobalOptions, SelectionOptions } from './options.ts';
import { createRunId } from './run-id.ts';
import { formatTable } from './table.ts';

export interface BuildOptions extends GlobalOptions, SelectionOptions {
  readonly start?: string;
  readonly end?: string;
  readonly asOf?: string;
  readonly threads?: number;
  readonly memoryLimit?: string;
  readonly fullRefresh?: boolean;
  readonly relist?: boolean;
  /** `true` is the lock beside pipeline.yaml. */
  readonly locked?: string | true;
  readonly failFast?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly warnError?: boolean;
  /** Vars that were set by flags of their own, as `name=value`. */
  readonly varFlags?: readonly string[];
}

/** What the words of a command line say about a run: which nodes, on what, when, and how it reports. */
export async function resolveBuild(cli: Cli, command: 'run' | 'test' | 'plan', options: BuildOptions) {
  const opened = await openContext(cli, options);
  // A run adds the edges of custom tests itself, from the project that it opens.
  const isLeft = command === 'run' && !options.dryRun && !followsEdges(options);
  const context = isLeft ? opened : { ...opened, graph: await completeGraph(opened) };
  const { pipeline, graph, target } = context;
  const [{ select }, { resolveAsOf }, { resolveWindow }] = await Promise.all([
    import('../graph/select.ts'),
    import('../config/resolve-target.ts'),
    import('../config/resolve-window.ts'),
  ]);
  const { start, end, asOf: flag } = options;
  const window = resolveWindow({ ...(start !== undefined && { start }), ...(end !== undefined && { end }) });
  const asOf = resolveAsOf({ target, env: cli.env, now: cli.now(), ...(flag !== undefined && { flag }) });
  const found = onlyThese(select(graph, options), cli.only);
  const selected = command === 'test' ? testsOf(graph, found) : found;
  const title = `${pipeline.spec.name} ${command}`;
  return {
    wanted: { ...context, selected, asOf, signal: cli.signal, ...(window !== undefined && { window }) },
    reporting: {
      title,
      format: options.logFormat ?? 'text',
      quiet: options.quiet ?? false,
      debug: options.debug ?? false,
      // `plan` says what it found in a table, and --warn-error ends a run for what would not be shown.
      verbose: command === 'plan' || (options.verbose ?? false) || (options.warnError ?? false),
      env: cli.env,
      clock: { ...systemClock, now: () => cli.now().getTime() },
    },
  };
}

function onlyThese(selected: Set<string>, only: ReadonlySet<string> | undefined): Set<string> {
  const left = only === undefined ? selected : selected.intersection(only);
  if (left.size > 0) return left;
  throw new PipelineError('SELECTION_EMPTY', 'the pipeline no longer has the nodes that are to be run again', {
    value: [...(only ?? [])].join(' '),
    hint: 'run instead: pnpm pipeline run',
  });
}

/** What `run` and `test` share: from the words of the command line to the engine and its reporters. */
export async function build(cli: Cli, command: 'run' | 'test', options: BuildOptions): Promise<RunEnd> {
  const { wanted, reporting } = await resolveBuild(cli, command, options);
  const { target, paths, window } = wanted;
  const { threads, memoryLimit } = options;
  const now = cli.now();

  if (options.dryRun) {
    const { name, synthetic } = target;
    const [{ describeRun }, { describeWindow }] = await Promise.all([
      import('../run/dry-run.ts'),
      import('../config/resolve-window.ts'),
    ]);
    const range = window && { range: describeWindow(window) };
    cli.print(headline(reporting.title, { target: name, synthetic, asOf: wanted.asOf, ...range }));
    const nodes = await describeRun({ ...wanted, fullRefresh: options.fullRefresh ?? false });
    for (const line of formatTable(
      ['NODE', 'A RUN WOULD'],
      nodes.map(({ id, would }) => [id, would]),
    ))
      cli.print(line);
    return { exitCode: 0 };
  }

  const [{ createReporter }, { runPipeline }] = await Promise.all([
    import('../report/reporter.ts'),
    import('../run/run.ts'),
  ]);
  const runId = createRunId(now, cli.random);
  const reporter = await createReporter({ ...reporting, stdout: cli.stdout, stderr: cli.stderr });
  try {
    const ended = await runPipeline({
      ...wanted,
      command,
      argv: cli.argv.map(hideInValue),
      ...(threads !== undefined && { threads }),
      ...(memoryLimit !== undefined && { memoryLimit }),
      fullRefresh: options.fullRefresh ?? false,
      relist: options.relist ?? false,
      locked: lockOf(options, wanted, cli),
      failFast: options.failFast ?? false,
      wait: options.wait ?? false,
      warnError: options.warnError ?? false,
      yes: options.yes ?? false,
      ask: askOn(cli),
      runId,
      logFile: join(paths.logs, `${runId}.log`),
      now,
      clock: cli.clock,
      reporter,
    });
    cli.finish(ended.exitCode);
    return ended;
  } finally {
    await reporter.close();
  }
}

function testsOf(graph: Graph, selected: ReadonlySet<string>): ReadonlySet<string> {
  const tests = graph.nodes.filter(({ id, kind }) => kind === 'test' && selected.has(id));
  if (tests.length > 0) return new Set(tests.map(({ id }) => id));
  throw new PipelineError('SELECTION_EMPTY', 'nothing that is selected has a test', {
    hint: 'see what there is: pnpm pipeline ls --select kind:test',
  });
}

/** The file that `--locked` means. Throws USAGE where no node would look at it. */
function lockOf(
  { locked }: BuildOptions,
  {
    graph,
    selected,
    pipeline,
  }: { readonly graph: Graph; readonly selected: ReadonlySet<string>; readonly pipeline: Pipeline },
  { cwd }: Pick<Cli, 'cwd'>,
): string | undefined {
  if (locked === undefined) return undefined;
  if (graph.nodes.some(({ id, kind }) => kind === 'extract' && selected.has(id))) {
    return locked === true ? sourcesLock(pipeline.root) : resolve(cwd, locked);
  }
  throw new PipelineError('USAGE', '--locked looks at what the extracts take, and none is selected', {
    key: '--locked',
    hint: 'select the sources as well: put + before the selector, as in --select +NAME',
  });
}
