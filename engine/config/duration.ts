import { msOfDay, msOfHour } from '../units.ts';

const msOf = { second: 1_000, minute: 60_000, hour: msOfHour, day: msOfDay, week: 7 * msOfDay } as const;

/** `30 days`, `1 hour`: a whole number and a unit whose length never varies, so no months. */
export const durationPattern = /^(\d{1,6}) (second|minute|hour|day|week)s?$/;

/** The ms of a duration, or undefined where `text` is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * msOf[unit as keyof typeof msOf];
}
