import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** ms; the delay before the n-th retry is random between 0 and `base × 2^(n-1)`, at most `longest`. */
  readonly base: number;
  readonly longest: number;
  /** A `Retry-After` longer than this many ms is cut to it. */
  readonly longestRetryAfter: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Eight attempts outlast seven failures in a row; the delays add up to 13 s at most. */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 8,
  base: 100,
  longest: 10_000,
  longestRetryAfter: 30_000,
  random: Math.random,
};

export type Attempt<T, Problem> =
  | { readonly kind: 'done'; readonly value: T }
  /** `retryAfter` in ms, where the host named one. */
  | { readonly kind: 'again'; readonly problem: Problem; readonly retryAfter?: number };

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

/** Attempts until one is done or none is left. Throws what an attempt throws, and the reason of an abort. */
export async function withRetries<T, Problem>(
  policy: RetryPolicy,
  signal: AbortSignal,
  attempt: (number: number) => Promise<Attempt<T, Problem>>,
): Promise<Retried<T, Problem>> {
  const problems: Problem[] = [];
  for (let number = 1; ; number++) {
    const result = await attempt(number);
    if (result.kind === 'done') return result;
    problems.push(result.problem);
    if (number >= policy.attempts) return { kind: 'exhausted', problems };
    await sleep(delayBefore(number, policy, result.retryAfter), undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
  }
}
