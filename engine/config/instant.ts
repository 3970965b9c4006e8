const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;

/**
 * The instant that `2025-07-10` or `2025-07-10T09:00:00Z` names, or undefined where `text` is none.
 * Without a zone it is UTC, never the machine's zone (B7); days that no calendar has, such as 2025-02-30, are none.
 */
export function parseInstant(text: string): Date | undefined {
  const [, year, month, day, zone] = pattern.exec(text) ?? [];
  if (year === undefined) return undefined;
  const midnight = new Date(`${year}-${month}-01T00:00:00Z`);
  midnight.setUTCDate(Number(day));
  // `Date` rolls 02-30 over to March instead of refusing it.
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCMonth() + 1 !== Number(month) || Number(day) === 0) {
    return undefined;
  }
  return new Date(text.includes('T') && zone === undefined ? `${text}Z` : text);
}

/** `2025-06-17` of an instant, in UTC. */
export const formatDay = (instant: Date): string => instant.toISOString().slice(0, 10);
