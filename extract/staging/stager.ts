import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { machineFault } from '../../engine/index.ts';
import { type ClientOptions, type ClientStats, createClient } from '../archive/client.ts';
import { createBudget } from '../concurrency.ts';
import { createStage, type StageOutcome, type StageSettings, type WantedArchive } from './stage-archive.ts';

/** Stages archives, on this thread or on others. */
export interface Stager extends AsyncDisposable {
  /** Like `stageArchive`. Throws only what stops the run: an abort, DISK_FULL, a broken thread. */
  stage(wanted: WantedArchive): Promise<StageOutcome>;
  /** How many archives to request at once, so that no connection is idle. */
  readonly lanes: number;
  readonly stats: ClientStats;
}

export interface StagerOptions extends StagerSettings {
  /** Number of threads; 0 stages on this one. */
  readonly workers: number;
  /** Bytes of archives that may be in flight at once. */
  readonly bytesInFlight: number;
  readonly signal: AbortSignal;
}

/** Everything that a thread needs to stage archives. */
export interface StagerSettings {
  readonly stage: StageSettings;
  /** Options of one thread's client. */
  readonly client: Omit<ClientOptions, 'signal'>;
}

/** Bytes that count for a zip that is written to a file, since only pieces of it are in memory. */
const weightOfLarge = 1024 * 1024;

export function openStager(options: StagerOptions): Stager {
  const { stage, bytesInFlight, signal } = options;
  const stager = options.workers > 0 ? openThreads(options) : stageHere(options);
  const budget = createBudget(bytesInFlight, signal);
  return {
    lanes: stager.lanes,
    stats: stager.stats,
    async stage(wanted) {
      const bytes = wanted.object.size_bytes;
      using _ = await budget.take(bytes > stage.largestInMemory ? weightOfLarge : bytes);
      return await stager.stage(wanted);
    },
    [Symbol.asyncDispose]: () => stager[Symbol.asyncDispose](),
  };
}

function stageHere({ stage, client: clientOptions, signal }: StagerOptions): Stager {
  const client = createClient({ ...clientOptions, signal });
  const stageArchive = createStage(stage, client, signal);
  return {
    lanes: clientOptions.connections,
    stats: client.stats,
    async stage(wanted) {
      try {
        return await stageArchive(wanted);
      } catch (error) {
        throw machineFault(error);
      }
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/**
 * A thread needs 30 MB of heap, but would let 150 MB of garbage pile up without these limits. Response bodies and CSVs
 * are not in the heap.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 128 };
/** Archives to queue on a thread per connection, so that none is idle while messages are in transit. */
const ahead = 2;
/** ms to wait for a thread to end before it is terminated. */
const patience = 500;

/**
 * Stages archives on worker threads, each with its own connections, since hashing, inflating, scanning and reading from
 * sockets keep a single thread busy at 2,000 small files a second. Messages are sent in batches.
 */
function openThreads({ stage, client, workers, signal }: StagerOptions): Stager {
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
  // Flags of the process, such as `--input-type`, do not apply to a thread that runs a file.
  const worker = new Worker(new URL('./stage-thread.ts', import.meta.url), {
    ...{ workerData, execArgv: [], resourceLimits },
  });
  const waiting = new Map<number, PromiseWithResolvers<StageOutcome>>();
  let jobs: Job[] = [];
  let count = 0;
  let stats: Report['stats'] = { requests: 0, retries: 0 };
  /** The reason why the thread accepts no more work. */
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

  // A thread still reports what it has staged. One that does not respond loses what is in flight, as a kill would.
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

/** A message to a staging thread. */
export type Order =
  | { readonly kind: 'stage'; readonly jobs: readonly Job[] }
  /** Abort what is in progress. Every job is still answered. */
  | { readonly kind: 'abort' }
  /** There will be no more work. */
  | { readonly kind: 'close' };

export interface Job {
  readonly id: number;
  readonly wanted: WantedArchive;
}

/** A message from a staging thread: finished jobs in the order in which they ended, and its figures so far. */
export interface Report {
  readonly done: readonly Done[];
  readonly stats: ClientStats;
}

export type Done = { readonly id: number } & (
  | { readonly outcome: StageOutcome }
  /** An error that stops the run. Messages between threads drop `code` and `path` of errors, so they are sent apart. */
  | { readonly error: Error; readonly system: Pick<NodeJS.ErrnoException, 'code' | 'path'> }
);
