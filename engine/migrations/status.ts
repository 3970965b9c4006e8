import { existsSync } from 'node:fs';
import type { Pipeline } from '../config/load.ts';
import { openWarehouse } from '../duckdb/index.ts';
import { formatUtc } from '../format.ts';
import { queriesWaitMs } from '../limits.ts';
import { describeDrift, findDrift } from '../schema/words.ts';
import { refuseLost } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';
import { type Definition, readStanding, replayMigrations } from './states.ts';
import { planLines, planMigrations } from './steps.ts';

/** Returns the lines of `migrate status`: applied and pending migrations, and changes that no migration makes yet. */
export async function describeStatus(options: {
  readonly pipeline: Pipeline;
  readonly paths: TargetPaths;
  readonly definition: Definition;
  readonly signal: AbortSignal;
}): Promise<readonly string[]> {
  const { pipeline, paths, definition, signal } = options;
  const states = await replayMigrations(definition.migrations, signal);
  const unwritten = findDrift(states.at(-1) ?? {}, definition.schema).map(describeDrift);
  return [
    ...(await describeWarehouse(paths.warehouse, definition, states, signal)),
    ...(unwritten.length > 0
      ? [`in ${pipeline.spec.schema}, but in no migration: pnpm pipeline migrate new NAME`]
      : []),
    ...unwritten.map((line) => `  ${line}`),
  ];
}

async function describeWarehouse(
  file: string,
  { migrations }: Definition,
  states: Awaited<ReturnType<typeof replayMigrations>>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  refuseLost(file);
  if (!existsSync(file)) return [`${file} does not exist yet: pnpm pipeline run creates it`];
  await using warehouse = await openWarehouse({ file, readOnly: true, waitMs: queriesWaitMs, signal });
  const standing = await readStanding(warehouse, migrations);
  if (standing.kind === 'empty') return [`${file} is empty: pnpm pipeline run creates its tables`];
  const plan = planMigrations(standing, migrations, states);
  const applied =
    standing.kind === 'recorded'
      ? standing.applied.map(({ name, applied_at }) => `${name}  applied ${formatUtc(applied_at)}`)
      : [];
  const altered = findDrift(plan.live, plan.expected).map((change) => `altered by hand: ${describeDrift(change)}`);
  const isCurrent = plan.steps.length + plan.recognised.length === 0;
  return [
    ...applied,
    ...altered,
    ...planLines(plan),
    isCurrent ? `${file} is up to date` : `${file} is outdated: pnpm pipeline migrate up`,
  ];
}
