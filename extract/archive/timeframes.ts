const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Every timeframe of the archive; the length in ms where it is fixed and aligned to the epoch. */
export const timeframes = {
  '1s': 1_000,
  '1m': minute,
  '3m': 3 * minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '30m': 30 * minute,
  '1h': hour,
  '2h': 2 * hour,
  '4h': 4 * hour,
  '6h': 6 * hour,
  '8h': 8 * hour,
  '12h': 12 * hour,
  '1d': day,
  '3d': undefined,
  '1w': undefined,
  '1mo': undefined,
} as const satisfies Record<string, number | undefined>;

export type Timeframe = keyof typeof timeframes;

export const isTimeframe = (text: string): text is Timeframe => Object.hasOwn(timeframes, text);

/** The daily tree stops at 1d. */
export const dailyTimeframes: ReadonlySet<Timeframe> = new Set(
  (Object.keys(timeframes) as Timeframe[]).filter((timeframe) => timeframes[timeframe] !== undefined),
);
