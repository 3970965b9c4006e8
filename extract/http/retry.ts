import { setTimeout as sleep } from 'node:timers/promises';
import type { UrlAccess } from '../../engine/index.ts';

export interface RetryPolicy {
  /** Total attempts, including the first one. Patience can add more. */
  readonly attempts: number;
  /** ms for which problems that may pass by themselves are retried at least, whatever the number of attempts. */
  readonly patience: number;
  /** ms. The delay before the n-th retry is random between 0 and `base × 2^(n-1)`, and at most `longest`. */
  readonly base: number;
  readonly longest: number;
  /** The maximum delay in ms that a `Retry-After` can demand. */
  readonly longestRetryAfter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Eight attempts survive seven consecutive failures, and the patience survives a server that restarts (A33). */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 8,
  patience: 30_000,
  base: 100,
  longest: 10_000,
  longestRetryAfter: 30_000,
  random: Math.random,
};

export type Attempt<T, Problem> =
  | { readonly kind: 'done'; readonly value: T }
  /** `retryAfter` is in ms, if the host sent one. `outlast` is true if the policy's patience applies to the problem. */
  | { readonly kind: 'again'; readonly problem: Problem; readonly retryAfter?: number; readonly outlast?: boolean };

export type Retried<T, Problem> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'exhausted'; readonly problems: readonly Problem[] };

/** Returns a delay with full jitter, so that clients that failed together do not retry together. */
export function delayBefore(retry: number, policy: RetryPolicy, retryAfter = 0): number {
  const ceiling = Math.min(policy.longest, policy.base * 2 ** (retry - 1));
  return Math.max(Math.min(retryAfter, policy.longestRetryAfter), policy.random() * ceiling);
}

/** Parses a `Retry-After` header of seconds or a date as ms from `now`. Returns `undefined` if it is neither. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}

export interface RetryLimits {
  /**
   * Returns the `performance.now()` from which patience is measured, if that is before this request's first failure.
   */
  readonly failingSince?: () => number | undefined;
  /** The `performance.now()` after which nothing is retried. */
  readonly deadline?: number;
}

/** Makes attempts until one is done or none is left. Throws what an attempt throws, and the reason of an abort. */
export async function withRetries<T, Problem>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: (number: number) => Promise<Attempt<T, Problem>>,
  { failingSince, deadline = Number.POSITIVE_INFINITY }: RetryLimits = {},
): Promise<Retried<T, Problem>> {
  const problems: Problem[] = [];
  let first: number | undefined;
  for (let number = 1; ; number++) {
    const begun = performance.now();
    const result = await attempt(number);
    if (result.kind === 'done') return result;
    problems.push(result.problem);
    first ??= performance.now();
    const since = Math.min(first, failingSince?.() ?? first);
    const isPatient = result.outlast === true && begun < since + policy.patience;
    if (number >= policy.attempts && !isPatient) return { kind: 'exhausted', problems };
    const delay = delayBefore(number, policy, result.retryAfter);
    if (performance.now() + delay >= deadline) return { kind: 'exhausted', problems };
    await sleep(delay, undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
  }
}

const elsewhere = 'run from a network that the host serves, or set PIPELINE_ARCHIVE_URL to a mirror';
const places = 'in PIPELINE_ARCHIVE_URL, PIPELINE_LISTING_URL or the target in pipeline.yaml';

/** Returns what a status that refuses access means, and what to do. Returns `undefined` for any other status. */
export function refusalOf(
  status: number,
  { authorization, query }: UrlAccess,
): { readonly message: string; readonly hint: string } | undefined {
  switch (status) {
    case 401:
      return {
        message:
          authorization === undefined
            ? 'the host requires a user and a password, but the URL has none'
            : 'the host does not accept the user and the password in the URL',
        hint: `write them as https://user:password@host/…, percent-encoded, ${places}`,
      };
    case 403: {
      const given = [...(authorization ? ['user'] : []), ...(query ? ['query'] : [])].join(' and ');
      const reasons = 'the address or network may be blocked, or the bucket may not be public';
      return given === ''
        ? { message: `the host refuses access from here: ${reasons}`, hint: elsewhere }
        : {
            message: `the host refuses access with the ${given} of the URL: it may lack or have lost the right to read, ${reasons}`,
            hint: `check that the ${given} may still read it, ${places}; otherwise ${elsewhere}`,
          };
    }
    case 407:
      return {
        message: 'the proxy requires a user and a password, or does not accept those it was given',
        hint: 'write them as http://user:password@proxy:port, percent-encoded, in HTTP_PROXY or HTTPS_PROXY',
      };
    case 451:
      return { message: 'the host does not serve this country, for legal reasons', hint: elsewhere };
    default:
      return undefined;
  }
}
