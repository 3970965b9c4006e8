import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  type ExtractContext,
  hideInValue,
  openFileLimit,
  PipelineError,
  parseDuration,
  parseSize,
  type SplitUrl,
  splitUrl,
  type Vars,
} from '../engine/index.ts';
import { isTimeframe, type Timeframe, timeframeNames } from '../exchange/timeframes.ts';
import { type InstrumentType, instrumentTypes } from '../exchange/vocabulary.ts';
import type { ClientOptions } from './archive/client.ts';
import type { RetryPolicy } from './http/retry.ts';

const durationFrom = (least: number) =>
  z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= least) return ms;
    context.addIssue({ code: 'custom', message: 'expected a duration such as `30 seconds`' });
    return z.NEVER;
  });
const duration = durationFrom(1);

const size = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  context.addIssue({ code: 'custom', message: 'expected a size such as `64 MiB`' });
  return z.NEVER;
});
const mebibyte = 2 ** 20;

/** Settings for requests to a host; docs/extraction.md says how the defaults were found. */
const connectionSettings = {
  /** Connections to a host, and thus requests in progress. */
  connections: z.int().min(1).max(1024).default(512),
  /** Attempts per request, the first included. */
  attempts: z.int().min(1).max(20).default(8),
  /** How long a host that does not answer is retried at least. */
  patience: durationFrom(0).default(30_000),
  /** Timeout for establishing a connection. */
  connect_timeout: duration.default(10_000),
  /** Timeout for the headers of a response. */
  headers_timeout: duration.default(30_000),
  /** Timeout between two pieces of a body. */
  body_timeout: duration.default(30_000),
};

/** Settings for staging archives. */
const stagingSettings = {
  /** Threads that stage archives; 0 uses the thread of the run. */
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(() => Math.min(availableParallelism(), 4)),
  /** Larger zips are written to disk as they arrive. */
  largest_zip_in_memory: size.default(mebibyte),
  /** Bytes of archives in flight at once. */
  bytes_in_flight: size.default(64 * mebibyte),
};

/**
 * Open files needed by Node, the warehouse and DuckDB's threads, by a staging thread, and by both ends of a connection.
 */
const openFiles = { own: 40, worker: 8, connection: 4 } as const;

/** Reduces connections and threads to what the limit on open files allows. */
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

/** ms of work for one thread per archive, and per MB of it. */
const busy = { archive: 0.25, megabyte: 35 } as const;
/** ms of work from which threads, which take 100 ms each to start, finish sooner than the thread of the run. */
const worthThreads = 500;

/** Returns how many threads to use for staging this much. */
export function workersFor({ files, bytes }: { files: number; bytes: number }, workers: number): number {
  return files * busy.archive + (bytes / 1e6) * busy.megabyte > worthThreads ? workers : 0;
}

const instrumentType = z.enum(instrumentTypes);
const timeframe = z.enum(timeframeNames);

const shared = {
  ...connectionSettings,
  /** A var of the same name in pipeline.yaml takes precedence. */
  instrument_types: z.array(instrumentType).min(1).default(['futures-um']),
  timeframes: z.array(timeframe).min(1).default(['1d']),
  symbols: z.array(z.string()).default([]),
};

export const listingOptions = z.strictObject({
  ...shared,
  /** True to also list the daily USD-M tree at the timeframe of var `availability_timeframe`. */
  availability: z.boolean().default(false),
});

export const klinesOptions = z.strictObject({
  ...shared,
  ...stagingSettings,
  /** What to do with an archive whose MD5 is the listed one but whose CHECKSUM file disagrees (A19). */
  stale_checksum: z.enum(['fail', 'warn']).default('fail'),
  /** What to do with staged CSVs once their rows have been published. */
  staging_retention: z.enum(['keep', 'prune_after_load']).default('keep'),
  /**
   * Files that are known to be bad, by the SHA-256 of the zip. They are rejected without a warning, for this reason.
   */
  known_defects: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'be 64 lower-case hex digits'),
        reason: z.string().min(1),
      }),
    )
    .default([]),
});

export const restOptions = z.strictObject({
  ...shared,
  connections: shared.connections.default(8),
  /** Days after which a symbol that the exchange did not know is requested again. */
  ask_again_after: z.int().min(0).default(7),
});

export type RestOptions = z.infer<typeof restOptions>;
export type ListingOptions = z.infer<typeof listingOptions>;
export type KlinesOptions = z.infer<typeof klinesOptions>;

/** The series that a run is limited to. */
export interface Scope {
  readonly instrument_types: readonly InstrumentType[];
  readonly timeframes: readonly Timeframe[];
  /** As the archive spells them. An empty list means all symbols. */
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

/** Throws CONFIG_INVALID for invalid options and for what the archive does not have, such as 1s of futures. */
function parse<T extends Shared>(name: string, shape: z.ZodType<T>, { options, vars }: Context): T {
  const declared = ['instrument_types', 'timeframes', 'symbols'].filter((one) => Object.hasOwn(vars.values, one));
  const parsed = shape.safeParse({
    ...options,
    ...Object.fromEntries(declared.map((one) => [one, [...new Set(vars.strings(one))]])),
  });
  if (!parsed.success) {
    throw new PipelineError(
      'CONFIG_INVALID',
      `the options of the ${name} extract are invalid: ${z.prettifyError(parsed.error)}`,
      {
        hint: 'check its with: block and the vars instrument_types, timeframes and symbols in pipeline.yaml',
      },
    );
  }
  const { instrument_types, timeframes: wanted, symbols } = parsed.data;
  const futures = instrument_types.find((one) => one !== 'spot');
  if (futures !== undefined && wanted.includes('1s')) {
    throw new PipelineError('CONFIG_INVALID', `the archive has no 1s bars of ${futures}, only of spot`, {
      value: '1s',
      hint: 'add --instrument-type spot, or choose another timeframe',
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

/** Returns the value of a var of type timeframe. Throws VAR_INVALID. */
export function timeframeOf(name: string, value: string): Timeframe {
  if (isTimeframe(value)) return value;
  throw new PipelineError('VAR_INVALID', `the var ${name} is not a timeframe of the archive`, { key: name, value });
}

type ByMarket<T> = Readonly<Record<InstrumentType, T>>;

/** Returns the base URL of each market's API, from var `rest_urls`. Throws VAR_INVALID. */
export function restUrls(vars: Vars): ByMarket<SplitUrl> {
  const urls = Object.entries(byMarket('rest_urls', vars)).map(([market, text]) => {
    const split = /^https?:\/\//i.test(text) ? splitUrl(text) : undefined;
    if (split === undefined)
      throw marketsInvalid('rest_urls', `has a value for ${market} that is not an http(s) URL`, text);
    return [market, split] as const;
  });
  return Object.fromEntries(urls) as ByMarket<SplitUrl>;
}

/** Returns the request weight allowed per minute for each market, from var `rest_weights`. Throws VAR_INVALID. */
export function restWeights(vars: Vars): ByMarket<number> {
  const weights = Object.entries(byMarket('rest_weights', vars)).map(([market, text]) => {
    const weight = Number(text);
    // A page of futures bars has a weight of at most 10.
    if (!Number.isInteger(weight) || weight < 10) {
      throw marketsInvalid('rest_weights', `has a value for ${market} that is not a whole number of at least 10`, text);
    }
    return [market, weight] as const;
  });
  return Object.fromEntries(weights) as ByMarket<number>;
}

/** Parses a list of items such as `spot=…`, one for every market. */
function byMarket(name: string, vars: Vars): ByMarket<string> {
  const pairs = vars.strings(name);
  const values = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]),
  );
  const missing = instrumentTypes.find((market) => !values[market]);
  if (missing !== undefined) throw marketsInvalid(name, `has no value for ${missing}`, pairs.join(','));
  return values as ByMarket<string>;
}

const marketsInvalid = (name: string, problem: string, value: string): PipelineError =>
  new PipelineError('VAR_INVALID', `the var ${name} ${problem}`, {
    ...{ key: name, value: hideInValue(value) },
    hint: 'write it as spot=…,futures-um=…,futures-cm=…',
  });
