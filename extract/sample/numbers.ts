import { periodOf } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';

/** A seeded stream of random numbers. The same labels give the same stream on every machine. */
export interface Random {
  /** Returns a number that is uniformly distributed on [0, 1). */
  uniform(): number;
  /** Returns a number from a distribution with mean 0 and standard deviation 1, never beyond ±4.3. */
  normal(): number;
}

/** Returns a 32-bit hash of a text (FNV-1a over UTF-16 units, then the finalizer of MurmurHash3). */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Creates a mulberry32 generator that is seeded by its labels, so that no stream depends on the use of another one. */
export function createRandom(...labels: readonly (string | number)[]): Random {
  let state = hash32(labels.join('\0'));
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  // A sum of six uniform numbers, because log and cos are not bit-exact across engines and processors.
  const normal = (): number => (uniform() + uniform() + uniform() + uniform() + uniform() + uniform() - 3) * Math.SQRT2;
  return { uniform, normal };
}

/**
 * Computes e^x to about ten digits with sums and products only: the last bit of `Math.exp` may differ between builds.
 */
export function exp(x: number): number {
  const t = x / 4096;
  let power = 1 + t * (1 + (t / 2) * (1 + (t / 3) * (1 + t / 4)));
  for (let i = 0; i < 12; i++) power *= power;
  return power;
}

/**
 * Returns the decimals of a published figure. Figures are integers in units of the last one, so that texts are exact.
 */
export const decimalsOf = (text: string): number => text.split('.')[1]?.length ?? 0;

/** Returns 10^decimals exactly, which `**` does not guarantee. */
export const unitsPerOne = (decimals: number): number => Number(`1e${decimals}`);

/** Formats a figure as the archive does: with padded decimals, but zero as a bare `0` (A5). */
export function decimalText(units: number, decimals: number): string {
  if (units === 0 || decimals === 0) return String(units);
  const digits = String(units).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

export const msOfSecond = 1_000;
export const msOfMinute = 60_000;

/** Returns the days since 1970-01-01 of a date such as `2025-06-17`. */
export const dayOf = (date: string): number => Date.parse(`${date}T00:00:00Z`) / msOfDay;

export const dateOf = (day: number): string => new Date(day * msOfDay).toISOString().slice(0, 10);

/** Returns the first Monday after a month such as `2025-06`, on which its monthly archives are published. */
export function firstMondayAfter(month: string): number {
  const period = periodOf({ cadence: 'monthly', period: month });
  if (!period) throw new RangeError(`'${month}' is not a month`);
  const first = period.end / msOfDay;
  // 1970-01-05, day 4, was a Monday.
  return first + ((((4 - first) % 7) + 7) % 7);
}
