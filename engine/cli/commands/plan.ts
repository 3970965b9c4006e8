import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { csvLine } from '../../csv-line.ts';
import type { PlanRow } from '../../extract.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../../format.ts';
import { toJsonLine } from '../../report/json.ts';
import type { PlannedExtract, RunPlan } from '../../run/plan-run.ts';
import { hideInValue } from '../../secrets.ts';
import { type BuildOptions, createRunId, resolveBuild, withVarFlags } from '../build.ts';
import type { Cli } from '../io.ts';
import { addExamples, addSelectionOptions } from '../options.ts';
import { formatTable } from '../text-table.ts';

export function definePlan(program: Command, cli: Cli): void {
  const command = program
    .command('plan')
    .description('Shows what a run would fetch and build, and why. Lists the archive, but fetches and builds nothing.');
  addSelectionOptions(command)
    .option('--start <date>', 'first UTC day to fetch')
    .option('--end <date>', 'the UTC day after the last one')
    .option('--as-of <time>', 'clock of the run in UTC; decides which months are closed')
    .option('--full-refresh', 'plan as if everything were rebuilt')
    .option('--relist', 'list every series in full again, and retry what was absent')
    .option('--wait', 'wait while another run has the target locked')
    .addOption(new Option('--format <format>', 'output format').choices(planFormats).default('table'))
    .action((_, own: Command) =>
      plan(cli, withVarFlags(own) as ReturnType<typeof withVarFlags> & { format: PlanFormat }),
    );
  addExamples(command, 'plan', 'plan --target live --start 2024-01-01', 'plan --select +NAME --format json');
}

export const planFormats = ['table', 'csv', 'json'] as const;
export type PlanFormat = (typeof planFormats)[number];

/** `pnpm pipeline plan`, and `pnpm pipeline run --dry-run`. */
export async function plan(cli: Cli, options: BuildOptions & { readonly format: PlanFormat }): Promise<void> {
  const build = await resolveBuild(cli, 'plan', options);
  const [{ createReporter }, { planRun }, { describeWindow }, { headline }] = await Promise.all([
    import('../../report/reporter.ts'),
    import('../../run/plan-run.ts'),
    import('../../config/window.ts'),
    import('../../report/node-text.ts'),
  ]);
  const now = cli.now();
  const runId = createRunId(now, cli.random);
  const reporter = await createReporter({ ...build.reporting, stdout: cli.stdout, stderr: cli.stderr });
  let found: RunPlan;
  try {
    found = await planRun({
      ...build.wanted,
      argv: cli.argv.map(hideInValue),
      fullRefresh: options.fullRefresh ?? false,
      relist: options.relist ?? false,
      wait: options.wait ?? false,
      runId,
      logFile: join(build.wanted.paths.logs, `${runId}.log`),
      now,
      clock: cli.clock,
      reporter,
    });
  } finally {
    await reporter.close();
  }
  if (options.format === 'table') {
    const { target, asOf, window } = build.wanted;
    const range = window && { range: describeWindow(window) };
    cli.print(headline(build.reporting.title, { target: target.name, synthetic: target.synthetic, asOf, ...range }));
  }
  for (const line of formats[options.format](found)) cli.print(line);
}

const formats: Readonly<Record<PlanFormat, (plan: RunPlan) => readonly string[]>> = {
  table: (plan) => [...plan.extracts.flatMap(tableOf), ...nodesOf(plan), ...totalsOf(plan)],
  csv: ({ extracts }) => extracts.flatMap(csvOf),
  json: (plan) => [toJsonLine(plan)],
};

const figuresOf = ({ why, settled }: PlanRow): readonly number[] => [...Object.values(why), ...Object.values(settled)];

/** Formats the rows with files to fetch; months that are settled appear only in the totals. */
function tableOf({ rows }: PlannedExtract): readonly string[] {
  const wanted = rows.filter(({ files }) => files > 0);
  const [first] = wanted;
  if (first === undefined) return [];
  const head = [...Object.keys(first.of), 'files', 'bytes', ...Object.keys(first.why), ...Object.keys(first.settled)];
  const numbers = new Set(head.keys().drop(Object.keys(first.of).length));
  const cells = wanted.map((row) => [
    ...Object.values(row.of),
    formatCount(row.files),
    formatBytes(row.bytes),
    ...figuresOf(row).map((figure) => (figure === 0 ? '' : formatCount(figure))),
  ]);
  return [
    ...formatTable(
      head.map((name) => name.toUpperCase()),
      cells,
      numbers,
    ),
    '',
  ];
}

const nodesOf = ({ nodes }: RunPlan): readonly string[] =>
  formatTable(
    ['NODE', 'A RUN WOULD', 'WHY'],
    nodes.map(({ id, would, why = '' }) => [id, would, why]),
  );

function totalsOf({ extracts, directory, free }: RunPlan): readonly string[] {
  const lines = extracts.map(({ name, files, bytes, diskBytes, seconds, rows }) => {
    const settled = Object.entries(sum(rows)).filter(([, count]) => count > 0);
    const before = settled.map(([status, count]) => `${formatCount(count)} ${status} before`);
    const fetch = files === 0 ? 'nothing to fetch' : `${countOf(files, 'file')}, ${formatBytes(bytes)} to fetch`;
    const disk = files === 0 ? [] : [`about ${formatBytes(diskBytes)} to stage`];
    const time =
      files === 0 || seconds === undefined ? [] : [`at most ${formatDuration(seconds)} at the last run's rate`];
    return `${name}: ${[fetch, ...disk, ...time, ...before].join(', ')}`;
  });
  if (extracts.length === 0) return [];
  const needed = extracts.reduce((total, { diskBytes }) => total + diskBytes, 0);
  const tight = needed > free ? ': too little' : '';
  return ['', ...lines, `free in ${directory}: ${formatBytes(free)}${tight}`];
}

function sum(rows: readonly PlanRow[]): Readonly<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const { settled } of rows) {
    for (const [status, count] of Object.entries(settled)) total[status] = (total[status] ?? 0) + count;
  }
  return total;
}

function csvOf({ name, rows }: PlannedExtract): readonly string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const head = [
    'extract',
    ...Object.keys(first.of),
    'files',
    'bytes',
    ...Object.keys(first.why),
    ...Object.keys(first.settled),
  ];
  const cells = rows.map((row) => [name, ...Object.values(row.of), row.files, row.bytes, ...figuresOf(row)]);
  return [head, ...cells].map((line) => csvLine(line).slice(0, -1));
}
