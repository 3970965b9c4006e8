/** Days have no leap seconds and no daylight saving time: everything is UTC. */
export const msOfHour = 3_600_000;
export const msOfDay = 24 * msOfHour;

const steps = 'kmgt';

/**
 * A size: a number and a unit, with or without a blank between them, in any case. `kB`, `MB`, `GB` and `TB` are powers
 * of 1000, `KiB`, `MiB`, `GiB` and `TiB` of 1024, as DuckDB reads and prints sizes and reports print them.
 */
export const sizePattern = /^(\d{1,9}(?:\.\d{1,3})?) ?(?:([kKmMgGtT])([iI])?)?[bB]$/;

/** The bytes of a size such as `1 GB`, `64 MiB` or `4GB`; undefined if `text` is not one. */
export function parseSize(text: string): number | undefined {
  const [matched, count, step = '', binary] = sizePattern.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const power = step === '' ? 0 : steps.indexOf(step.toLowerCase()) + 1;
  return Math.round(Number(count) * (binary === undefined ? 1000 : 1024) ** power);
}

const msOf = { second: 1_000, minute: 60_000, hour: msOfHour, day: msOfDay, week: 7 * msOfDay } as const;

/** `30 days`, `1 hour`: a whole number and a unit whose length never varies, so no months. */
export const durationPattern = /^(\d{1,6}) (second|minute|hour|day|week)s?$/;

/** Returns the ms of a duration, or undefined if `text` is not one. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * msOf[unit as keyof typeof msOf];
}

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;

/**
 * Returns the instant that `2025-07-10` or `2025-07-10T09:00:00Z` names, or undefined if `text` is not one.
 * Without a zone it is UTC, never the machine's zone (B7); impossible days, such as 2025-02-30, are rejected.
 */
export function parseInstant(text: string): Date | undefined {
  const [, year, month, day, zone] = pattern.exec(text) ?? [];
  if (year === undefined) return undefined;
  const midnight = new Date(`${year}-${month}-01T00:00:00Z`);
  midnight.setUTCDate(Number(day));
  // `Date` rolls 02-30 over to March instead of rejecting it.
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCMonth() + 1 !== Number(month) || Number(day) === 0) {
    return undefined;
  }
  return new Date(text.includes('T') && zone === undefined ? `${text}Z` : text);
}

/** Formats an instant as `2025-06-17`, in UTC. */
export const formatDay = (instant: Date): string => instant.toISOString().slice(0, 10);
