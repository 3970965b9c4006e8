import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import { createVars, type Vars } from '../config/vars.ts';
import { alteredPartitions, findDirty, isAsLeft, lastStatuses, openWarehouse, stillHolds } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import type { Graph, ModelNode, TestNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { readMigrations } from '../migrations/folder.ts';
import { expectCurrent } from '../migrations/states.ts';
import { openProject, type Project } from '../project.ts';
import { type EndedRun, readLastRun } from '../run/artifacts.ts';
import { storedTables } from '../schema/table.ts';
import { refuseLost, stateOfFile } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';

/** A warehouse that may be published: how its last run ended, and the project as that run saw it. */
export interface Audited {
  readonly run: EndedRun;
  readonly vars: Vars;
  readonly project: Project;
  /** Number of the last migration. */
  readonly migration: number;
}

/**
 * Allows only a warehouse that a run has left as it is now, in which every model is up to date and has passed every
 * blocking test.
 * @throws PipelineError NOT_PUBLISHABLE with the first reason why it is not; WAREHOUSE_MISSING, WAREHOUSE_LOST,
 * WAREHOUSE_LOCKED, SCHEMA_OUTDATED
 */
export async function audit(options: {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  /** For vars that pipeline.yaml has got since that run. */
  readonly vars: Vars;
  readonly paths: TargetPaths;
  readonly target: string;
  readonly signal: AbortSignal;
}): Promise<Audited> {
  const { pipeline, graph, paths, target, signal } = options;
  refuseLost(paths.warehouse);
  if (stateOfFile(paths.warehouse) !== 'there')
    throw notPublishable(paths.warehouse, 'the target has no warehouse', 'build it: pnpm pipeline run');
  // Opening the file may change it, so this comes first.
  const isLeft = isAsLeft(paths.warehouse);
  const run = await readLastRun(paths.artifacts);
  const file = path.join(paths.artifacts, 'run.json');
  if (run === undefined) throw notPublishable(file, 'no run of this target has ended', 'run it: pnpm pipeline run');
  if (run.target !== target)
    throw notPublishable(file, `the last run was one of the target ${run.target}`, 'run it: pnpm pipeline run');
  if (run.interrupted)
    throw notPublishable(file, `the last run, ${run.runId}, was interrupted`, 'complete it: pnpm pipeline retry');
  const [failed] = run.unfinished;
  if (failed !== undefined) {
    const text = `the last run, ${run.runId}, failed: ${failed} did not end well`;
    throw notPublishable(file, text, 'correct the cause, then: pnpm pipeline retry');
  }
  if (!isLeft) {
    const text = 'it was changed after the last run, by another program or by a run that was killed';
    throw notPublishable(paths.warehouse, text, 'let a run check and repair it: pnpm pipeline run');
  }
  const vars = createVars({ ...options.vars.values, ...run.vars });
  const project = await openProject(pipeline, vars);
  const migrations = await readMigrations(pipeline.root);
  const asOf = new Date(run.asOf);
  const isOn = ({ when }: { readonly when?: string }) => when === undefined || vars.boolean(when);
  await using warehouse = await openWarehouse({
    ...{ file: paths.warehouse, readOnly: true, asOf, waitMs: queriesWaitMs, signal },
  });
  await expectCurrent(warehouse, { schema: project.schema, migrations });
  const tables = storedTables(project.schema).map(({ name }) => name);
  const [altered] = await alteredPartitions(warehouse, tables);
  if (altered !== undefined) {
    const text = `another program changed ${altered.table} ${altered.partition}`;
    throw notPublishable(paths.warehouse, text, 'rebuild it: pnpm pipeline run');
  }
  for (const node of graph.nodes.filter((one): one is ModelNode => one.kind === 'model' && isOn(one))) {
    const { dirty } = await findDirty(warehouse, await project.model(node), undefined);
    if (dirty === 0) continue;
    const text = `${countOf(dirty, 'partition')} of ${node.id} ${dirty === 1 ? 'is' : 'are'} stale`;
    throw notPublishable(paths.warehouse, text, 'build everything: pnpm pipeline run, without --select and --start');
  }
  const statuses = await lastStatuses(warehouse);
  for (const node of graph.nodes.filter((one): one is TestNode => one.kind === 'test' && isOn(one))) {
    const parent = graph.nodes.find(({ id }) => id === node.parent);
    if (node.spec.severity !== 'error' || (parent !== undefined && !isOn(parent))) continue;
    const status = statuses.get(node.name);
    if (status === 'warn') continue;
    const holds = status === 'pass' && (await stillHolds(warehouse, await project.test(node), asOf));
    if (holds) continue;
    const passed = status === 'pass' ? 'has not run since what it reads has changed' : 'failed';
    const text = `${node.id} ${status === undefined ? 'was never run' : passed}`;
    throw notPublishable(paths.warehouse, text, 'run all tests: pnpm pipeline test');
  }
  return { run, vars, project, migration: migrations.at(-1)?.number ?? 0 };
}

const notPublishable = (file: string, why: string, hint: string): PipelineError =>
  new PipelineError('NOT_PUBLISHABLE', `${why}; nothing was published`, { file, hint });
