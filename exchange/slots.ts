import { longestSlots, msOfDay, type Timeframe, timeframes } from './timeframes.ts';

/** 1970-01-05, the first Monday, in ms: weeks begin there (B18). */
export const firstMonday = 4 * msOfDay;

/** Time units per ms: 1 if times are in ms, 1000 if they are in µs. */
type Precision = 1 | 1000;

/** The slots of a series. Times are ms or µs since 1970, UTC. */
export interface Slots {
  /** Returns the number of the slot that contains a time: a bar off the grid belongs to the slot it opens in (A8). */
  slotOf(time: number): number;
  opensAt(slot: number): number;
}

/**
 * Returns the slots of a timeframe, numbered consecutively. Slots of 3d are counted from the day of `anyBar`, which is
 * any bar of the series; weeks begin on Monday, and months follow the calendar (B18). models/market/calendar.ts
 * implements the same rules in SQL.
 */
export function slotsOf(timeframe: Timeframe, anyBar: number, perMs: Precision = 1): Slots {
  if (timeframe === '1mo') {
    return {
      slotOf(time) {
        const date = new Date(Math.floor(time / perMs));
        return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
      },
      opensAt: (slot) => Date.UTC(1970, slot) * perMs,
    };
  }
  const length = (timeframes[timeframe] ?? longestSlots[timeframe as '3d' | '1w']) * perMs;
  const day = msOfDay * perMs;
  const from = timeframe === '3d' ? Math.floor(anyBar / day) * day : timeframe === '1w' ? firstMonday * perMs : 0;
  return { slotOf: (time) => Math.floor((time - from) / length), opensAt: (slot) => slot * length + from };
}
