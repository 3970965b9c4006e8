import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, utimesSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../errors.ts';
import { takeMutex } from './lock-mutex.ts';
import {
  createNote,
  type Holder,
  holderHere,
  kernelOf,
  type Note,
  readNote,
  replaceNote,
  runsHere,
} from './lock-note.ts';

/** Times in ms. */
export interface LockTiming {
  /** Interval between checks of a lock that is waited for. */
  readonly poll: number;
  /** Interval between heartbeats of a holder. */
  readonly beat: number;
  /** Time without a heartbeat after which a holder unknown to this kernel counts as gone. */
  readonly silence: number;
}

const usual: LockTiming = { poll: 200, beat: 3_000, silence: 15_000 };

/** Number of attempts: a lock that is only busy for a moment, because `doctor` checks it, is not held. */
const looks = 4;
const betweenLooks = 50;

export interface LockOptions {
  readonly command: string;
  readonly since: Date;
  readonly wait: boolean;
  readonly signal: AbortSignal;
  /** Called with the reason if taking the lock takes a while. */
  readonly tell?: (message: string) => void;
  readonly timing?: LockTiming;
}

export interface TargetLock extends AsyncDisposable {
  /** Aborted once another machine has taken over the target, because this process was suspended for too long. */
  readonly lost: AbortSignal;
  /** Must be called before anything is published. Throws RUN_LOCKED if the lock is lost. */
  confirm(): void;
}

const noteFile = (directory: string): string => path.join(directory, 'run.lock');
const mutexFile = (directory: string): string => path.join(directory, 'run.lock.mutex');

/**
 * Takes the target for one run at a time. Among the processes of one kernel, in any container, the kernel decides and
 * the lock ends with its holder; holders elsewhere send a heartbeat every few seconds. docs/decisions/0008-lock.md
 * explains why.
 * @throws PipelineError RUN_LOCKED naming the holder, unless `wait`; RUN_LOCK_INVALID for anything else in its place
 */
export async function lockTarget(directory: string, options: LockOptions): Promise<TargetLock> {
  const { timing = usual } = options;
  await mkdir(directory, { recursive: true });
  const own = holderHere({ ...options, token: randomUUID(), kernel: kernelOf(directory) });
  readNote(noteFile(directory)); // rejects anything else in its place before waiting
  const mutex = await obtainMutex(directory, options, timing);
  try {
    await obtainNote(directory, own, options, timing);
  } catch (error) {
    mutex[Symbol.dispose]();
    throw error;
  }
  return hold(directory, own, mutex, timing);
}

async function obtainMutex(directory: string, { wait, signal }: LockOptions, timing: LockTiming): Promise<Disposable> {
  for (let look = 1; ; look++) {
    signal.throwIfAborted();
    const mutex = takeMutex(mutexFile(directory));
    if (mutex !== undefined) return mutex;
    if (!wait && look === looks) throw lockedBy(readNote(noteFile(directory))?.holder, directory);
    await sleep(wait ? timing.poll : betweenLooks, undefined, { signal });
  }
}

/** Writes this process as the holder of the target, once the holder named in the file is known to be gone. */
async function obtainNote(directory: string, own: Holder, options: LockOptions, timing: LockTiming): Promise<void> {
  const { wait, signal, tell } = options;
  const file = noteFile(directory);
  let watched: { readonly holder: Holder | undefined; readonly stamp: string; readonly since: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const note = readNote(file);
    if (note === undefined) {
      if (createNote(file, own)) return;
      continue;
    }
    const { holder, stamp } = note;
    const standing = standingOf(note, directory);
    if (standing === 'gone') return replaceNote(file, own);
    const now = performance.now();
    if (watched === undefined || watched.holder?.token !== holder?.token) {
      watched = { holder, stamp, since: now };
      if (standing === 'unknown') tell?.(watching(holder, directory, timing));
    } else if (watched.stamp !== stamp) {
      if (!wait) throw lockedBy(holder, directory);
      watched = { holder, stamp, since: now };
    }
    if (standing === 'runs') {
      if (!wait) throw lockedBy(holder, directory);
    } else if (now - watched.since >= timing.silence) {
      replaceNote(file, own);
      // Another machine may have done the same at the same moment: the last one to write has the lock.
      await sleep(timing.beat / 2, undefined, { signal });
      if (isOwn(readNote(file), own)) return;
    }
    await sleep(timing.poll, undefined, { signal });
  }
}

/** Returns what is known of a holder without waiting; the caller must have the mutex. */
function standingOf({ holder }: Note, directory: string): 'runs' | 'gone' | 'unknown' {
  if (holder?.token !== undefined) {
    const isOfThisKernel = holder.kernel !== undefined && holder.kernel === kernelOf(directory);
    return isOfThisKernel ? 'gone' : 'unknown';
  }
  const runs = holder && runsHere(holder);
  return runs === undefined ? 'unknown' : runs ? 'runs' : 'gone';
}

const isOwn = (note: Note | undefined, own: Holder): boolean => note?.holder?.token === own.token;

function hold(directory: string, own: Holder, mutex: Disposable, timing: LockTiming): TargetLock {
  const file = noteFile(directory);
  const controller = new AbortController();
  const { signal: lost } = controller;

  function confirm(): void {
    lost.throwIfAborted();
    const note = readNote(file);
    if (isOwn(note, own) || (note === undefined && createNote(file, own))) return;
    controller.abort(takenOver(readNote(file)?.holder, directory, timing));
    lost.throwIfAborted();
  }

  function beat(): void {
    try {
      confirm();
      const now = new Date();
      utimesSync(file, now, now);
    } catch {
      // Either the lock is lost, which the signal has reported, or the file system is not responding right now.
    }
  }

  function isStillOwn(): boolean {
    try {
      return isOwn(readNote(file), own);
    } catch {
      return false; // something else is in its place, and is kept
    }
  }

  const timer = setInterval(beat, timing.beat).unref();
  return {
    lost,
    confirm,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      try {
        if (isStillOwn()) rmSync(file, { force: true });
      } finally {
        mutex[Symbol.dispose]();
      }
    },
  };
}

export type LockState =
  | { readonly kind: 'free' }
  /** `left`: its holder is gone, and the next run takes it over. `elsewhere`: its kernel is unknown to this one. */
  | { readonly kind: 'held' | 'left' | 'elsewhere'; readonly holder: Holder | undefined };

/**
 * Returns who holds a target, for display; changes nothing.
 * @throws PipelineError RUN_LOCK_INVALID as `lockTarget`
 */
export function lockState(directory: string): LockState {
  const note = readNote(noteFile(directory));
  if (note === undefined) return { kind: 'free' };
  const { holder } = note;
  if (existsSync(mutexFile(directory))) {
    using mutex = takeMutex(mutexFile(directory));
    if (mutex === undefined) return { kind: 'held', holder };
  }
  return { kind: ({ runs: 'held', gone: 'left', unknown: 'elsewhere' } as const)[standingOf(note, directory)], holder };
}

/** Describes a holder: its command, where it runs, and since when. */
export const describeHolder = (holder: Holder | undefined): string =>
  holder === undefined
    ? 'an unidentified run'
    : `\`${holder.command}\`, process ${holder.pid} on ${holder.host}, since ${holder.since}`;

const lockedBy = (holder: Holder | undefined, directory: string): PipelineError =>
  new PipelineError('RUN_LOCKED', `another run holds ${directory}: ${describeHolder(holder)}`, {
    hint: 'wait for it with --wait, or stop it',
  });

const takenOver = (holder: Holder | undefined, directory: string, { silence }: LockTiming): PipelineError =>
  new PipelineError('RUN_LOCKED', `another run has taken over ${directory}: ${describeHolder(holder)}`, {
    hint: `this run had been stopped for more than ${silence / 1000} s and has ended; run again once the other is done`,
  });

const watching = (holder: Holder | undefined, directory: string, { silence }: LockTiming): string =>
  `${directory} was locked by ${describeHolder(holder)}; it is taken over unless that run sends a heartbeat within ${silence / 1000} s`;
