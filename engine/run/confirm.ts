import type { ResolvedTarget } from '../config/resolve-target.ts';
import { PipelineError } from '../errors.ts';
import type { NodeRef, Reporter } from '../events.ts';
import type { FetchEstimate } from '../extract.ts';
import { countOf, formatBytes, formatDuration } from '../format.ts';
import { freeBytes } from './disk.ts';
import type { TargetPaths } from './paths.ts';
import { lastRate, secondsAt } from './rate.ts';

export interface ConfirmOptions {
  readonly target: Pick<ResolvedTarget, 'archive' | 'ask_above'>;
  readonly paths: Pick<TargetPaths, 'root' | 'artifacts'>;
  /** `--yes`. */
  readonly yes: boolean;
  /** Shows lines to a person and waits for yes or no; undefined where nobody can be asked. */
  readonly ask: ((lines: readonly string[]) => Promise<boolean>) | undefined;
  readonly reporter: Reporter;
  readonly free?: (directory: string) => Promise<number>;
}

export type Confirm = (node: NodeRef, estimate: FetchEstimate) => Promise<void>;

/** Decides before a fetch: what cannot fit is refused, above the target's `ask_above` a person has to say yes. One at a time. */
export function createConfirm(options: ConfirmOptions): Confirm {
  let turn: Promise<unknown> = Promise.resolve();
  return (node, estimate) => {
    const mine = turn.then(() => confirm(node, estimate, options));
    turn = mine.catch(() => undefined);
    return mine;
  };
}

async function confirm(node: NodeRef, estimate: FetchEstimate, options: ConfirmOptions): Promise<void> {
  const { target, paths, yes, ask, reporter, free: freeOf = freeBytes } = options;
  const { files, bytes, diskBytes } = estimate;
  const free = await freeOf(paths.root);
  // What is staged is never smaller than what was fetched; how much larger is a guess, so that alone refuses nothing.
  if (bytes > free) throw tooLarge(node, bytes, free, paths.root);
  const log = (level: 'debug' | 'info' | 'warn', message: string) =>
    reporter.report({ type: 'log', level, message, node });
  if (diskBytes > free) {
    log('warn', `about ${formatBytes(diskBytes)} would be staged, and ${formatBytes(free)} are free in ${paths.root}`);
  }
  if (bytes <= (target.ask_above ?? Number.POSITIVE_INFINITY)) return;

  const rate = await lastRate(paths.artifacts, node.id);
  const time = rate && `at most ${formatDuration(secondsAt(rate, estimate))} at the rate of the last run`;
  const lines = [
    `${node.name} would fetch ${countOf(files, 'file')}, ${formatBytes(bytes)}, from ${target.archive}`,
    `  time: ${time ?? 'unknown, no earlier run to go by'}`,
    `  disk: about ${formatBytes(diskBytes)} staged, ${formatBytes(free)} free in ${paths.root}`,
  ];
  if (!yes) {
    const refused = (why: string) => notConfirmed(`${lines[0] as string}: ${why}`);
    if (ask === undefined) throw refused('there is no terminal to ask on');
    const work = () => ask(lines);
    if (!(await (reporter.pause?.(work) ?? work()))) throw refused('the answer was no');
  }
  // Whoever was asked has read them.
  for (const line of lines) log(yes ? 'info' : 'debug', line.trim());
}

const tooLarge = (node: NodeRef, bytes: number, free: number, file: string) =>
  new PipelineError(
    'DISK_FULL',
    `${node.name} would fetch ${formatBytes(bytes)}, and ${formatBytes(free)} are free: nothing was fetched`,
    {
      file,
      hint: 'make room, name another disk with --data-dir, or narrow it with --start, --symbols or --timeframes',
    },
  );

const notConfirmed = (message: string) =>
  new PipelineError('NOT_CONFIRMED', message, {
    hint: '--yes answers; see what it is with pnpm pipeline plan, narrow it with --start, --symbols or --timeframes',
  });
