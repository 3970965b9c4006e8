import { csvLine, partitionText, type TableFeed } from '../../engine/index.ts';
import { periodOf, type Series } from '../../exchange/keys.ts';
import { sqlDate, sqlTimestamp, writeLines } from '../csv.ts';
import type { ArchiveListing } from './archive-listing.ts';
import type { ListedObject } from './series-state.ts';

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
