import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { CommandIo } from '../command.ts';
import type { Pipeline } from '../config/load.ts';
import { flagOf } from '../config/vars.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { systemClock } from '../report/clock.ts';
import type { RunEnd } from '../run/run-pipeline.ts';
import { hideInValue } from '../secrets.ts';
import { sourcesLock } from '../target/paths.ts';
import { askOn, type Cli } from './io.ts';
import { completeGraph, followsEdges, openContext } from './open-context.ts';
import type { GlobalOptions, SelectionOptions } from './options.ts';

export interface BuildOptions extends GlobalOptions, SelectionOptions {
  readonly start?: string;
  readonly end?: string;
  readonly asOf?: string;
  readonly threads?: number;
  readonly memoryLimit?: string;
  readonly fullRefresh?: boolean;
  readonly relist?: boolean;
  /** `true` means the lock next to pipeline.yaml. */
  readonly locked?: string | true;
  readonly failFast?: boolean;
  readonly verifyIncremental?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly warnError?: boolean;
  /** Vars set by their own flags, as `name=value`. */
  readonly varFlags?: readonly string[];
}

/** Resolves the options of a run: the selected nodes, target, vars, window and clock, and how it reports. */
export async function resolveBuild(cli: Cli, command: 'run' | 'test' | 'plan', options: BuildOptions) {
  const [opened, { loadChecked }] = await Promise.all([openContext(cli, options), import('../modules.ts')]);
  await loadChecked(opened.pipeline);
  // A run adds the edges of custom tests itself, from the project that it opens.
  const isLeft = command === 'run' && !followsEdges(options);
  const context = isLeft ? opened : { ...opened, graph: await completeGraph(opened) };
  const { pipeline, graph, target } = context;
  const [{ select }, { resolveAsOf }, { resolveWindow }] = await Promise.all([
    import('../graph/select.ts'),
    import('../config/target.ts'),
    import('../config/window.ts'),
  ]);
  const { start, end, asOf: flag } = options;
  if (options.verifyIncremental && (start ?? end) !== undefined) {
    throw new PipelineError('USAGE', '--verify-incremental compares whole tables, so it takes no --start or --end', {
      key: '--verify-incremental',
      hint: 'leave out --start and --end',
    });
  }
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
      // `plan` shows its result in a table, and a warning that fails a run by --warn-error must be visible.
      verbose: command === 'plan' || (options.verbose ?? false) || (options.warnError ?? false),
      env: cli.env,
      clock: { ...systemClock, now: () => cli.now().getTime() },
    },
  };
}

function onlyThese(selected: Set<string>, only: ReadonlySet<string> | undefined): Set<string> {
  const left = only === undefined ? selected : selected.intersection(only);
  if (left.size > 0) return left;
  throw new PipelineError('SELECTION_EMPTY', 'the pipeline no longer has the nodes to retry', {
    value: [...(only ?? [])].join(' '),
    hint: 'run everything: pnpm pipeline run',
  });
}

/** Executes `run` or `test`: resolves the options and passes them to the engine with a reporter. */
export async function build(cli: Cli, command: 'run' | 'test', options: BuildOptions): Promise<RunEnd> {
  const { wanted, reporting } = await resolveBuild(cli, command, options);
  const { paths } = wanted;
  const { threads, memoryLimit } = options;
  const now = cli.now();

  const [{ createReporter }, { runPipeline }] = await Promise.all([
    import('../report/reporter.ts'),
    import('../run/run-pipeline.ts'),
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
      verifyIncremental: options.verifyIncremental ?? false,
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
  throw new PipelineError('SELECTION_EMPTY', 'no selected node has a test', {
    hint: 'list all tests: pnpm pipeline ls --select kind:test',
  });
}

/** Returns the file for `--locked`. Throws USAGE if no node would read it. */
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
  throw new PipelineError('USAGE', '--locked checks what extracts fetch, but no extract is selected', {
    key: '--locked',
    hint: 'select the extracts too: put + before the selector, as in --select +NAME',
  });
}

/** `20261120T103000Z-ab12`: the second in which the run started, and a random suffix. */
export function createRunId(now: Date, random: () => number): string {
  const second = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const suffix = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${second}-${suffix}`;
}

export interface RunSelectionOptions extends Omit<BuildOptions, 'select'> {
  readonly select: readonly string[];
}

/**
 * Runs `run --select …` from a command or a program. All output goes to stderr, because stdout is for the answer.
 * @throws PipelineError why the run could not begin, or the error of the first node that failed
 */
export async function runSelection(io: CommandIo, options: RunSelectionOptions): Promise<void> {
  const { stderr, signal } = io;
  const words = Object.entries({ '--select': options.select, '--var': options.var ?? [] });
  const argv = ['run', ...words.flatMap(([flag, values]) => values.flatMap((value) => [flag, value]))];
  const { exitCode, failure } = await build(
    { ...io, stdout: stderr, argv, print: (line) => stderr.write(`${line}\n`), finish: () => {} },
    'run',
    options,
  );
  signal.throwIfAborted();
  if (exitCode === 0) return;
  throw (
    failure ?? new PipelineError('TEST_FAILED', `a test of ${options.select.join(' ')} failed; see the messages above`)
  );
}

const varOf = new WeakMap<Command, ReadonlyMap<string, string>>();

/** Adds the flags that vars of pipeline.yaml declare to a command; the flag of a boolean takes no value. */
export function addVarFlags(command: Command, pipeline: Pipeline): void {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(pipeline.spec.vars)) {
    const { type, description = `the var ${name}` } = spec;
    const flag = flagOf(spec);
    if (flag === undefined) continue;
    const option =
      type === 'boolean'
        ? command.createOption(flag, `--var ${name}=${!spec.default}. ${description}`)
        : command.createOption(`${flag} <${type === 'string[]' ? 'a,b,…' : type}>`, description);
    command.addOption(option);
    names.set(option.attributeName(), name);
  }
  varOf.set(command, names);
}

/** Returns the options of a command, with the flags of vars as `name=value`. */
export function withVarFlags(command: Command): BuildOptions {
  const options = command.optsWithGlobals<BuildOptions & Record<string, unknown>>();
  // A flag that begins with --no- has a value even if it is not given.
  const names = [...(varOf.get(command) ?? [])].filter(([key]) => command.getOptionValueSource(key) === 'cli');
  return { ...options, varFlags: names.map(([key, name]) => `${name}=${options[key]}`) };
}
