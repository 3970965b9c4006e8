import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { openFileLimit, parseDuration, parseSize } from '../engine/index.ts';
import type { ClientOptions } from './archive/client.ts';
import type { RetryPolicy } from './http/retry.ts';

const durationFrom = (least: number) =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= least) return ms;
    context.addIssue({ code: 'custom', message: 'be a duration such as `30 seconds`' });
    return z.NEVER;
  });
const duration = durationFrom(1);

const size = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  context.addIssue({ code: 'custom', message: 'be a size such as `64 MiB`' });
  return z.NEVER;
});
const mebibyte = 2 ** 20;

/** How an extract asks a host; docs/extraction.md says how the defaults were found. */
export const connectionSettings = {
  /** Connections to a host, and requests under way. */
  connections: z.int().min(1).max(1024).default(512),
  /** Of one request, the first included. */
  attempts: z.int().min(1).max(20).default(8),
  /** For how long a host that gives no answer is tried at least. */
  patience: durationFrom(0).default(30_000),
  /** Until a connection stands. */
  connect_timeout: duration.default(10_000),
  /** Until the headers of an answer are there. */
  headers_timeout: duration.default(30_000),
  /** Between two pieces of a body. */
  body_timeout: duration.default(30_000),
};

/** How archives are staged. */
export const stagingSettings = {
  /** Threads that stage; 0 is the thread of the run. */
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(() => Math.min(availableParallelism(), 4)),
  /** Larger zips are written to disk as they come. */
  largest_zip_in_memory: size.default(mebibyte),
  /** Of archives that are under way at once. */
  bytes_in_flight: size.default(64 * mebibyte),
};

/** Open files of Node, the warehouse and DuckDB's threads; of a staging thread; and of a connection at its two ends. */
const openFiles = { own: 40, worker: 8, connection: 4 } as const;

/** Connections and threads that fit into the limit on open files, at most those that are wanted. */
export function fitOpenFiles(
  { connections, workers = 0 }: { readonly connections: number; readonly workers?: number | undefined },
  limit = openFileLimit(),
): { readonly connections: number; readonly workers: number } {
  const left = limit - openFiles.own;
  const threads = Math.max(0, Math.min(workers, Math.floor(left / 4 / openFiles.worker)));
  const fitting = Math.floor((left - threads * openFiles.worker) / openFiles.connection);
  return { connections: Math.max(1, Math.min(connections, fitting)), workers: threads };
}

type ConnectionSettings = z.infer<z.ZodObject<typeof connectionSettings>>;

export const retryOptions = ({ attempts, patience }: ConnectionSettings): Partial<RetryPolicy> => ({
  attempts,
  patience,
});

export const clientOptions = (settings: ConnectionSettings): Omit<ClientOptions, 'signal'> => ({
  connections: settings.connections,
  retry: retryOptions(settings),
  connectTimeout: settings.connect_timeout,
  headersTimeout: settings.headers_timeout,
  bodyTimeout: settings.body_timeout,
});

/** ms that one thread is busy with an archive and with each MB of it. */
const busy = { archive: 0.25, megabyte: 35 } as const;
/** ms of work above which threads, each of which takes 100 ms to start, end sooner than the thread of the run. */
const worthThreads = 500;

/** Threads for so much to stage. */
export function workersFor({ files, bytes }: { files: number; bytes: number }, workers: number): number {
  return files * busy.archive + (bytes / 1e6) * busy.megabyte > worthThreads ? workers : 0;
}
