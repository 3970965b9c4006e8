import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { PipelineError } from '../errors.ts';

/** What `run.lock` says of the run that holds the target. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same pid; empty where the system does not say. */
  readonly started: string;
  readonly command: string;
  readonly since: string;
  /** Random; absent from locks of version 0.1. */
  readonly token?: string | undefined;
  /** Whose file locks the holder could see, see `kernelOf`. */
  readonly kernel?: string | undefined;
}

export interface Note {
  /** Undefined where the file is still empty: it is being written, or the machine stopped while it was. */
  readonly holder: Holder | undefined;
  /** Changes with every sign of life of the holder. */
  readonly stamp: string;
}

const shape = z.object({
  pid: z.int(),
  host: z.string(),
  started: z.string(),
  command: z.string(),
  since: z.string(),
  token: z.string().optional(),
  kernel: z.string().optional(),
});

const largest = 1024 * 1024;

/**
 * Reads who holds the target; undefined where nobody does.
 * @throws PipelineError RUN_LOCK_INVALID for anything that is not such a file, or cannot be read
 */
export function readNote(file: string): Note | undefined {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) throw invalid(file, 'is a folder');
  if (!stats.isFile() || stats.size > largest) throw invalid(file, 'was not made by a run');
  let found: { readonly text: string; readonly changed: bigint };
  try {
    found = readOpen(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid(file, `cannot be read: ${(error as Error).message}`, error);
  }
  const { text, changed } = found;
  const stamp = `${changed} ${text}`;
  if (/^\0*$/.test(text)) return { holder: undefined, stamp };
  return { holder: parse(text, file), stamp };
}

/** The time is that of the open file: a network file system may answer for its name from a cache. */
function readOpen(file: string) {
  const descriptor = openSync(file, 'r');
  try {
    return { text: readFileSync(descriptor, 'utf8'), changed: fstatSync(descriptor, { bigint: true }).mtimeNs };
  } finally {
    closeSync(descriptor);
  }
}

function parse(text: string, file: string): Holder {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(file, 'was not made by a run, or is damaged', error);
  }
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  throw invalid(file, 'was not made by a run, or is damaged', parsed.error);
}

/** Writes the file unless there is one, which no two machines can do at once; false where there is one. */
export function createNote(file: string, holder: Holder): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(descriptor, JSON.stringify(holder));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/** Puts the file in the place of another. */
export function replaceNote(file: string, holder: Holder): void {
  const aside = `${file}.new`;
  rmSync(aside, { force: true });
  createNote(aside, holder);
  renameSync(aside, file);
}

/** The holder that this process is. `kernel` is that of the folder that it locks. */
export function holderHere(options: {
  readonly command: string;
  readonly since: Date;
  readonly token: string;
  readonly kernel: string | undefined;
}): Holder {
  const { command, since, token, kernel } = options;
  return {
    ...{ pid: process.pid, host: hostname(), started: startOf(process.pid) },
    ...{ command, since: since.toISOString(), token, kernel },
  };
}

/**
 * Names what two processes must share so that each sees the file locks of the other in this folder: the kernel, as it
 * runs since its last start, and the mounted file system. Undefined where the system does not say.
 */
export function kernelOf(directory: string): string | undefined {
  const boot = contentOf('/proc/sys/kernel/random/boot_id')?.trim();
  return boot && `${boot} ${statSync(directory).dev}`;
}

/** What version 0.1 went by, which took no lock that the kernel knows: whether its process still runs on this host. */
export function runsHere({ host, pid, started }: Holder): boolean | undefined {
  if (host !== hostname()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(pid) === started;
}

/** The start time of a process in clock ticks since boot, where /proc has it. */
function startOf(pid: number): string {
  const stat = contentOf(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const invalid = (file: string, problem: string, cause?: unknown): PipelineError =>
  new PipelineError('RUN_LOCK_INVALID', `the lock of the target ${problem}`, {
    file,
    hint: 'if no run of this target is under way, remove it and run again',
    cause,
  });
