import { existsSync } from 'node:fs';
import { backUp, openWarehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import type { Schema } from '../schema/table.ts';
import { describeStep, expectSchema, isDestructive } from '../schema/words.ts';
import { lockTarget } from '../target/lock.ts';
import { refuseLost } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';
import { migrationsFolder } from './folder.ts';
import { type Definition, readStanding, replayMigrations } from './states.ts';
import { applyPlan, type Plan, planLines, planMigrations } from './steps.ts';

export interface UpOptions {
  readonly definition: Definition;
  readonly paths: TargetPaths;
  readonly allowDestructive: boolean;
  /** Waits while a run has the target locked. */
  readonly wait: boolean;
  /** Names the backup. */
  readonly runId: string;
  readonly now: Date;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings a warehouse up to date: shows the steps, keeps a copy, and applies all steps or none.
 * @throws PipelineError MIGRATION_DESTRUCTIVE before anything is done, MIGRATION_FAILED and SCHEMA_DRIFT after a
 * rollback, SCHEMA_NEWER, MIGRATION_CHANGED, WAREHOUSE_MISSING
 */
export async function migrateUp(options: UpOptions): Promise<void> {
  const { definition, paths, runId, now, print, signal } = options;
  const { schema, migrations } = definition;
  const states = await replayMigrations(migrations, signal);
  expectSchema(states.at(-1) ?? {}, schema, 'the result of the migrations differs from the definition', {
    file: migrationsFolder,
    hint: 'write the missing migration: pnpm pipeline migrate new NAME',
  });
  await using lock = await lockTarget(paths.root, {
    command: 'pipeline migrate up',
    since: now,
    wait: options.wait,
    signal,
    tell: print,
  });
  const plan = await readPlan(options, states);
  if (plan === undefined) {
    print(`${paths.warehouse} is up to date`);
    return;
  }
  for (const line of planLines(plan)) print(line);
  const destructive = plan.steps.flatMap(({ changes }) => changes).filter(isDestructive);
  if (destructive.length > 0 && !options.allowDestructive) {
    throw new PipelineError('MIGRATION_DESTRUCTIVE', `this loses data: ${destructive.map(describeStep).join('; ')}`, {
      file: paths.warehouse,
      hint: 'nothing was changed; to continue (a backup is kept): pnpm pipeline migrate up --allow-destructive',
    });
  }
  const backup = await backUp(paths, runId);
  print(`backup of the warehouse: ${backup}`);
  await using warehouse = await openWarehouse({ file: paths.warehouse, signal, beforeCommit: lock.confirm });
  const rows = await applyPlan(warehouse, plan, { schema, now, applied: ({ name }) => print(`applied ${name}`) });
  await warehouse.run('CHECKPOINT');
  print(`${paths.warehouse} is up to date and kept its ${countOf(rows, 'row')}`);
  print(`to go back: pnpm pipeline migrate restore ${backup}`);
}

/** Returns undefined if there is nothing to do. */
async function readPlan(
  { definition, paths, signal }: UpOptions,
  states: readonly Schema[],
): Promise<Plan | undefined> {
  refuseLost(paths.warehouse);
  if (!existsSync(paths.warehouse)) {
    throw new PipelineError('WAREHOUSE_MISSING', `there is no warehouse at ${paths.warehouse}`, {
      hint: 'pnpm pipeline run builds one that is up to date',
    });
  }
  await using warehouse = await openWarehouse({ file: paths.warehouse, signal });
  const standing = await readStanding(warehouse, definition.migrations);
  if (standing.kind === 'empty') return undefined;
  const plan = planMigrations(standing, definition.migrations, states);
  expectSchema(plan.live, plan.expected, `${paths.warehouse} was altered by hand`, {
    hint: 'undo the change, or restore a backup: pnpm pipeline migrate restore FILE',
  });
  return plan.steps.length + plan.recognised.length === 0 ? undefined : plan;
}
