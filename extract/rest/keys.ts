import { type ArchiveKey, type InstrumentType, marketPaths, type Series } from '../archive/keys.ts';
import { pathComponent } from '../archive/path-component.ts';
import { isTimeframe, type Timeframe, timeframes } from '../archive/timeframes.ts';

/** A symbol and timeframe of a market, whatever its bars came from. */
export type RestSeries = Omit<Series, 'cadence'>;

export interface RestKey extends RestSeries {
  /** `2025-06-17` for slots shorter than an hour, else `2025-06`: a file of bars stays small. */
  readonly period: string;
}

const treeOf = ({ instrument_type, symbol }: Pick<RestSeries, 'instrument_type' | 'symbol'>): string =>
  `data/${marketPaths[instrument_type]}/rest/klines/${symbol}`;
const nameOf = ({ symbol, timeframe, period }: RestKey): string => `${symbol}-${timeframe}-${period}`;

/** The key of a file of bars in the ledger: as the archive would say it, but for `rest` and `.csv`. */
export const formatRestKey = (key: RestKey): string => `${treeOf(key)}/${key.timeframe}/${nameOf(key)}.csv`;

/** Under this key the ledger says that the exchange does not know a symbol (any more). */
export const unknownSymbolKey = (series: Pick<RestSeries, 'instrument_type' | 'symbol'>): string => treeOf(series);

const keyPattern =
  /^data\/(spot|futures\/um|futures\/cm)\/rest\/klines\/([^/]+)\/([^/]+)\/\2-\3-(\d{4}-\d{2}(?:-\d{2})?)\.csv$/u;

/** The parts of a key, or `undefined` where it is none of a file of bars. */
export function parseRestKey(key: string): RestKey | undefined {
  const [, path, symbol, timeframe, period] = keyPattern.exec(key) ?? [];
  if (path === undefined || symbol === undefined || period === undefined) return undefined;
  if (timeframe === undefined || !isTimeframe(timeframe)) return undefined;
  return { instrument_type: path.replace('/', '-') as InstrumentType, symbol, timeframe, period };
}

const hour = 3_600_000;

/** The period of the file that a bar belongs in; `open` in ms. */
export function periodOfBar(timeframe: Timeframe, open: number): string {
  const length = timeframes[timeframe];
  return new Date(open).toISOString().slice(0, length !== undefined && length < hour ? 10 : 7);
}

export const restSeriesId = ({ instrument_type, timeframe, symbol }: RestSeries | ArchiveKey): string =>
  `${instrument_type}/${timeframe}/${symbol}`;

const folderOf = ({ instrument_type, timeframe, symbol }: RestSeries): string =>
  `rest/${instrument_type}/${timeframe}/${pathComponent(symbol)}`;

/** The bars in the order of an archive's columns, without header. */
export const restFile = (stagingDir: string, key: RestKey): string =>
  `${stagingDir}/${folderOf(key)}/${pathComponent(nameOf(key))}.csv`;

/** What a file whose values cannot be believed is kept under, without extension. */
export const rejectedRestFile = (stagingDir: string, key: RestKey): string =>
  `${stagingDir}/rejected/${folderOf(key)}/${pathComponent(nameOf(key))}`;

/** Where a file goes that is not what the ledger says. */
export const damagedRestFile = (stagingDir: string, key: RestKey): string =>
  `${stagingDir}/damaged/${folderOf(key)}/${pathComponent(nameOf(key))}.csv`;

/** What has been asked of a series. */
export const askedFile = (stagingDir: string, series: RestSeries): string =>
  `${stagingDir}/${folderOf(series)}/asked.json`;
