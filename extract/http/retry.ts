import { setTimeout as sleep } from 'node:timers/promises';
import type { UrlAccess } from '../../engine/index.ts';

export interface RetryPolicy {
  /** Attempts in all, the first included, unless there is patience left. */
  readonly attempts: number;
  /** ms; what may heal by itself is tried at least once more after so long, however many attempts that takes. */
  readonly patience: number;
  /** ms; the delay before the n-th retry is random between 0 and `base × 2^(n-1)`, at most `longest`. */
  readonly base: number;
  readonly longest: number;
  /** A `Retry-After` longer than this many ms is cut to it. */
  readonly longestRetryAfter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Eight attempts outlast seven failures in a row, the patience a server that restarts (A33). */
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
  /** `retryAfter` in ms, where the host named one. `outlast`: whether the problem is worth the patience of the policy. */
  | { readonly kind: 'again'; readonly problem: Problem; readonly retryAfter?: number; readonly outlast?: boolean };

export type Retried<T, Problem> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'exhausted'; readonly problems: readonly Problem[] };

/** Full jitter, so that clients that failed together do not come back together. */
export function delayBefore(retry: number, policy: RetryPolicy, retryAfter = 0): number {
  const ceiling = Math.min(policy.longest, policy.base * 2 ** (retry - 1));
  return Math.max(Math.min(retryAfter, policy.longestRetryAfter), policy.random() * ceiling);
}

/** The header as ms from `now`, whether it counts seconds or names a time; `undefined` where it does neither. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}

export interface RetryLimits {
  /** `performance.now()` of the failure that the patience counts from, where that is before the first of this request. */
  readonly failingSince?: () => number | undefined;
  /** `performance.now()` after which nothing is tried again. */
  readonly deadline?: number;
}

/** Attempts until one is done or none is left. Throws what an attempt throws, and the reason of an abort. */
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

const elsewhere = 'run from a network that the host serves, or point PIPELINE_ARCHIVE_URL at a mirror';
const places = 'in PIPELINE_ARCHIVE_URL, PIPELINE_LISTING_URL or the target in pipeline.yaml';

/** Returns the meaning of a status that refuses access and what to do about it; undefined for any other status. */
export function refusalOf(
  status: number,
  { authorization, query }: UrlAccess,
): { readonly message: string; readonly hint: string } | undefined {
  switch (status) {
    case 401:
      return {
        message:
          authorization === undefined
            ? 'the host asks for a user and a password, and the URL has none'
            : 'the host does not accept the user and the password of the URL',
        hint: `write them as https://user:password@host/…, percent-encoded, ${places}`,
      };
    case 403: {
      const given = [...(authorization ? ['user'] : []), ...(query ? ['query'] : [])].join(' and ');
      const reasons = 'a blocked address or network, or a bucket that is not public';
      return given === ''
        ? { message: `the host refuses access from here: ${reasons}`, hint: elsewhere }
        : {
            message: `the host refuses access to the ${given} of the URL, or from here: no right to read, or no longer, ${reasons}`,
            hint: `check that the ${given} may still read it, ${places}; else ${elsewhere}`,
          };
    }
    case 407:
      return {
        message: 'the proxy asks for a user and a password, or does not accept those that it was given',
        hint: 'write them as http://user:password@proxy:port, percent-encoded, in HTTP_PROXY or HTTPS_PROXY',
      };
    case 451:
      return { message: 'the host does not serve this country, for legal reasons', hint: elsewhere };
    default:
      return undefined;
  }
}
