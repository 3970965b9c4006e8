import { join } from 'node:path';
import { systemClock } from '../report/clock.ts';
import type { Cli } from './cli.ts';
import { openContext } from './context.ts';
import type { GlobalOptions, SelectionOptions } from './options.ts';
import { createRunId } from './run-id.ts';

export interface BuildOptions extends GlobalOptions, SelectionOptions {
  readonly start?: string;
  readonly end?: string;
  readonly asOf?: string;
  readonly threads?: number;
  readonly fullRefresh?: boolean;
  readonly relist?: boolean;
  readonly failFast?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly warnError?: boolean;
  readonly collectVolume?: boolean;
}

/** What `run` and `test` share: from the words of the command line to the engine and its reporters. */
export async function build(cli: Cli, command: 'run' | 'test', options: BuildOptions): Promise<void> {
  const context = await openContext(cli, options);
  const { pipeline, graph, target } = context;
  const [{ select }, { resolveAsOf }, { resolveWindow }, { createReporter }, { runPipeline }] = await Promise.all([
    import('../graph/select.ts'),
    import('../config/resolve-target.ts'),
    import('../config/resolve-window.ts'),
    import('../report/reporter.ts'),
    import('../run/run.ts'),
  ]);
  const now = cli.now();
  const runId = createRunId(now, cli.random);
  const { start, end, asOf, threads } = options;
  const window = resolveWindow({ ...(start !== undefined && { start }), ...(end !== undefined && { end }) });
  const settings = {
    ...context,
    command,
    invocation: ['pnpm', 'pipeline', ...cli.argv].join(' '),
    selected: select(graph, options),
    asOf: resolveAsOf({ target, env: cli.env, now, ...(asOf !== undefined && { flag: asOf }) }),
    ...(window !== undefined && { window }),
    ...(threads !== undefined && { threads }),
    fullRefresh: options.fullRefresh ?? false,
    relist: options.relist ?? false,
    failFast: options.failFast ?? false,
    dryRun: options.dryRun ?? false,
    wait: options.wait ?? false,
    yes: options.yes ?? false,
    warnError: options.warnError ?? false,
    runId,
    logFile: join(context.paths.logs, `${runId}.log`),
    now,
    clock: () => performance.now(),
    signal: cli.signal,
  };
  const reporter = await createReporter({
    title: `${pipeline.spec.name} ${command}`,
    format: options.logFormat ?? 'text',
    quiet: options.quiet ?? false,
    debug: options.debug ?? false,
    color: !cli.env.NO_COLOR,
    stdout: cli.stdout,
    stderr: cli.stderr,
    clock: { ...systemClock, now: () => cli.now().getTime() },
  });
  try {
    const { exitCode } = await runPipeline({ ...settings, reporter });
    cli.finish(exitCode);
  } finally {
    await reporter.close();
  }
}
