import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { type ExtractContext, openFileLimit, PipelineError, parseDuration, parseSize } from '../engine/index.ts';
import { isTimeframe, type Timeframe, timeframeNames } from '../exchange/timeframes.ts';
import { type InstrumentType, instrumentTypes } from '../exchange/vocabulary.ts';
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

/** Settings for requests to a host; docs/extraction.md says how the defaults were found. */
const connectionSettings = {
  /** Connections to a host, and requests under way. */
  connections: z.int().min(1).max(1024).default(512),
  /** Attempts per request, the first included. */
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

/** Settings for staging archives. */
const stagingSettings = {
  /** Threads that stage; 0 is the thread of the run. */
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(() => Math.min(availableParallelism(), 4)),
  /** Larger zips are written to disk as they come. */
  largest_zip_in_memory: size.default(mebibyte),
  /** Bytes of archives in flight at once. */
  bytes_in_flight: size.default(64 * mebibyte),
};

/** Open files of Node, the warehouse and DuckDB's threads; of a staging thread; and of a connection at its two ends. */
const openFiles = { own: 40, worker: 8, connection: 4 } as const;

/** Connections and threads that fit into the limit on open files, at most those that are wanted. */
function fitOpenFiles(
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

const instrumentType = z.enum(instrumentTypes);
const timeframe = z.enum(timeframeNames);

const shared = {
  ...connectionSettings,
  /** A var of the same name in pipeline.yaml wins. */
  instrument_types: z.array(instrumentType).min(1).default(['futures-um']),
  timeframes: z.array(timeframe).min(1).default(['1d']),
  symbols: z.array(z.string()).default([]),
};

const listingOptions = z.strictObject({
  ...shared,
  /** True if the daily USD-M tree at var `availability_timeframe` is listed too. */
  availability: z.boolean().default(false),
});

const klinesOptions = z.strictObject({
  ...shared,
  ...stagingSettings,
  /** Policy for an archive whose MD5 is the listed one but whose CHECKSUM file disagrees (A19). */
  stale_checksum: z.enum(['fail', 'warn']).default('fail'),
  /** Whether staged CSVs are kept after their rows have been published. */
  staging_retention: z.enum(['keep', 'prune_after_load']).default('keep'),
  /** Files that are known to be bad, by the SHA-256 of the zip: rejected without a warning, with the reason given here. */
  known_defects: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'it wants 64 lower-case hex digits'),
        reason: z.string().min(1),
      }),
    )
    .default([]),
});

const restOptions = z.strictObject({
  ...shared,
  connections: shared.connections.default(8),
  /** Days after which a symbol that the exchange did not know is asked for again. */
  ask_again_after: z.int().min(0).default(7),
});

export type RestOptions = z.infer<typeof restOptions>;
export type ListingOptions = z.infer<typeof listingOptions>;
export type KlinesOptions = z.infer<typeof klinesOptions>;

/** Which series a run is about. */
export interface Scope {
  readonly instrument_types: readonly InstrumentType[];
  readonly timeframes: readonly Timeframe[];
  /** As the archive spells them; none means all. */
  readonly symbols: readonly string[];
}

type Context = Pick<ExtractContext, 'options' | 'vars'>;

export const parseListingOptions = (context: Context): ListingOptions => parse('listing', listingOptions, context);
export const parseKlinesOptions = (context: Context): KlinesOptions => parse('klines', klinesOptions, context);
export const parseRestOptions = (context: Context): RestOptions => parse('rest', restOptions, context);

interface Shared {
  instrument_types: InstrumentType[];
  timeframes: Timeframe[];
  symbols: string[];
  connections: number;
  workers?: number;
}

/** Throws CONFIG_INVALID for what the archive does not have: a timeframe of no market, 1s of futures. */
function parse<T extends Shared>(name: string, shape: z.ZodType<T>, { options, vars }: Context): T {
  const declared = ['instrument_types', 'timeframes', 'symbols'].filter((one) => Object.hasOwn(vars.values, one));
  const parsed = shape.safeParse({
    ...options,
    ...Object.fromEntries(declared.map((one) => [one, [...new Set(vars.strings(one))]])),
  });
  if (!parsed.success) {
    throw new PipelineError('CONFIG_INVALID', `the ${name} extract: ${z.prettifyError(parsed.error)}`, {
      hint: 'see its with: block and the vars instrument_types, timeframes and symbols',
    });
  }
  const { instrument_types, timeframes: wanted, symbols } = parsed.data;
  const futures = instrument_types.find((one) => one !== 'spot');
  if (futures !== undefined && wanted.includes('1s')) {
    throw new PipelineError('CONFIG_INVALID', `there is no 1s of ${futures}: the archive has it for spot only`, {
      value: '1s',
      hint: 'ask for it with --instrument-type spot',
    });
  }
  const { connections, workers } = fitOpenFiles(parsed.data);
  return {
    ...parsed.data,
    connections,
    ...(parsed.data.workers !== undefined && { workers }),
    symbols: symbols.map((symbol) => symbol.replace('/', '').toUpperCase()),
  };
}

/** The value of a var of type timeframe. */
export function timeframeOf(name: string, value: string): Timeframe {
  if (isTimeframe(value)) return value;
  throw new PipelineError('VAR_INVALID', `the var ${name} is no timeframe of the archive`, { key: name, value });
}
