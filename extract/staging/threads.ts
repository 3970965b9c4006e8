import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { machineFault } from '../../engine/index.ts';
import type { ClientOptions, ClientStats } from '../archive/client.ts';
import type { StageOutcome, StageSettings, WantedArchive } from './stage-archive.ts';

/** Stages archives, on this thread or on others. */
export interface Stager extends AsyncDisposable {
  /** As `stageArchive`; throws what stops the run: an abort, DISK_FULL, a thread that broke. */
  stage(wanted: WantedArchive): Promise<StageOutcome>;
  /** Archives to request at once: enough that no connection is idle. */
  readonly lanes: number;
  readonly stats: ClientStats;
}

export interface StagerOptions extends StagerSettings {
  /** Threads; 0 stages on this one. */
  readonly workers: number;
  /** Bytes of archives that are under way at once. */
  readonly bytesInFlight: number;
  readonly signal: AbortSignal;
}

/**
 * A thread needs 30 MB of heap; left to itself it takes 150 MB of garbage before it looks for any. Bodies of answers
 * and CSVs are not in the heap.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 128 };
/** Archives that wait at a thread for each connection it has, so that none idles while answers and orders pass. */
const ahead = 2;
/** ms that a thread has to end by itself. */
const patience = 500;

/**
 * Stages archives on threads of their own, each with its own connections, since hash, inflate, scan and the reading
 * of sockets keep one thread busy with 2,000 small files a second. Orders and answers travel in batches.
 */
export function openThreads({ stage, client, workers, signal }: StagerOptions): Stager {
  const connections = Math.ceil(client.connections / workers);
  const settings: StagerSettings = { stage, client: { ...client, connections } };
  const threads = Array.from({ length: workers }, () => openThread(settings, signal));

  async function close(): Promise<void> {
    await Promise.all(threads.map((thread) => thread.close()));
  }
  return {
    lanes: ahead * connections * workers,
    stats: {
      get requests() {
        return threads.reduce((sum, thread) => sum + thread.stats.requests, 0);
      },
      get retries() {
        return threads.reduce((sum, thread) => sum + thread.stats.retries, 0);
      },
    },
    stage: (wanted) => threads.reduce((a, b) => (b.load < a.load ? b : a)).stage(wanted),
    [Symbol.asyncDispose]: close,
  };
}

function openThread(workerData: StagerSettings, signal: AbortSignal) {
  // Flags of the process such as `--input-type` are not for a thread that runs a file.
  const worker = new Worker(new URL('./stage-thread.ts', import.meta.url), {
    ...{ workerData, execArgv: [], resourceLimits },
  });
  const waiting = new Map<number, PromiseWithResolvers<StageOutcome>>();
  let jobs: Job[] = [];
  let count = 0;
  let stats: Report['stats'] = { requests: 0, retries: 0 };
  /** The reason why it takes no more work. */
  let broken: unknown;

  const tell = (order: Order): void => worker.postMessage(order);

  function settle(one: Done): void {
    const promise = waiting.get(one.id);
    waiting.delete(one.id);
    if ('outcome' in one) promise?.resolve(one.outcome);
    else promise?.reject(signal.aborted ? signal.reason : machineFault(Object.assign(one.error, one.system)));
  }

  function breakOff(reason: unknown): void {
    broken ??= reason;
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  }

  async function close(): Promise<void> {
    signal.removeEventListener('abort', abort);
    if (worker.threadId < 0) return;
    tell({ kind: 'close' });
    const ended = once(worker, 'exit');
    await Promise.race([ended, sleep(patience)]);
    await worker.terminate();
  }

  // What a thread has staged by then is told; one that does not answer loses what is in flight, as a kill does.
  function abort(): void {
    tell({ kind: 'abort' });
    setTimeout(() => worker.terminate(), patience).unref();
  }

  worker.on('message', (report: Report) => {
    stats = report.stats;
    for (const one of report.done) settle(one);
  });
  worker.on('error', breakOff);
  worker.on('exit', () => breakOff(signal.aborted ? signal.reason : new Error('a staging thread has ended')));
  signal.addEventListener('abort', abort, { once: true });

  return {
    get load() {
      return waiting.size;
    },
    get stats() {
      return stats;
    },
    stage(wanted: WantedArchive): Promise<StageOutcome> {
      signal.throwIfAborted();
      if (broken !== undefined) throw broken;
      const id = count++;
      const promise = Promise.withResolvers<StageOutcome>();
      waiting.set(id, promise);
      if (jobs.push({ id, wanted }) === 1) {
        setImmediate(() => {
          tell({ kind: 'stage', jobs });
          jobs = [];
        });
      }
      return promise.promise;
    },
    close,
  };
}

/** All that a thread needs to know to stage archives. */
export interface StagerSettings {
  readonly stage: StageSettings;
  /** Options of one thread's client. */
  readonly client: Omit<ClientOptions, 'signal'>;
}

/** Messages to a staging thread. */
export type Order =
  | { readonly kind: 'stage'; readonly jobs: readonly Job[] }
  /** Break off what is under way; every job is still answered. */
  | { readonly kind: 'abort' }
  /** No more work will come. */
  | { readonly kind: 'close' };

export interface Job {
  readonly id: number;
  readonly wanted: WantedArchive;
}

/** Messages from it: jobs in the order in which they ended, and its figures so far. */
export interface Report {
  readonly done: readonly Done[];
  readonly stats: ClientStats;
}

export type Done = { readonly id: number } & (
  | { readonly outcome: StageOutcome }
  /** The run stops. What an error of the system says beside its message is lost on the way from thread to thread. */
  | { readonly error: Error; readonly system: Pick<NodeJS.ErrnoException, 'code' | 'path'> }
);
