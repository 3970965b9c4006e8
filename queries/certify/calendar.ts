import type { Timeframe } from '../timeframes.ts';
import { timeframes } from '../timeframes.ts';

const dayUs = 86_400_000_000;
/** 1970-01-05, a Monday. */
const firstMondayUs = 4 * dayUs;

/** The slots of a series; times are µs since 1970, UTC. */
export interface Calendar {
  /** Number of the slot that a time falls in; slots are numbered without a hole. */
  slotOf(us: number): number;
  opensAt(slot: number): number;
}

/** Slots of 3d begin where the first bar of the series does, weeks on Monday, months by the calendar (B18). */
export function calendarOf(timeframe: Timeframe, firstBarUs: number): Calendar {
  if (timeframe === '1mo') {
    return {
      slotOf(us) {
        const time = new Date(us / 1000);
        return (time.getUTCFullYear() - 1970) * 12 + time.getUTCMonth();
      },
      opensAt: (slot) => Date.UTC(1970, slot) * 1000,
    };
  }
  const ms = timeframes[timeframe];
  const length = ms !== undefined ? ms * 1000 : (timeframe === '3d' ? 3 : 7) * dayUs;
  const from = ms !== undefined ? 0 : timeframe === '3d' ? Math.floor(firstBarUs / dayUs) * dayUs : firstMondayUs;
  return { slotOf: (us) => Math.floor((us - from) / length), opensAt: (slot) => slot * length + from };
}

/** `2018-02-09T09:28:14.789Z`, with µs where there are any. */
export function isoOf(us: number): string {
  const text = new Date(Math.floor(us / 1000)).toISOString();
  const rest = us % 1000;
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

export function usOf(iso: string): number {
  const [, rest = '0'] = /\.\d{3}(\d{3})Z$/.exec(iso) ?? [];
  return Date.parse(iso.replace(/(\.\d{3})\d{3}Z$/, '$1Z')) * 1000 + Number(rest);
}
