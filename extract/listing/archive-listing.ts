import { join } from 'node:path';
import { csvLine, type ExtractContext, PipelineError, partitionText, type TableFeed } from '../../engine/index.ts';
import { periodOf, type Series } from '../../exchange/keys.ts';
import { sqlDate, sqlTimestamp, writeLines } from '../csv.ts';
import { type ListedObject, type ListedSeries, readObjects, seriesFile, storedSeries } from './series-state.ts';

/** The result of the listing extract. Objects are read from the state on request. */
export interface ArchiveListing {
  readonly kind: 'archive-listing';
  readonly series: readonly ListedSeries[];
  /** Series that this run could not list: what is known of them is old, or nothing. */
  readonly failed: readonly Series[];
  /** Ascending by period. */
  objects(series: Series): readonly ListedObject[];
}

export function createArchiveListing(
  directory: string,
  series: readonly ListedSeries[],
  failed: readonly Series[] = [],
): ArchiveListing {
  return {
    kind: 'archive-listing',
    series,
    failed,
    objects: (of) => readObjects(seriesFile(directory, of), of),
  };
}

export const isArchiveListing = (value: unknown): value is ArchiveListing =>
  typeof value === 'object' && value !== null && (value as Partial<ArchiveListing>).kind === 'archive-listing';

/** The folder of the series' states. */
export const stateDirectory = (stagingDir: string): string => join(stagingDir, 'listing');

/** All that runs have listed so far; what this one has `listed` need not be read again. */
export function storedListing(stagingDir: string, listed: readonly ListedSeries[] = []): ArchiveListing {
  const directory = stateDirectory(stagingDir);
  return createArchiveListing(directory, storedSeries(directory, listed));
}

/**
 * Returns what this run has listed, or an earlier one if the listing is not selected.
 * @throws PipelineError TABLE_MISSING where nothing is listed yet
 */
export function listingOf({ upstream, stagingDir }: Pick<ExtractContext, 'upstream' | 'stagingDir'>): ArchiveListing {
  const listing = [...upstream.values()].find(isArchiveListing) ?? storedListing(stagingDir);
  if (listing.series.length > 0) return listing;
  throw new PipelineError('TABLE_MISSING', 'nothing is listed yet to plan from', {
    hint: 'list the archive as well: pnpm pipeline run --select +klines',
  });
}

const columns = [
  'key',
  'instrument_type',
  'cadence',
  'symbol',
  'timeframe',
  'period_start',
  'period_end',
  'size_bytes',
  'etag',
  'last_modified',
  'listed_at',
];

const partitionOf = ({ instrument_type, cadence, timeframe, symbol }: Series): string =>
  partitionText(instrument_type, cadence, timeframe, symbol);

/** The rows of `archive_objects`, by instrument_type/cadence/timeframe/symbol. */
export function archiveObjectsFeed(listing: ArchiveListing): TableFeed {
  return {
    partitions: new Map(
      listing.series
        .filter(({ head }) => head.objects > 0)
        .map(({ series, head }) => [partitionOf(series), head.digest]),
    ),
    async writeCsv(partitions, file) {
      writeLines(file, linesOf(listing, partitions));
    },
  };
}

function* linesOf(listing: ArchiveListing, partitions: ReadonlySet<string>): Generator<string> {
  yield csvLine(columns);
  for (const { series } of listing.series) {
    if (!partitions.has(partitionOf(series))) continue;
    for (const object of listing.objects(series)) yield lineOf(series, object);
  }
}

function lineOf(series: Series, object: ListedObject): string {
  const period = periodOf({ cadence: series.cadence, period: object.period });
  if (period === undefined) throw new Error(`the stored listing holds ${object.key}, which has no period`);
  return csvLine([
    object.key,
    series.instrument_type,
    series.cadence,
    series.symbol,
    series.timeframe,
    sqlDate(period.start),
    sqlDate(period.end),
    object.size_bytes,
    object.etag,
    sqlTimestamp(object.last_modified),
    sqlTimestamp(object.listed_at),
  ]);
}

/** Longer names fit no file system once an archive's name is made of them; the longest real one has 26 characters. */
const longestBytes = 100;
/** Characters that could leave a folder, or break a line that begins with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f/\\,]|^\.$|\.\./;

export interface Symbols {
  readonly symbols: readonly string[];
  /** Quoted names that are not symbols of any exchange and would be dangerous as one. */
  readonly refused: readonly string[];
}

/**
 * The symbols among the common prefixes below `parent`. Empty names and the echo of the parent are no symbols (A26);
 * names with `..`, slashes, commas, control characters, and absurdly long ones are refused.
 */
export function symbolsOf(parent: string, prefixes: readonly string[]): Symbols {
  const symbols: string[] = [];
  const refused: string[] = [];
  for (const prefix of prefixes) {
    const name = prefix.slice(parent.length, -1);
    if (name === '') continue;
    if (Buffer.byteLength(name) <= longestBytes && !unsafe.test(name)) symbols.push(name);
    else refused.push(JSON.stringify(name.slice(0, longestBytes)));
  }
  return { symbols: [...new Set(symbols)], refused };
}
