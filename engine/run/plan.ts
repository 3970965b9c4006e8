import { mkdir } from 'node:fs/promises';
import { freeBytes } from '../disk.ts';
import { openWarehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { ExtractPlan } from '../extract.ts';
import { countOf, formatBytes } from '../format.ts';
import type { ExtractNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { refuseOlder } from '../migrations/current.ts';
import { openProject } from '../project.ts';
import { stateOfFile } from '../target/lost.ts';
import { createAcknowledgements } from './acknowledgements.ts';
import { type ExtractScope, type RunOptions, refOf } from './context.ts';
import { extractContext, summaryText } from './execute-extract.ts';
import { expectArchive } from './expect-archive.ts';
import { lockTarget } from './lock.ts';
import { lastRate, secondsAt } from './rate.ts';
import { createShare } from './share.ts';
import { commandOf, startOf } from './start.ts';
import { nodeWindows } from './windows.ts';

export interface RunPlan {
  readonly extracts: readonly PlannedExtract[];
  /** Where the run would write, and how many bytes it may. */
  readonly directory: string;
  readonly free: number;
}

export interface PlannedExtract extends ExtractPlan {
  readonly name: string;
  /** At most, at the rate of the last run; undefined where that tells nothing. */
  readonly seconds: number | undefined;
}

type PlanOptions = Pick<
  RunOptions,
  | 'pipeline'
  | 'graph'
  | 'selected'
  | 'target'
  | 'paths'
  | 'vars'
  | 'asOf'
  | 'window'
  | 'relist'
  | 'wait'
  | 'reporter'
  | 'signal'
  | 'runId'
  | 'logFile'
  | 'argv'
  | 'now'
  | 'clock'
>;

/**
 * What the extracts of the selection would fetch. Those that cannot tell are run, since they are cheap: the archive is
 * listed. No archive is fetched and nothing is loaded. Holds the target as a run does.
 * @throws PipelineError SELECTION_EMPTY where no extract is selected that fetches files
 */
export async function planRun(options: PlanOptions): Promise<RunPlan> {
  const { graph, selected, paths, vars, reporter, clock } = options;
  const isOn = ({ when }: ExtractNode) => when === undefined || vars.boolean(when);
  const nodes = graph.nodes.filter(
    (node): node is ExtractNode => node.kind === 'extract' && selected.has(node.id) && isOn(node),
  );
  const project = await openProject(options.pipeline, vars);
  const modules = await Promise.all(nodes.map(async (node) => ({ node, extract: await project.extract(node) })));
  if (!modules.some(({ extract }) => extract.plan !== undefined)) {
    throw new PipelineError('SELECTION_EMPTY', 'nothing that is selected fetches files', {
      hint: 'select what it needs as well, with a `+` in front: --select +NAME',
    });
  }

  await using lock = await lockTarget(paths.root, {
    command: commandOf(options),
    since: options.now,
    wait: options.wait,
    signal: options.signal,
    tell: (message) => reporter.report({ type: 'log', level: 'info', message }),
  });
  if (stateOfFile(paths.warehouse) === 'there') {
    await using warehouse = await openWarehouse({
      ...{ file: paths.warehouse, readOnly: true, waitMs: queriesWaitMs },
      signal: options.signal,
    });
    await refuseOlder(warehouse, options.pipeline.root);
  }
  await using share = createShare();
  const scope: ExtractScope = {
    ...options,
    signal: AbortSignal.any([options.signal, lock.lost]),
    project,
    windows: options.window === undefined ? new Map() : nodeWindows(graph, selected, options.window),
    acknowledgements: createAcknowledgements(options.pipeline, options.target.name, reporter),
    extracted: new Map(),
    rebuild: stateOfFile(paths.warehouse) !== 'there',
    locked: undefined,
    share: share.get,
    confirm: async () => {},
  };
  await expectArchive(scope, { graph, fetches: true, now: options.now });
  reporter.report(startOf(options, nodes));
  await mkdir(paths.staging, { recursive: true });
  const extracts: PlannedExtract[] = [];
  for (const { node, extract } of modules) {
    const startedAt = clock();
    reporter.report({ type: 'node_started', node: refOf(node) });
    const context = extractContext(node, scope);
    let message: string;
    if (extract.plan === undefined) {
      const result = await extract.run(context);
      scope.extracted.set(node.name, result);
      message = summaryText(result);
    } else {
      const plan = await extract.plan(context);
      const rate = await lastRate(paths.artifacts, node.id);
      extracts.push({ ...plan, name: node.name, seconds: rate && secondsAt(rate, plan) });
      message = `would fetch ${countOf(plan.files, 'file')}, ${formatBytes(plan.bytes)}`;
    }
    const seconds = (clock() - startedAt) / 1000;
    reporter.report({ type: 'node_finished', node: refOf(node), status: 'pass', seconds, message });
  }
  return { extracts, directory: paths.root, free: await freeBytes(paths.root) };
}
