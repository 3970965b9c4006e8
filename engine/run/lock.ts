import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../errors.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same pid; empty where the system does not say. */
  readonly started: string;
  readonly command: string;
  readonly since: string;
}

const pollMs = 200;

/**
 * Takes the target for one run at a time. The file is linked into place whole, so a reader never sees half a holder;
 * the lock of a process that is gone is taken over.
 * @throws PipelineError RUN_LOCKED naming the holder, unless `wait`
 */
export async function lockTarget(
  directory: string,
  options: { readonly command: string; readonly since: Date; readonly wait: boolean; readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  const file = path.join(directory, 'run.lock');
  const own = `${file}.${process.pid}`;
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    command: options.command,
    since: options.since.toISOString(),
  };
  await mkdir(directory, { recursive: true });
  await writeFile(own, JSON.stringify(holder));
  try {
    for (;;) {
      options.signal.throwIfAborted();
      if (await linked(own, file)) break;
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const other = JSON.parse(text) as Holder;
      if (isGone(other)) await takeAway(file, text);
      else if (options.wait) await sleep(pollMs, undefined, { signal: options.signal });
      else throw lockedBy(other, directory);
    }
  } finally {
    await rm(own, { force: true });
  }
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

const lockedBy = (other: Holder, directory: string) =>
  new PipelineError(
    'RUN_LOCKED',
    `another run holds ${directory}: \`${other.command}\`, process ${other.pid} on ${other.host}, since ${other.since}`,
    {
      hint: 'wait for it with --wait, or stop it',
    },
  );

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a dead holder's file, and puts it back if another run has taken its place meanwhile. */
async function takeAway(file: string, stale: string): Promise<void> {
  const aside = `${file}.stale.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  const taken = await readFile(aside, 'utf8').catch(() => stale);
  if (taken !== stale) await linked(aside, file);
  await rm(aside, { force: true });
}

function isGone(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  return startOf(holder.pid) !== holder.started;
}

/** The start time of a process in clock ticks since boot, where /proc has it. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
