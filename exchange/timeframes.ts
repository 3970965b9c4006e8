const minute = 60_000;
export const msOfHour = 60 * minute;
export const msOfDay = 24 * msOfHour;

/** Every timeframe of the archive, shortest first, with its length in ms if that is fixed and aligned to the epoch. */
export const timeframes = {
  '1s': 1_000,
  '1m': minute,
  '3m': 3 * minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '30m': 30 * minute,
  '1h': msOfHour,
  '2h': 2 * msOfHour,
  '4h': 4 * msOfHour,
  '6h': 6 * msOfHour,
  '8h': 8 * msOfHour,
  '12h': 12 * msOfHour,
  '1d': msOfDay,
  '3d': undefined,
  '1w': undefined,
  '1mo': undefined,
} as const satisfies Record<string, number | undefined>;

export type Timeframe = keyof typeof timeframes;

export const timeframeNames = Object.keys(timeframes) as [Timeframe, ...Timeframe[]];

/** A timeframe whose slots do not begin at multiples of a fixed length since 1970. */
type UnalignedTimeframe = { [T in Timeframe]: (typeof timeframes)[T] extends number ? never : T }[Timeframe];

/** The longest possible slot of each unaligned timeframe, in ms. */
export const longestSlots = {
  '3d': 3 * msOfDay,
  '1w': 7 * msOfDay,
  '1mo': 31 * msOfDay,
} as const satisfies Record<UnalignedTimeframe, number>;

/** The longest possible slot of a timeframe, in ms. */
export const longestSlot = (timeframe: Timeframe): number =>
  timeframes[timeframe] ?? longestSlots[timeframe as UnalignedTimeframe];

export const isTimeframe = (text: string): text is Timeframe => Object.hasOwn(timeframes, text);

/** Timeframes that the daily tree has: none longer than 1d. */
export const dailyTimeframes: ReadonlySet<Timeframe> = new Set(
  timeframeNames.filter((timeframe) => timeframes[timeframe] !== undefined),
);

/** A timeframe as a caller may write it: the exchange's API calls a month `1M`. */
export type GivenTimeframe = Timeframe | '1M';

/** Returns `1mo` for `1M`, which must not be confused with `1m`, and any other name unchanged. */
export const timeframeAlias = (name: string): string => (name === '1M' ? '1mo' : name);

/** Returns a timeframe as the exchange's API spells it. */
export const apiTimeframe = (timeframe: Timeframe): GivenTimeframe => (timeframe === '1mo' ? '1M' : timeframe);

/** Returns the coarser timeframes whose bars consist of a whole number of bars of this one. */
export function coarserThan(timeframe: Timeframe): readonly Timeframe[] {
  const source = timeframes[timeframe];
  if (source === undefined) return [];
  return timeframeNames.filter((name) => {
    const target = timeframes[name];
    return target === undefined || (target > source && target % source === 0);
  });
}
