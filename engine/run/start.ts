import { describeWindow } from '../config/resolve-window.ts';
import type { RunEvent } from '../events.ts';
import type { GraphNode } from '../graph/graph.ts';
import { type RunOptions, refOf } from './context.ts';

/** The command as it was typed, for who is told of the run. */
export const commandOf = ({ argv }: Pick<RunOptions, 'argv'>): string => ['pnpm', 'pipeline', ...argv].join(' ');

/** What a run, or a plan of one, says first. */
export function startOf(
  { runId, target, asOf, window, logFile }: Pick<RunOptions, 'runId' | 'target' | 'asOf' | 'window' | 'logFile'>,
  nodes: readonly GraphNode[],
): RunEvent {
  return {
    type: 'run_started',
    runId,
    target: target.name,
    synthetic: target.synthetic,
    asOf,
    nodes: nodes.map(refOf),
    ...(window && { range: describeWindow(window) }),
    logFile,
  };
}
