import type { UrlAccess } from '../../engine/index.ts';
import type { Failure } from '../failure.ts';
import { refusalOf } from '../http/refusal.ts';
import { defaultRetryPolicy, parseRetryAfter, type RetryPolicy, withRetries } from '../http/retry.ts';
import { type Answer, createTransport, type Sink, SinkError, type TransportOptions } from '../http/transport.ts';
import type { Reason } from '../verify/reason.ts';

/** What a caller makes of an answer with status 200. */
export type Verdict<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** The content is bad for good: these are the very bytes that the archive means to give. */
  | { readonly kind: 'rejected'; readonly reason: Reason }
  /** The content is bad, perhaps only this time. `digest` tells whether the next answer is the same again. */
  | { readonly kind: 'again'; readonly reason: Reason; readonly digest: string };

export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'rejected'; readonly reason: Reason }
  /** No answer that counts, after every retry. */
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface GetRequest<T> {
  readonly url: URL;
  /** The most bytes a body may have. */
  readonly limit: number;
  /** A fresh sink for each attempt, where the body is not to be held in memory. */
  readonly openSink?: () => Sink;
  readonly check: (answer: Answer) => Verdict<T> | Promise<Verdict<T>>;
}

export interface ClientStats {
  readonly requests: number;
  readonly retries: number;
}

/** One GET with its check and its retries; disposing of it ends what is under way, and what waits to be tried again. */
export interface ArchiveClient extends AsyncDisposable {
  get<T>(request: GetRequest<T>): Promise<Outcome<T>>;
  readonly stats: ClientStats;
}

export interface ClientOptions extends TransportOptions {
  /** What the host asks for besides the URL; redirects, all of them to the same host, are followed without the query. */
  readonly access?: UrlAccess | undefined;
  readonly retry?: Partial<RetryPolicy>;
  /** ms, for a `Retry-After` that names a time. */
  readonly now?: () => number;
}

type Problem =
  | { readonly kind: 'content'; readonly reason: Reason; readonly digest: string }
  | { readonly kind: 'transport'; readonly failure: Failure };

/**
 * The client of an archive. Broken connections, timeouts, 429, 5xx and content that fails its check are retried
 * with full jitter; 404 is an answer; refusals (403, 451), redirects to another host and other statuses are
 * failures that no retry heals (B11). Content that is still bad at the end, with bytes that came before, is rejected.
 */
export function createClient(options: ClientOptions): ArchiveClient {
  const { now = Date.now, access = {} } = options;
  const closed = new AbortController();
  const signal = AbortSignal.any([options.signal, closed.signal]);
  const policy: RetryPolicy = { ...defaultRetryPolicy, ...options.retry };
  const transport = createTransport(options);
  const stats = { requests: 0, retries: 0 };

  async function fetchFollowing<T>(request: GetRequest<T>): Promise<Answer | Failure> {
    let { url } = request;
    for (let hop = 0; ; hop++) {
      stats.requests++;
      const sink = request.openSink?.();
      const { authorization } = access;
      const sent = hop === 0 ? access : { authorization };
      const answer = await transport.get({ url, access: sent, limit: request.limit, ...(sink && { sink }) });
      const location = answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined;
      if (typeof location !== 'string') return answer;
      const next = URL.parse(location, url.href);
      if (next === null || next.origin !== url.origin || hop === 5) return redirectRefused(url, location);
      url = next;
    }
  }

  async function get<T>(request: GetRequest<T>): Promise<Outcome<T>> {
    const { url } = request;
    const retried = await withRetries<Outcome<T>, Problem>(policy, signal, async (number) => {
      if (number > 1) stats.retries++;
      let answer: Answer | Failure;
      try {
        answer = await fetchFollowing(request);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SinkError) throw error.cause;
        return { kind: 'again', problem: { kind: 'transport', failure: unreachable(url, number, error) } };
      }
      if ('code' in answer) return { kind: 'done', value: { kind: 'failed', failure: answer } };
      const { status } = answer;
      if (status === 200) {
        const verdict = await request.check(answer);
        if (verdict.kind !== 'again') return { kind: 'done', value: verdict };
        return { kind: 'again', problem: { kind: 'content', reason: verdict.reason, digest: verdict.digest } };
      }
      if (status === 404) return { kind: 'done', value: { kind: 'absent' } };
      const failure = badStatus(url, status, number, access);
      if (status !== 429 && status !== 408 && status < 500) return { kind: 'done', value: { kind: 'failed', failure } };
      const retryAfter = parseRetryAfter(headerOf(answer, 'retry-after'), now());
      const problem: Problem = { kind: 'transport', failure };
      return retryAfter === undefined ? { kind: 'again', problem } : { kind: 'again', problem, retryAfter };
    });
    return retried.kind === 'done' ? retried.value : conclude(url, retried.problems);
  }

  return {
    get,
    stats,
    async [Symbol.asyncDispose]() {
      closed.abort(new Error('the client is closed'));
      await transport[Symbol.asyncDispose]();
    },
  };
}

export const headerOf = (answer: Answer, name: string): string | undefined => {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** Bad content is a fact about the archive once the same bytes came again; before that it is a fact about the way here. */
function conclude(url: URL, problems: readonly Problem[]): Outcome<never> {
  const last = problems.at(-1) as Problem;
  if (last.kind === 'transport') return { kind: 'failed', failure: last.failure };
  const same = problems.filter((problem) => problem.kind === 'content' && problem.digest === last.digest);
  if (same.length > 1) return { kind: 'rejected', reason: last.reason };
  return {
    kind: 'failed',
    failure: {
      code: 'ARCHIVE_RESPONSE',
      message: `every answer is bad in another way, at last: ${last.reason.text}`,
      details: {
        url: url.href,
        attempt: problems.length,
        hint: 'something on the way changes what it carries; try another network',
      },
    },
  };
}

function unreachable(url: URL, attempt: number, cause: unknown): Failure {
  return {
    code: 'ARCHIVE_UNREACHABLE',
    message: `no answer: ${textOf(cause)}`,
    details: {
      url: url.href,
      attempt,
      hint: 'check the network and the archive URL, then run again: what is staged stays',
      cause,
    },
  };
}

/** Connection errors of several addresses arrive as one error without a message. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return textOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

function redirectRefused(url: URL, location: string): Failure {
  return {
    code: 'ARCHIVE_RESPONSE',
    message: 'the archive redirects to another host, which is refused',
    details: {
      url: url.href,
      value: placeOf(location, url),
      hint: 'if the archive has moved, set PIPELINE_ARCHIVE_URL or PIPELINE_LISTING_URL to its new place',
    },
  };
}

/** Where a redirect leads: its query may repeat one that is secret. */
function placeOf(location: string, from: URL): string {
  const to = URL.parse(location, from.href);
  return to === null ? 'not a URL' : `${to.origin}${to.pathname}`;
}

function badStatus(url: URL, status: number, attempt: number, access: UrlAccess): Failure {
  const refusal = refusalOf(status, access);
  const details = { url: url.href, status, attempt };
  if (refusal !== undefined) {
    const { message, hint } = refusal;
    return { code: 'ARCHIVE_REFUSED', message, details: { ...details, hint } };
  }
  const busy = status === 429 || status >= 500;
  const hint = busy ? 'the host is busy or broken; run again later: what is staged stays' : 'check the archive URL';
  return { code: 'ARCHIVE_RESPONSE', message: `the host answers with status ${status}`, details: { ...details, hint } };
}
