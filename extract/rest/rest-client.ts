import { setTimeout as delay } from 'node:timers/promises';
import { hideEcho, type PipelineError, type SplitUrl, type UrlAccess } from '../../engine/index.ts';
import { defectOf } from '../../exchange/bar-rules.ts';
import { apiTimeframe, type Timeframe } from '../../exchange/timeframes.ts';
import type { InstrumentType } from '../../exchange/vocabulary.ts';
import { headerOf } from '../archive/client.ts';
import { SourceError } from '../failure.ts';
import { type Attempt, defaultRetryPolicy, parseRetryAfter, type RetryPolicy, withRetries } from '../http/retry.ts';
import { type Answer, createTransport } from '../http/transport.ts';
import type { Range } from './coverage.ts';

export interface RestClientOptions {
  readonly urls: Readonly<Record<InstrumentType, SplitUrl>>;
  /** The request weight allowed per minute. */
  readonly weights: Readonly<Record<InstrumentType, number>>;
  readonly connections: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly retry?: Partial<RetryPolicy>;
  /** Reports a message to the user. */
  readonly tell: (message: string) => void;
}

export interface KlinesRequest {
  readonly instrument_type: InstrumentType;
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** The range of open times. */
  readonly range: Range;
  /** The maximum number of bars in the range. */
  readonly limit: number;
}

export type KlinesAnswer =
  /** `at` is the exchange's clock in ms since 1970, if it sent one. */
  | { readonly kind: 'bars'; readonly bars: readonly Bar[]; readonly at?: number }
  /** The exchange does not know the symbol (any more). */
  | { readonly kind: 'unknown'; readonly text: string }
  /** There was no usable response after all retries. */
  | { readonly kind: 'failed'; readonly error: PipelineError };

export interface RestClient extends AsyncDisposable {
  /** Throws EXCHANGE_BANNED, EXCHANGE_REFUSED or the reason of an abort, after which nothing must be requested. */
  klines(request: KlinesRequest): Promise<KlinesAnswer>;
  readonly stats: { readonly requests: number; readonly retries: number };
}

const paths = { spot: '/api/v3/klines', 'futures-um': '/fapi/v1/klines', 'futures-cm': '/dapi/v1/klines' } as const;
/** 1,500 bars have some 300 KB. */
const largest = 4 * 1024 * 1024;
/** A longer wait counts as a ban. */
const longestPause = 15 * 60_000;
/** Invalid symbol, invalid symbol status, and names that the API does not accept as a symbol. */
const unknownCodes = [-1121, -1122, -1100];

/**
 * Creates a client that requests bars from the exchange within its weight limits. Each attempt waits until its weight
 * is available, the exchange's own count is taken into account, and a 429 pauses all requests for as long as it
 * demands.
 */
export function createRestClient(options: RestClientOptions): RestClient {
  const { urls, weights, connections, signal, clock, tell } = options;
  const transport = createTransport({ connections, signal });
  const policy = { ...defaultRetryPolicy, ...options.retry };
  const limiters = new Map<InstrumentType, WeightLimiter>();
  const stats = { requests: 0, retries: 0 };
  /** A ban or a refusal: further requests would prolong it. */
  let ended: PipelineError | undefined;

  function limiterOf(market: InstrumentType): WeightLimiter {
    const limiter = limiters.get(market) ?? createWeightLimiter(weights[market], clock, signal);
    limiters.set(market, limiter);
    return limiter;
  }

  function judge(
    { url, access }: { readonly url: URL; readonly access: UrlAccess | undefined },
    answer: Answer,
    attempt: number,
    limiter: WeightLimiter,
  ): Attempt<KlinesAnswer, string> {
    const { status } = answer;
    const done = (value: KlinesAnswer): Attempt<KlinesAnswer, string> => ({ kind: 'done', value });
    const again = (problem: string) => ({ kind: 'again', problem }) as const;
    if (status === 200) {
      const bars = parseBars(answer.body);
      if (typeof bars === 'string') return again(`the response is unusable: ${bars}`);
      const at = Date.parse(headerOf(answer, 'date') ?? '');
      return done({ kind: 'bars', bars, ...(!Number.isNaN(at) && { at }) });
    }
    const retryAfter = parseRetryAfter(headerOf(answer, 'retry-after'), clock.now());
    const { code, text } = complaintOf(answer, access);
    const details = { url: url.href, status, attempt };
    if (status === 418 || (retryAfter ?? 0) > longestPause) {
      const until = retryAfter === undefined ? '' : ` until ${new Date(clock.now() + retryAfter).toISOString()}`;
      ended = new SourceError('EXCHANGE_BANNED', `the exchange has banned this address${until}: ${text}`, {
        ...details,
        hint: 'wait that long, then run again: staged bars are kept; check for other programs that use this address',
      });
      throw ended;
    }
    if (status === 429) {
      const ms = retryAfter ?? 60_000;
      limiter.pause(ms);
      tell(`the exchange demands a pause of ${Math.ceil(ms / 1000)} s (429)`);
      return again(`the exchange's request limit was exceeded: ${text}`);
    }
    if (status === 408 || status >= 500)
      return { ...again(`the exchange answers with status ${status}`), outlast: true };
    if (status === 401 || status === 403 || status === 451) {
      const what =
        status === 401 ? 'does not accept the user and password in rest_urls' : 'does not serve this address';
      ended = new SourceError('EXCHANGE_REFUSED', `the exchange ${what}: ${text}`, {
        ...details,
        hint:
          status === 401
            ? 'write them into the var rest_urls as spot=https://user:password@host, percent-encoded'
            : 'run from a network that it serves, set the var rest_urls to another host, or turn rest_fill off',
      });
      throw ended;
    }
    if (code !== undefined && unknownCodes.includes(code)) return done({ kind: 'unknown', text: `${code} ${text}` });
    return done({ kind: 'failed', error: noAnswer(`the exchange answers with status ${status}: ${text}`, details) });
  }

  async function klines(request: KlinesRequest): Promise<KlinesAnswer> {
    const { instrument_type: market } = request;
    const { url: base, access } = urls[market];
    const url = urlOf(base, request);
    const limiter = limiterOf(market);
    let attempts = 0;
    const retried = await withRetries<KlinesAnswer, string>(policy, signal, async (attempt) => {
      attempts = attempt;
      if (attempt > 1) stats.retries++;
      const over = await limiter.acquire(weightOf(market, request.limit));
      if (ended !== undefined) throw ended;
      stats.requests++;
      let answer: Answer;
      try {
        answer = await transport.get({ url, access, limit: largest });
      } catch (error) {
        over(undefined);
        signal.throwIfAborted();
        return { kind: 'again', problem: `no answer: ${(error as Error).message}`, outlast: true };
      }
      const counted = Number(headerOf(answer, 'x-mbx-used-weight-1m'));
      over(Number.isFinite(counted) ? counted : undefined);
      return judge({ url, access }, answer, attempt, limiter);
    });
    if (retried.kind === 'done') return retried.value;
    const details = { url: url.href, attempt: attempts };
    return { kind: 'failed', error: noAnswer(retried.problems.at(-1) ?? 'no answer', details) };
  }

  return { klines, stats, [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() };
}

function urlOf(base: string, { instrument_type, symbol, timeframe, range, limit }: KlinesRequest): URL {
  const url = new URL(`${base.replace(/\/+$/, '')}${paths[instrument_type]}`);
  const [from, to] = range;
  url.search = String(
    new URLSearchParams({
      symbol,
      interval: apiTimeframe(timeframe),
      startTime: String(from),
      // The API includes both ends of the range.
      endTime: String(to - 1),
      limit: String(limit),
    }),
  );
  return url;
}

/** Returns the exchange's message about a request that it refuses. */
function complaintOf(
  { body }: Answer,
  access: UrlAccess | undefined,
): { readonly code?: number; readonly text: string } {
  try {
    const { code, msg } = JSON.parse(body.toString('utf8')) as { code?: unknown; msg?: unknown };
    if (typeof code === 'number') return { code, text: hideEcho(String(msg ?? ''), access) };
  } catch {
    // Most likely a web page: the status says enough.
  }
  return { text: 'it gave no reason' };
}

const noAnswer = (text: string, details: { readonly url: string; readonly attempt: number }): PipelineError =>
  new SourceError('EXCHANGE_FAILED', text, {
    ...details,
    hint: 'check the network and the var rest_urls, then run again: staged bars are kept',
  });

/** A bar as the exchange's API returns it. */
export interface Bar {
  /** ms since 1970. */
  readonly open: number;
  readonly close: number;
  /** Its 12 fields in the order of an archive's columns, each exactly as received. */
  readonly line: string;
  /** Why its values cannot be right, by the same rules as for archives (A11, A14, B25), and its row in the response. */
  readonly defect?: string;
}

const fields = 12;
/** open_time, close_time and count are numbers, the other fields are strings. */
const wholeAt = [0, 6, 8];

/** Parses a response. Returns a problem unless it consists of ascending rows of 12 fields of the right types. */
export function parseBars(body: Buffer): readonly Bar[] | string {
  let rows: unknown;
  try {
    rows = JSON.parse(body.toString('utf8'));
  } catch {
    return 'it is not JSON';
  }
  if (!Array.isArray(rows)) return 'it is not a list';
  const bars: Bar[] = [];
  for (const [index, row] of rows.entries()) {
    if (!Array.isArray(row) || row.length !== fields) return `row ${index + 1} does not have ${fields} fields`;
    const odd = row.findIndex((field, at) => typeof field !== (wholeAt.includes(at) ? 'number' : 'string'));
    if (odd >= 0) return `row ${index + 1} has ${JSON.stringify(row[odd])} as field ${odd + 1}`;
    const [open, close] = [row[0] as number, row[6] as number];
    if (!Number.isSafeInteger(open) || open < 0 || open <= (bars.at(-1)?.open ?? -1))
      return `row ${index + 1} does not open after the row above it`;
    const found = defectOf(row.map(String));
    const defect = found && `${found.code}: row ${index + 1}, ${found.says}`;
    bars.push({ open, close, line: row.join(','), ...(defect !== undefined && { defect }) });
  }
  return bars;
}

/** The clock by which waits are measured. Tests pass their own. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Throws the reason of an abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: Date.now,
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
  },
};

/** Returns the weight of a request for this many bars: always 2 for spot, depending on the limit for futures. */
export function weightOf(market: InstrumentType, limit: number): number {
  if (market === 'spot') return 2;
  return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

/** Keeps the requests of this address to one market within the weight allowed per minute. */
export interface WeightLimiter {
  /**
   * Waits until a request of this weight may be sent, and counts it. Call the returned function when the request has
   * ended, with the weight that the exchange has counted in its minute, including that of other programs.
   */
  acquire(weight: number): Promise<(counted: number | undefined) => void>;
  /** Holds back every request for this many ms. */
  pause(ms: number): void;
}

/** The exchange counts by minutes of its own clock. This window covers each of them, with a second for transit. */
const windowMs = 61_000;

export function createWeightLimiter(perMinute: number, { now, sleep }: Clock, signal: AbortSignal): WeightLimiter {
  let sent: { readonly at: number; readonly weight: number }[] = [];
  let underWay = 0;
  let pausedUntil = 0;

  function used(): number {
    const since = now() - windowMs;
    sent = sent.filter(({ at }) => at > since);
    return sent.reduce((sum, { weight }) => sum + weight, 0);
  }

  return {
    async acquire(wanted) {
      const weight = Math.min(wanted, perMinute);
      for (;;) {
        signal.throwIfAborted();
        const free = used() + weight <= perMinute ? 0 : (sent[0]?.at ?? 0) + windowMs;
        const wait = Math.max(pausedUntil, free) - now();
        if (wait <= 0) break;
        await sleep(wait, signal);
      }
      sent.push({ at: now(), weight });
      underWay += weight;
      return (counted) => {
        underWay -= weight;
        // Requests in flight may have been counted or not. Assuming that they were not is the safe choice.
        const others = (counted ?? 0) - (used() - underWay);
        if (others > 0) sent.push({ at: now(), weight: others });
      };
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
  };
}
