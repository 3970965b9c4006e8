import { isTimeframe, type Timeframe } from './timeframes.ts';

/** Where each market lives in the archive. */
export const marketPaths = {
  spot: 'spot',
  'futures-um': 'futures/um',
  'futures-cm': 'futures/cm',
} as const;

export type InstrumentType = keyof typeof marketPaths;
export type Cadence = 'daily' | 'monthly';

/** One symbol's files of one market, cadence and timeframe: what one listing answers. */
export interface Series {
  readonly instrument_type: InstrumentType;
  readonly cadence: Cadence;
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

export interface ArchiveKey extends Series {
  /** `2025-06-17` for a daily file, `2025-06` for a monthly one. */
  readonly period: string;
}

export const seriesId = (series: Series): string =>
  `${series.instrument_type}/${series.cadence}/${series.timeframe}/${series.symbol}`;

/** `data/futures/um/daily/klines/`: below it the listing's prefixes are the symbols. */
export const marketPrefix = (instrument_type: InstrumentType, cadence: Cadence): string =>
  `data/${marketPaths[instrument_type]}/${cadence}/klines/`;

export const seriesPrefix = (series: Series): string =>
  `${marketPrefix(series.instrument_type, series.cadence)}${series.symbol}/${series.timeframe}/`;

export const archiveName = ({ symbol, timeframe, period }: ArchiveKey): string => `${symbol}-${timeframe}-${period}`;

export const formatKey = (key: ArchiveKey): string => `${seriesPrefix(key)}${archiveName(key)}.zip`;

const marketOfPath = new Map<string, InstrumentType>(
  Object.entries(marketPaths).map(([market, path]) => [path, market as InstrumentType]),
);
const keyPattern =
  /^data\/(spot|futures\/um|futures\/cm)\/(daily|monthly)\/klines\/([^/]+)\/([^/]+)\/\3-\4-(\d{4}-\d{2}(?:-\d{2})?)\.zip$/u;

/**
 * The parts of an object key, or `undefined` for anything that is no kline archive of the layout
 * (a CHECKSUM file, an unpadded month (A7), a folder, an empty name (A26)). Never guesses (B19).
 */
export function parseKey(key: string): ArchiveKey | undefined {
  const match = keyPattern.exec(key);
  if (!match) return undefined;
  const [, path, cadence, symbol, timeframe, period] = match as unknown as [
    string,
    string,
    Cadence,
    string,
    string,
    string,
  ];
  const instrument_type = marketOfPath.get(path);
  if (instrument_type === undefined || !isTimeframe(timeframe)) return undefined;
  const archiveKey: ArchiveKey = { instrument_type, cadence, symbol, timeframe, period };
  return periodOf(archiveKey) === undefined ? undefined : archiveKey;
}

/** UTC midnights in ms. */
type Period = { readonly start: number; readonly end: number };

/** The same few thousand days and months stand in all names. */
const periods: Readonly<Record<Cadence, Map<string, Period | undefined>>> = { daily: new Map(), monthly: new Map() };
const mostPeriods = 20_000;

/** `[start, end)` of an archive, or `undefined` where the period is no date of its cadence. */
export function periodOf({ cadence, period }: Pick<ArchiveKey, 'cadence' | 'period'>): Period | undefined {
  const known = periods[cadence];
  if (known.has(period)) return known.get(period);
  const found = readPeriod(cadence, period);
  if (known.size < mostPeriods) known.set(period, found);
  return found;
}

function readPeriod(cadence: Cadence, period: string): Period | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(period) ?? [];
  if (year === undefined || (day !== undefined) !== (cadence === 'daily')) return undefined;
  const first = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1)));
  // What is no date of the calendar rolls over into another month.
  if (first.getUTCFullYear() !== Number(year) || first.getUTCMonth() !== Number(month) - 1) return undefined;
  const start = first.getTime();
  return { start, end: day === undefined ? Date.UTC(Number(year), Number(month), 1) : start + 86_400_000 };
}
