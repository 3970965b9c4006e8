import { longestSlots, msOfDay, type Timeframe, timeframes } from './timeframes.ts';

/** 1970-01-05, the first Monday, in ms: weeks begin there (B18). */
export const firstMonday = 4 * msOfDay;

/** Times per ms: of ms 1, of µs 1000. */
type Precision = 1 | 1000;

/** The slots of a series; times are ms or µs since 1970, UTC. */
export interface Slots {
  /** Number of the slot that a time falls in, so that a bar off the grid has the one that it opens in (A8). */
  slotOf(time: number): number;
  opensAt(slot: number): number;
}

/**
 * Slots are numbered without a hole. Those of 3d begin on the day of `anyBar`, a bar of the series; weeks on Monday;
 * months by the calendar (B18). models/market/calendar.ts says the same in SQL.
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
