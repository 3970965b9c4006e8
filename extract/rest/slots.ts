import { type Timeframe, timeframes } from '../archive/timeframes.ts';

const day = 86_400_000;
/** 1970-01-05, a Monday. */
const firstMonday = 4 * day;

/** The slots of a series; times are ms since 1970, UTC. */
export interface Slots {
  /** Number of the slot that a time falls in, so that a bar off the grid has the one that it opens in (A8). */
  slotOf(ms: number): number;
  opensAt(slot: number): number;
}

/** Slots of 3d begin where a bar of the series does, weeks on Monday, months by the calendar (B18). */
export function slotsOf(timeframe: Timeframe, anyBar: number): Slots {
  if (timeframe === '1mo') {
    return {
      slotOf(ms) {
        const time = new Date(ms);
        return (time.getUTCFullYear() - 1970) * 12 + time.getUTCMonth();
      },
      opensAt: (slot) => Date.UTC(1970, slot),
    };
  }
  const length = timeframes[timeframe] ?? (timeframe === '3d' ? 3 : 7) * day;
  const from = timeframe === '3d' ? Math.floor(anyBar / day) * day : timeframe === '1w' ? firstMonday : 0;
  return { slotOf: (ms) => Math.floor((ms - from) / length), opensAt: (slot) => slot * length + from };
}
