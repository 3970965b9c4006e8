import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/target.ts';
import { flagOf } from '../config/vars.ts';
import { freeBytes } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import type { NodeRef, Reporter } from '../events.ts';
import type { FetchEstimate, Progress } from '../extract.ts';
import { countOf, formatBytes, formatDuration } from '../format.ts';
import type { TargetPaths } from '../target/paths.ts';

export interface ConfirmOptions {
  readonly pipeline: Pick<Pipeline, 'spec'>;
  readonly target: Pick<ResolvedTarget, 'archive' | 'ask_above'>;
  readonly paths: Pick<TargetPaths, 'root' | 'artifacts'>;
  /** Set by `--yes`. */
  readonly yes: boolean;
  /** Shows lines to a person and waits for yes or no; undefined if nobody can be asked. */
  readonly ask: ((lines: readonly string[]) => Promise<boolean>) | undefined;
  readonly reporter: Reporter;
  readonly free?: (directory: string) => Promise<number>;
}

export type Confirm = (node: NodeRef, estimate: FetchEstimate) => Promise<void>;

/**
 * Decides before a fetch: rejects one that cannot fit, and above the target's `ask_above` asks for confirmation.
 * Fetches are confirmed one at a time.
 */
export function createConfirm(options: ConfirmOptions): Confirm {
  let turn: Promise<unknown> = Promise.resolve();
  return (node, estimate) => {
    const mine = turn.then(() => confirm(node, estimate, options));
    turn = mine.catch(() => undefined);
    return mine;
  };
}

async function confirm(node: NodeRef, estimate: FetchEstimate, options: ConfirmOptions): Promise<void> {
  const { pipeline, target, paths, yes, ask, reporter, free: freeOf = freeBytes } = options;
  const narrowing = `narrow it with ${flagsThatNarrow(pipeline)}`;
  const { files, bytes, diskBytes } = estimate;
  const free = await freeOf(paths.root);
  // Staged data is never smaller than what was fetched; how much larger is a guess, so the guess alone rejects nothing.
  if (bytes > free) {
    throw new PipelineError(
      'DISK_FULL',
      `${node.name} would fetch ${formatBytes(bytes)}, but only ${formatBytes(free)} are free; nothing was fetched`,
      { file: paths.root, hint: `free up space, choose another disk with --data-dir, or ${narrowing}` },
    );
  }
  const log = (level: 'debug' | 'info' | 'warn', message: string) =>
    reporter.report({ type: 'log', level, message, node });
  if (diskBytes > free) {
    log(
      'warn',
      `about ${formatBytes(diskBytes)} would be staged, but only ${formatBytes(free)} are free in ${paths.root}`,
    );
  }
  if (bytes <= (target.ask_above ?? Number.POSITIVE_INFINITY)) return;

  const rate = await lastRate(paths.artifacts, node.id);
  const time = rate && `at most ${formatDuration(secondsAt(rate, estimate))} at the rate of the last run`;
  const lines = [
    `${node.name} would fetch ${countOf(files, 'file')}, ${formatBytes(bytes)}${target.archive === undefined ? '' : `, from ${target.archive}`}`,
    `  time: ${time ?? 'unknown, because there is no earlier run'}`,
    `  disk: about ${formatBytes(diskBytes)} staged, ${formatBytes(free)} free in ${paths.root}`,
  ];
  if (!yes) {
    const refused = (why: string) =>
      new PipelineError('NOT_CONFIRMED', `${lines[0] as string}: ${why}`, {
        hint: `confirm with --yes, see the details with pnpm pipeline plan, or ${narrowing}`,
      });
    if (ask === undefined) throw refused('there is no terminal to ask on');
    const work = () => ask(lines);
    if (!(await (reporter.pause?.(work) ?? work()))) throw refused('the answer was no');
  }
  // A person who was asked has already read them.
  for (const line of lines) log(yes ? 'info' : 'debug', line.trim());
}

/** Returns the options that narrow a fetch, as `--start, --regions or --no-cache`. */
function flagsThatNarrow({ spec }: Pick<Pipeline, 'spec'>): string {
  const flags = ['--start', ...Object.values(spec.vars).flatMap((variable) => flagOf(variable) ?? [])];
  return flags.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

/** The fetch statistics of a node in run.json. */
export interface FetchRate {
  readonly fetched_files: number;
  readonly fetched_bytes: number;
  readonly fetch_seconds: number;
}

/** A shorter fetch says little about the rate of a long one. */
const shortestSeconds = 10;

/** Follows the progress of an extract from its first report on. */
export function createRateMeter(clock: () => number) {
  let first: number | undefined;
  let latest: Progress | undefined;
  return {
    update(progress: Progress): void {
      first ??= clock();
      latest = progress;
    },
    /** Returns `undefined` if no bytes were fetched. */
    rate(): FetchRate | undefined {
      if (first === undefined || !latest?.bytes) return undefined;
      const fetch_seconds = Math.round(clock() - first) / 1000;
      return { fetched_files: latest.done, fetched_bytes: latest.bytes, fetch_seconds };
    },
  };
}

/** Returns the rate of an extract in the last run, if that fetched for long enough to tell. */
export async function lastRate(artifacts: string, nodeId: string): Promise<FetchRate | undefined> {
  const text = await readFile(path.join(artifacts, 'run.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { results } = JSON.parse(text) as { results: readonly (Partial<FetchRate> & { readonly unique_id: string })[] };
  const found = results.find(({ unique_id }) => unique_id === nodeId);
  return (found?.fetch_seconds ?? 0) >= shortestSeconds ? (found as FetchRate) : undefined;
}

/**
 * Returns the seconds that a fetch takes at most at this rate: the number of files limits small ones, bytes large ones.
 */
export function secondsAt(rate: FetchRate, { files, bytes }: Pick<FetchEstimate, 'files' | 'bytes'>): number {
  return rate.fetch_seconds * Math.max(files / rate.fetched_files, bytes / rate.fetched_bytes);
}
