import { isTimeframe, msOfDay, msOfHour, type Timeframe, timeframes } from './timeframes.ts';
import { type Cadence, cadences, type DataSource, type InstrumentType, instrumentTypes } from './vocabulary.ts';

/** The URL at which the publisher serves the archive. A key is appended to it. */
export const publicArchive = 'https://data.binance.vision/';

/** One symbol and timeframe of a market, regardless of where its bars come from. */
export interface BarSeries {
  readonly instrument_type: InstrumentType;
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

/** The files of one symbol, market, cadence and timeframe: the result of one listing. */
export interface Series extends BarSeries {
  readonly cadence: Cadence;
}

export interface ArchiveKey extends Series {
  /** `2025-06-17` for a daily file, `2025-06` for a monthly one. */
  readonly period: string;
}

/** A file of bars that were fetched from the exchange's API. */
export interface RestKey extends BarSeries {
  readonly cadence: 'rest';
  /** `2025-06-17` for slots shorter than an hour, otherwise `2025-06`, so that files of bars stay small. */
  readonly period: string;
}

/** The key of a file that the ledger can contain. */
export type StagedKey = ArchiveKey | RestKey;

export const barSeriesId = ({ instrument_type, timeframe, symbol }: BarSeries): string =>
  `${instrument_type}/${timeframe}/${symbol}`;

export const seriesId = ({ instrument_type, cadence, timeframe, symbol }: Series): string =>
  `${instrument_type}/${cadence}/${timeframe}/${symbol}`;

/** The folder of each market in the archive. */
const folders = {
  spot: 'spot',
  'futures-um': 'futures/um',
  'futures-cm': 'futures/cm',
} as const satisfies Record<InstrumentType, string>;

/** Returns a prefix such as `data/futures/um/daily/klines/`. The listing's common prefixes below it are the symbols. */
export const marketPrefix = (instrument_type: InstrumentType, source: DataSource): string =>
  `data/${folders[instrument_type]}/${source}/klines/`;

export const seriesPrefix = (series: BarSeries & { readonly cadence: DataSource }): string =>
  `${marketPrefix(series.instrument_type, series.cadence)}${series.symbol}/${series.timeframe}/`;

/** Returns the name of a file without its extension. */
export const archiveName = ({ symbol, timeframe, period }: Omit<StagedKey, 'cadence'>): string =>
  `${symbol}-${timeframe}-${period}`;

/**
 * Formats the key of an archive. The key of a file of the exchange's bars has the same form, with `rest` and `.csv`.
 */
export const formatKey = (key: StagedKey): string =>
  `${seriesPrefix(key)}${archiveName(key)}.${key.cadence === 'rest' ? 'csv' : 'zip'}`;

/** Returns the key under which the ledger records that the exchange does not know a symbol (any more). */
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
 * Parses an object key. Returns `undefined` for anything that is not a kline archive in the expected layout, such as a
 * CHECKSUM file, an unpadded month (A7), a folder or an empty name (A26). Never guesses (B19).
 */
export const parseKey = (key: string): ArchiveKey | undefined => read(key, archivePattern);

/** Parses the key of a file of the exchange's bars. */
export const parseRestKey = (key: string): RestKey | undefined => read(key, restPattern);

/** Parses a key of the ledger, which is that of an archive or of a file of the exchange's bars. */
export const parseStagedKey = (key: string): StagedKey | undefined => parseKey(key) ?? parseRestKey(key);

/** Parses what `unknownSymbolKey` returns. */
export function parseUnknownSymbolKey(key: string): Omit<BarSeries, 'timeframe'> | undefined {
  const [, folder = '', symbol] = unknownPattern.exec(key) ?? [];
  const instrument_type = markets.get(folder);
  return instrument_type === undefined || symbol === undefined ? undefined : { instrument_type, symbol };
}

/** A half-open period between two UTC midnights, in ms. */
export type Period = { readonly start: number; readonly end: number };

/** Parsed periods. All names share the same few thousand days and months. */
const periods = new Map<string, Period | undefined>();
const mostPeriods = 40_000;

/** Returns the period of a file, or `undefined` if its text is not a date of the cadence. */
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
  // A date that does not exist rolls over into another month.
  if (first.getUTCFullYear() !== Number(year) || first.getUTCMonth() !== Number(month) - 1) return undefined;
  const start = first.getTime();
  return { start, end: day === undefined ? Date.UTC(Number(year), Number(month), 1) : start + msOfDay };
}

/** Returns the period of the file of exchange bars that a bar belongs to. `open` is in ms. */
export function periodOfBar(timeframe: Timeframe, open: number): string {
  const length = timeframes[timeframe];
  return new Date(open).toISOString().slice(0, length !== undefined && length < msOfHour ? 10 : 7);
}
