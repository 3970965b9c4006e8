import type { UrlAccess } from '../../engine/index.ts';
import type { Failure } from '../failure.ts';
import {
  type Attempt,
  defaultRetryPolicy,
  parseRetryAfter,
  type RetryPolicy,
  refusalOf,
  withRetries,
} from '../http/retry.ts';
import { type Answer, createTransport, type Sink, SinkError, type TransportOptions } from '../http/transport.ts';
import { formatReason, type Reason } from '../verify/reason.ts';

/** A caller's verdict on a response with status 200. */
export type Verdict<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** These are not the requested bytes, but an error page, a truncated body or another version. */
  | { readonly kind: 'again'; readonly reason: Reason };

export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'absent' }
  /** There was no usable response after all retries. `reason` says why the last one with status 200 was unusable. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly reason?: Reason };

export interface GetRequest<T> {
  readonly url: URL;
  /** The maximum number of bytes in a body. */
  readonly limit: number;
  /** Opens a new sink for each attempt, if the body is not to be kept in memory. */
  readonly openSink?: () => Sink;
  /** The `performance.now()` after which the request is given up. */
  readonly deadline?: number;
  readonly check: (answer: Answer) => Verdict<T> | Promise<Verdict<T>>;
}

export interface ClientStats {
  readonly requests: number;
  readonly retries: number;
}

/**
 * Sends GET requests, with checks and retries. Disposing of it ends those in progress and those that wait for a retry.
 */
export interface ArchiveClient extends AsyncDisposable {
  get<T>(request: GetRequest<T>): Promise<Outcome<T>>;
  readonly stats: ClientStats;
}

export interface ClientOptions extends TransportOptions {
  /**
   * User, password and query of the URL. Redirects, which may only lead to the same host, are followed without query.
   */
  readonly access?: UrlAccess | undefined;
  readonly retry?: Partial<RetryPolicy>;
  /** The current time in ms, for a `Retry-After` that contains a date. */
  readonly now?: () => number;
}

/** Connection errors that are caused by this machine and not by a host. */
const ofThisMachine = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

type Failed = Extract<Outcome<never>, { kind: 'failed' }>;

/**
 * Creates the client of an archive. Broken connections, timeouts, 403 (A33), 429, 5xx and content that fails its check
 * are retried with full jitter. 404 is a valid answer. 451, redirects to another host and other statuses are failures
 * that are not retried (B11). The patience of retries is measured from the host's last response to any request, so that
 * a host that is down is detected once instead of by every request.
 */
export function createClient(options: ClientOptions): ArchiveClient {
  const { now = Date.now, access = {} } = options;
  const closed = new AbortController();
  const signal = AbortSignal.any([options.signal, closed.signal]);
  const policy: RetryPolicy = { ...defaultRetryPolicy, ...options.retry };
  const transport = createTransport(options);
  const stats = { requests: 0, retries: 0 };
  let failingSince: number | undefined;

  async function fetchFollowing<T>(request: GetRequest<T>): Promise<Answer | Failure> {
    let { url } = request;
    for (let hop = 0; ; hop++) {
      stats.requests++;
      const sink = request.openSink?.();
      const { limit, deadline } = request;
      const { authorization } = access;
      const answer = await transport.get({
        ...{ url, limit, access: hop === 0 ? access : { authorization } },
        ...(sink && { sink }),
        ...(deadline !== undefined && { deadline }),
      });
      const location = answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined;
      if (typeof location !== 'string') return answer;
      const next = URL.parse(location, url.href);
      if (next === null || next.origin !== url.origin || hop === 5) return redirectRefused(url, location);
      url = next;
    }
  }

  async function get<T>(request: GetRequest<T>): Promise<Outcome<T>> {
    const { url } = request;
    async function attempt(number: number): Promise<Attempt<Outcome<T>, Failed>> {
      const done = (value: Outcome<T>) => ({ kind: 'done', value }) as const;
      const answered = (value: Outcome<T>) => {
        failingSince = undefined;
        return done(value);
      };
      const outlast = (failure: Failure, retryAfter?: number) => {
        failingSince ??= performance.now();
        const problem: Failed = { kind: 'failed', failure };
        return { kind: 'again', problem, outlast: true, ...(retryAfter !== undefined && { retryAfter }) } as const;
      };
      if (number > 1) stats.retries++;
      let answer: Answer | Failure;
      try {
        answer = await fetchFollowing(request);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SinkError) throw error.cause;
        if (ofThisMachine.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return outlast(unreachable(url, number, error));
      }
      if ('code' in answer) return done({ kind: 'failed', failure: answer });
      const { status } = answer;
      if (status === 200) {
        const verdict = await request.check(answer);
        if (verdict.kind === 'ok') return answered(verdict);
        return { kind: 'again', problem: otherBytes(url, number, verdict.reason) };
      }
      if (status === 404) return answered({ kind: 'absent' });
      const failure = badStatus(url, status, number, access);
      const mayPass = status === 403 || status === 408 || status === 429 || status >= 500;
      if (!mayPass) return done({ kind: 'failed', failure });
      return outlast(failure, parseRetryAfter(headerOf(answer, 'retry-after'), now()));
    }
    const { deadline } = request;
    const limits = { failingSince: () => failingSince, ...(deadline !== undefined && { deadline }) };
    const retried = await withRetries(policy, signal, attempt, limits);
    return retried.kind === 'done' ? retried.value : (retried.problems.at(-1) as Failed);
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

/** Bytes that differ from the listed ones say nothing about the archive, however often they are received (B23). */
const otherBytes = (url: URL, attempt: number, reason: Reason): Failed => ({
  kind: 'failed',
  reason,
  failure: {
    code: 'ARCHIVE_RESPONSE',
    message: formatReason(reason),
    details: {
      url: url.href,
      attempt,
      hint: 'the host, or a proxy in between, sends other bytes than the listing says: run again later',
    },
  },
});

function unreachable(url: URL, attempt: number, cause: unknown): Failure {
  return {
    code: 'ARCHIVE_UNREACHABLE',
    message: `no answer: ${textOf(cause)}`,
    details: {
      url: url.href,
      attempt,
      hint: 'check the network and the archive URL, then run again: staged archives are kept',
      cause,
    },
  };
}

/** Returns the message of an error. Connection errors of several addresses arrive as one error without a message. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return textOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

function redirectRefused(url: URL, location: string): Failure {
  return {
    code: 'ARCHIVE_RESPONSE',
    message: 'the archive redirects to another host, which is not followed',
    details: {
      url: url.href,
      value: placeOf(location, url),
      hint: 'if the archive has moved, set PIPELINE_ARCHIVE_URL or PIPELINE_LISTING_URL to its new address',
    },
  };
}

/** Returns the target of a redirect without its query, which may repeat a secret. */
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
  const hint = busy
    ? 'the host is overloaded or broken: run again later; staged archives are kept'
    : 'check the archive URL';
  return { code: 'ARCHIVE_RESPONSE', message: `the host answers with status ${status}`, details: { ...details, hint } };
}

/** Returns the URL of an object, with every part of the key percent-encoded as UTF-8 (A22). */
export function objectUrl(base: string, key: string): URL {
  return new URL(`${base.replace(/\/+$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`);
}
