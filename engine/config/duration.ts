const msOf = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;

/** `30 days`, `1 hour`: a whole number and a unit whose length never varies, so no months. */
export const durationPattern = /^(\d{1,6}) (second|minute|hour|day|week)s?$/;

/** The ms of a duration, or undefined where `text` is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * msOf[unit as keyof typeof msOf];
}
