import { isTimeframe, msOfDay, msOfHour, type Timeframe, timeframes } from './timeframes.ts';
import { type Cadence, cadences, type DataSource, type InstrumentType, instrumentTypes } from './vocabulary.ts';

/** Where the publisher serves the archive: its keys follow. */
export const publicArchive = 'https://data.binance.vision/';

/** One symbol and timeframe of a market, wherever its bars come from. */
export interface BarSeries {
  readonly instrument_type: InstrumentType;
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/** One symbol's files of one market, cadence and timeframe: what one listing answers. */
export interface Series extends BarSeries {
  readonly cadence: Cadence;
}

export interface ArchiveKey extends Series {
  /** `2025-06-17` for a daily file, `2025-06` for a monthly one. */
  readonly period: string;
}

/** A file of bars that the exchange's API gave. */
export interface RestKey extends BarSeries {
  readonly cadence: 'rest';
  /** `2025-06-17` for slots shorter than an hour, else `2025-06`: a file of bars stays small. */
  readonly period: string;
}

/** A file of the ledger. */
export type StagedKey = ArchiveKey | RestKey;

export const barSeriesId = ({ instrument_type, timeframe, symbol }: BarSeries): string =>
  `${instrument_type}/${timeframe}/${symbol}`;

export const seriesId = ({ instrument_type, cadence, timeframe, symbol }: Series): string =>
  `${instrument_type}/${cadence}/${timeframe}/${symbol}`;

/** Where each market lives in the archive. */
const folders = {
  spot: 'spot',
  'futures-um': 'futures/um',
  'futures-cm': 'futures/cm',
} as const satisfies Record<InstrumentType, string>;

/** `data/futures/um/daily/klines/`: below it the listing's prefixes are the symbols. */
export const marketPrefix = (instrument_type: InstrumentType, source: DataSource): string =>
  `data/${folders[instrument_type]}/${source}/klines/`;

export const seriesPrefix = (series: BarSeries & { readonly cadence: DataSource }): string =>
  `${marketPrefix(series.instrument_type, series.cadence)}${series.symbol}/${series.timeframe}/`;

/** The name of a file without its extension. */
export const archiveName = ({ symbol, timeframe, period }: Omit<StagedKey, 'cadence'>): string =>
  `${symbol}-${timeframe}-${period}`;

/** The key of an object of the archive. A file of the exchange's bars has one of the same form, with `rest` and `.csv`. */
export const formatKey = (key: StagedKey): string =>
  `${seriesPrefix(key)}${archiveName(key)}.${key.cadence === 'rest' ? 'csv' : 'zip'}`;

/** The ledger notes under this key that the exchange does not know a symbol (any more). */
export const unknownSymbolKey = ({ instrument_type, symbol }: Omit<BarSeries, 'timeframe'>): string =>
  `${marketPrefix(instrument_type, 'rest')}${symbol}`;

const markets = new Map<string, InstrumentType>(instrumentTypes.map((market) => [folders[market], market]));
const root = `^data/(${[...markets.keys()].join('|')})`;
const klines = 'klines/([^/]+)/([^/]+)/\\3-\\4-(\\d{4}-\\d{2}(?:-\\d{2})?)';
const archivePattern = new RegExp(`${root}/(${cadences.join('|')})/${klines}\\.zip$`, 'u');
const restPattern = new RegExp(`${root}/(rest)/${klines}\\.csv$`, 'u');
const unknownPattern = new RegExp(`${root}/rest/klines/([^/]+)$`, 'u');

function read<Key extends StagedKey>(key: string, pattern: RegExp): Key | undefined {
  const [, folder = '', cadence, symbol, timeframe = '', period] = pattern.exec(key) ?? [];
  const instrument_type = markets.get(folder);
  if (instrument_type === undefined || !isTimeframe(timeframe)) return undefined;
  const found = { instrument_type, cadence, symbol, timeframe, period } as Key;
  return periodOf(found) === undefined ? undefined : found;
}

/**
 * The parts of an object key, or `undefined` for anything that is not a kline archive of the layout
 * (a CHECKSUM file, an unpadded month (A7), a folder, an empty name (A26)). Never guesses (B19).
 */
export const parseKey = (key: string): ArchiveKey | undefined => read(key, archivePattern);

/** The parts of the key of a file of the exchange's bars. */
export const parseRestKey = (key: string): RestKey | undefined => read(key, restPattern);

/** The parts of a key of the ledger, of an archive or a file of the exchange's bars. */
export const parseStagedKey = (key: string): StagedKey | undefined => parseKey(key) ?? parseRestKey(key);

/** The parts of `unknownSymbolKey`. */
export function parseUnknownSymbolKey(key: string): Omit<BarSeries, 'timeframe'> | undefined {
  const [, folder = '', symbol] = unknownPattern.exec(key) ?? [];
  const instrument_type = markets.get(folder);
  return instrument_type === undefined || symbol === undefined ? undefined : { instrument_type, symbol };
}

/** UTC midnights in ms. */
export type Period = { readonly start: number; readonly end: number };

/** The same few thousand days and months occur in all names. */
const periods = new Map<string, Period | undefined>();
const mostPeriods = 40_000;

/** `[start, end)` of a file, or `undefined` where the period is not a date of its cadence. */
export function periodOf({ cadence, period }: Pick<StagedKey, 'cadence' | 'period'>): Period | undefined {
  const isDay = period.length === '2025-06-17'.length;
  if (cadence !== 'rest' && isDay !== (cadence === 'daily')) return undefined;
  if (periods.has(period)) return periods.get(period);
  const found = readPeriod(period);
  if (periods.size < mostPeriods) periods.set(period, found);
  return found;
}

function readPeriod(period: string): Period | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(period) ?? [];
  if (year === undefined) return undefined;
  const first = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day ?? 1)));
  // What is not a date of the calendar rolls over into another month.
  if (first.getUTCFullYear() !== Number(year) || first.getUTCMonth() !== Number(month) - 1) return undefined;
  const start = first.getTime();
  return { start, end: day === undefined ? Date.UTC(Number(year), Number(month), 1) : start + msOfDay };
}

/** The period of the file of the exchange's bars that a bar belongs in; `open` in ms. */
export function periodOfBar(timeframe: Timeframe, open: number): string {
  const length = timeframes[timeframe];
  return new Date(open).toISOString().slice(0, length !== undefined && length < msOfHour ? 10 : 7);
}
