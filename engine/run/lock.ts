import { readFileSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    command: options.command,
    since: options.since.toISOString(),
  };
  await mkdir(directory, { recursive: true });
  const aside = await mkdtemp(`${file}.`);
  const own = path.join(aside, 'holder');
  try {
    await writeFile(own, JSON.stringify(holder));
    for (;;) {
      options.signal.throwIfAborted();
      if (await linked(own, file)) break;
      const text = await textOf(file);
      if (text === undefined) continue; // released meanwhile
      const other = livingHolder(text);
      if (other === undefined) await takeAway(file, text, own);
      else if (options.wait) await sleep(pollMs, undefined, { signal: options.signal });
      else throw lockedBy(other, directory);
    }
  } finally {
    await rm(aside, { recursive: true });
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

const textOf = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

/**
 * Removes a dead holder's file. Whoever does so holds `….takeover` meanwhile, or of two who found it dead the slower
 * would remove the lock that the faster has put in its place. A takeover that died is taken over in the same way.
 */
async function takeAway(file: string, stale: string, own: string): Promise<void> {
  const takeover = `${file}.takeover`;
  if (await linked(own, takeover)) {
    if ((await textOf(file)) === stale) await rm(file);
    await rm(takeover);
    return;
  }
  const text = await textOf(takeover);
  if (text !== undefined && livingHolder(text) === undefined) await takeAway(takeover, text, own);
}

/** Who a lock names, or undefined where that process is gone; so it is where the machine stopped while it was written. */
function livingHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return isGone(holder) ? undefined : holder;
  } catch {
    return undefined;
  }
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
