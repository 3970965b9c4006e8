import { periodOf } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';

export const msOfSecond = 1_000;
export const msOfMinute = 60_000;

/** Days since 1970-01-01 of a date such as `2025-06-17`. */
export const dayOf = (date: string): number => Date.parse(`${date}T00:00:00Z`) / msOfDay;

export const dateOf = (day: number): string => new Date(day * msOfDay).toISOString().slice(0, 10);

/** The first Monday after a month such as `2025-06`: the earliest day its monthly files appear. */
export function firstMondayAfter(month: string): number {
  const period = periodOf({ cadence: 'monthly', period: month });
  if (!period) throw new RangeError(`'${month}' is no month`);
  const first = period.end / msOfDay;
  // 1970-01-05, day 4, was a Monday.
  return first + ((((4 - first) % 7) + 7) % 7);
}
