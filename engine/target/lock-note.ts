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

/** The contents of `run.lock`: the run that holds the target. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Distinguishes a process from a later one with the same pid; empty if the system does not provide it. */
  readonly started: string;
  readonly command: string;
  readonly since: string;
  /** Random; missing in locks of version 0.1. */
  readonly token?: string | undefined;
  /** Identifies the kernel whose file locks the holder could see, see `kernelOf`. */
  readonly kernel?: string | undefined;
}

export interface Note {
  /** Undefined if the file is still empty: it is being written, or the machine stopped during the write. */
  readonly holder: Holder | undefined;
  /** Changes with every heartbeat of the holder. */
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
 * Reads who holds the target; undefined if nobody does.
 * @throws PipelineError RUN_LOCK_INVALID for anything that is not such a file, or that cannot be read
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

/** Takes the time from the open file, since a network file system may answer a look-up by name from a cache. */
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

/** Creates the file, which only one of several machines can do; returns false if it already exists. */
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

/** Replaces the file, whoever wrote it. */
export function replaceNote(file: string, holder: Holder): void {
  const aside = `${file}.new`;
  rmSync(aside, { force: true });
  createNote(aside, holder);
  renameSync(aside, file);
}

/** Describes this process as a holder. `kernel` belongs to the folder that it locks. */
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
 * Identifies what two processes must share to see each other's file locks in this folder: the kernel since its last
 * boot, and the mounted file system. Undefined if the system does not provide it.
 */
export function kernelOf(directory: string): string | undefined {
  const boot = contentOf('/proc/sys/kernel/random/boot_id')?.trim();
  return boot && `${boot} ${statSync(directory).dev}`;
}

/** True if the holder's process still runs; undefined on another host. For version 0.1, which took no kernel lock. */
export function runsHere({ host, pid, started }: Holder): boolean | undefined {
  if (host !== hostname()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(pid) === started;
}

/** Returns the start time of a process in clock ticks since boot, if /proc has it. */
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
    hint: 'if no run of this target is in progress, remove it and run again',
    cause,
  });
