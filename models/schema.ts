import {
  bigint,
  boolean,
  type DatabaseOf,
  date,
  desc,
  double,
  engineTables,
  float,
  integer,
  month,
  smallint,
  table,
  timestamp,
  tinyint,
  varchar,
} from '../engine/index.ts';
import { cadences, dataSources, instrumentTypes } from '../exchange/vocabulary.ts';

const instrumentType = varchar('Market.', { oneOf: instrumentTypes });
const symbol = varchar('Ticker, spelled as in the archive.');
const timeframe = varchar('Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.');

const archiveObjects = table('archive_objects', {
  description: 'Kline archives as they were last listed, one row each.',
  columns: {
    key: varchar('Object key.'),
    instrument_type: instrumentType,
    cadence: varchar('Length of the period that the archive covers.', { oneOf: cadences }),
    symbol,
    timeframe,
    period_start: date('First day that the archive covers.'),
    period_end: date('Day after the last one that the archive covers.'),
    size_bytes: bigint('Size of the zip.', { unit: 'bytes', min: 0 }),
    etag: varchar('ETag without quotes; usually the MD5 of the object.'),
    last_modified: timestamp('Time at which it was published, or last re-issued, UTC.'),
    listed_at: timestamp('As-of time of the run that first saw this version, UTC.'),
  },
  key: ['key'],
  keyHeldBy: 'partition',
  partition: ['instrument_type', 'cadence', 'timeframe', 'symbol'],
  checks: [['period_start', '<', 'period_end']],
});

const stagedArchives = table('staged_archives', {
  description: 'The ledger: one row per archive that was requested, with its outcome.',
  columns: {
    key: varchar('Object key.'),
    instrument_type: instrumentType,
    cadence: varchar('Length of the period; rest for bars from the REST API of the exchange.', { oneOf: dataSources }),
    symbol,
    timeframe: varchar.nullable('Length of a bar; NULL if the exchange does not know the symbol.'),
    period_start: date.nullable('First day that the archive covers; NULL if timeframe is NULL.'),
    period_end: date.nullable('Day after the last one that it covers; NULL if timeframe is NULL.'),
    etag: varchar.nullable('ETag in the listing for which it was fetched.'),
    sha256: varchar.nullable('SHA-256 of the zip; NULL if none was received.'),
    size_bytes: bigint.nullable('Size of the zip.', { unit: 'bytes' }),
    row_count: bigint.nullable('Number of data lines; NULL if they were not counted.'),
    first_open_time: timestamp.nullable('Open time of its first bar, UTC.'),
    last_open_time: timestamp.nullable('Open time of its last bar, UTC.'),
    status: varchar('Outcome.', { oneOf: ['staged', 'loaded', 'rejected', 'absent', 'failed'] }),
    reason: varchar.nullable('Reason for the status; NULL if nothing went wrong.'),
    staged_at: timestamp('As-of time of the run that decided the outcome, UTC.'),
  },
  key: ['key'],
  keyHeldBy: 'partition',
  references: { archive_objects: ['key'] },
});

const archiveRevisions = table('archive_revisions', {
  description: 'Re-issues: one row for each time that the archive replaced a staged file with another version.',
  columns: {
    key: varchar('Object key.'),
    revision: integer('Number of the revision of this key; 1 is the oldest.', { min: 1 }),
    etag: varchar('ETag of the new version.'),
    sha256: varchar('SHA-256 of the new zip.'),
    previous_etag: varchar('ETag of the version that it replaced.'),
    previous_sha256: varchar.nullable('SHA-256 of the replaced zip; NULL if it was not recorded.'),
    rows_changed: bigint.nullable(
      'Number of rows that both versions have, with different values; NULL if the old CSV was no longer available.',
    ),
    rows_added: bigint.nullable(
      'Number of rows that only the new version has, matched by open time; NULL if rows_changed is NULL.',
    ),
    rows_removed: bigint.nullable(
      'Number of rows that only the old version has, matched by open time; NULL if rows_changed is NULL.',
    ),
    revised_at: timestamp('As-of time of the run that staged the new version, UTC.'),
  },
  key: ['key', 'revision'],
  keyHeldBy: 'partition',
  references: { staged_archives: ['key'] },
});

/** The parts of an archive's key, the same for all of its lines. */
const archiveOfLines = {
  archive_key: varchar('Key of the archive that contains the line.'),
  instrument_type: instrumentType,
  symbol,
  timeframe,
  data_source: varchar('Origin of the line: the cadence of that archive, or rest for the REST API of the exchange.', {
    oneOf: dataSources,
  }),
};
const perFile = ['archive_key', 'instrument_type', 'symbol', 'timeframe', 'data_source'] as const;

const stagedKlines = table('staged_klines', {
  description: 'Lines of the staged CSVs of partitions in which no bar can appear twice. An empty field is NULL.',
  kind: 'source',
  perFile,
  columns: {
    ...archiveOfLines,
    open_time: bigint('Open time since 1970 in ms, or in µs if it has 16 digits.'),
    open: double.nullable('The double nearest to the published text.'),
    high: double.nullable('The double nearest to the published text.'),
    low: double.nullable('The double nearest to the published text.'),
    close: double.nullable('The double nearest to the published text.'),
    volume: double.nullable('The double nearest to the published text.'),
    close_time: double.nullable(
      'Close time since 1970 in ms or µs; a double, because an integer would lose a fraction.',
    ),
    quote_volume: double.nullable('The double nearest to the published text.'),
    count: double.nullable('Number of trades; a double for the same reason as close_time.'),
    taker_buy_volume: double.nullable('The double nearest to the published text.'),
    taker_buy_quote_volume: double.nullable('The double nearest to the published text.'),
    ignore: varchar.nullable('Last field of the line, which is not always 0.'),
  },
  key: [],
  references: { staged_archives: ['archive_key'] },
});

const overlappingKlines = table('overlapping_klines', {
  description: 'Lines of the staged CSVs of partitions in which a bar may appear twice, as published.',
  kind: 'source',
  perFile,
  columns: {
    ...archiveOfLines,
    open_time: bigint('Open time since 1970 in ms, or in µs if it has 16 digits.'),
    open: varchar('As published.'),
    high: varchar('As published.'),
    low: varchar('As published.'),
    close: varchar('As published.'),
    volume: varchar('As published.'),
    close_time: varchar('As published.'),
    quote_volume: varchar('As published.'),
    count: varchar('As published.'),
    taker_buy_volume: varchar('As published.'),
    taker_buy_quote_volume: varchar('As published.'),
    ignore: varchar.nullable('Last field of the line, which is not always 0.'),
  },
  key: [],
  references: { staged_archives: ['archive_key'] },
});

/** The first columns of ohlcv and ohlcv_units. */
const barColumns = {
  symbol,
  timeframe,
  instrument_type: instrumentType,
  timestamp: timestamp('Open time, UTC.'),
  open: double('Price of the first trade.', { unit: 'quote asset' }),
  high: double('Highest price.', { unit: 'quote asset' }),
  low: double('Lowest price.', { unit: 'quote asset' }),
  close: double('Price of the last trade.', { unit: 'quote asset' }),
};

const ohlcv = table('ohlcv', {
  description: 'Bars of all markets and timeframes, with their values as published.',
  columns: {
    ...barColumns,
    volume: double('Volume.', { unit: 'base asset; contracts for futures-cm' }),
    close_time: timestamp('Close time, UTC; irregular next to an outage.'),
    quote_asset_volume: double('Turnover.', { unit: 'quote asset; base asset for futures-cm' }),
    number_of_trades: bigint('Number of trades.'),
    taker_buy_base_asset_volume: double('Volume of taker buy orders.', {
      unit: 'base asset; contracts for futures-cm',
    }),
    taker_buy_quote_asset_volume: double('Turnover of taker buy orders.', {
      unit: 'quote asset; base asset for futures-cm',
    }),
    data_source: varchar('Origin of the bar: the cadence of its archive, or rest for the REST API of the exchange.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'timestamp'],
  keyHeldBy: 'partition',
  partition: ['instrument_type', 'symbol', 'timeframe', month('timestamp')],
  references: { symbols: ['instrument_type', 'symbol'] },
});

const ohlcvUnits = table('ohlcv_units', {
  description: 'The bars of ohlcv with volumes in the same units for all markets.',
  kind: 'view',
  columns: {
    ...barColumns,
    base_volume: double('Volume.', { unit: 'base asset' }),
    quote_volume: double('Turnover; for futures-cm, the number of contracts times their size.', {
      unit: 'quote asset',
    }),
    number_of_trades: bigint('Number of trades.'),
    taker_buy_base_volume: double('Volume of taker buy orders.', { unit: 'base asset' }),
    taker_buy_quote_volume: double('Turnover of taker buy orders.', { unit: 'quote asset' }),
  },
  key: [],
});

const conflicts = table('conflicts', {
  description: 'Values on which a monthly and a daily archive disagree. ohlcv contains the daily one.',
  columns: {
    instrument_type: instrumentType,
    symbol,
    timeframe,
    timestamp: timestamp('Open time of the bar, UTC.'),
    monthly_key: varchar('Key of the monthly archive.'),
    daily_key: varchar('Key of the daily archive.'),
    column_name: varchar('Column of ohlcv that differs.'),
    monthly_value: varchar('Value in the monthly archive, as published.'),
    daily_value: varchar('Value in the daily archive, as published.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'timestamp', 'column_name'],
  keyHeldBy: 'partition',
  partition: ['instrument_type', 'symbol', 'timeframe', month('timestamp')],
  references: { ohlcv: ['instrument_type', 'symbol', 'timeframe', 'timestamp'], staged_archives: ['daily_key'] },
});

const gaps = table('gaps', {
  description:
    'Missing bars of each series, from its first archive to its last published slot, with their causes; see docs/gaps.md.',
  columns: {
    instrument_type: instrumentType,
    symbol,
    timeframe,
    gap_start: timestamp('Open time of the first slot without a bar, UTC.'),
    gap_end: timestamp('Open time of the slot after the last one without a bar, UTC.'),
    missing_bars: bigint('Number of slots without a bar.', { min: 1 }),
    cause: varchar('The first cause that applies.', {
      oneOf: ['not_published', 'rejected', 'failed', 'archive_hole', 'not_trading', 'exchange_outage', 'unverified'],
    }),
    evidence: varchar('What shows the cause: the key of an archive, or the time of a listing.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'gap_start'],
  keyHeldBy: 'partition',
  partition: ['instrument_type', 'symbol', 'timeframe'],
  checks: [['gap_start', '<', 'gap_end']],
  references: { symbols: ['instrument_type', 'symbol'] },
});

const symbols = table('symbols', {
  description: 'Every ticker that the archive has ever listed, with what its name says.',
  columns: {
    instrument_type: instrumentType,
    symbol,
    base_asset: varchar.nullable('Asset that is traded; NULL if quote_asset is NULL.'),
    quote_asset: varchar.nullable('Asset in which it is priced; NULL if the ticker does not end with a known one.'),
    contract_type: varchar('Type of the contract, derived from the ticker.', {
      oneOf: ['spot', 'perpetual', 'delivery', 'settled'],
    }),
    first_date: date('First day for which an archive is listed.'),
    last_date: date('Last day for which an archive is listed.'),
    last_traded_date: date.nullable('Last day with a trade; NULL if no bar with a trade is loaded.'),
    spells: integer('Number of spells: 1, and 1 more for each absence of more than 7 days.', {
      min: 1,
    }),
  },
  key: ['instrument_type', 'symbol'],
  checks: [['first_date', '<=', 'last_date']],
});

const listedSpans = table('listed_spans', {
  description: 'Days for which daily_availability has a row of a symbol: from first_date to last_date.',
  columns: {
    symbol,
    first_date: date('First day for which a daily archive is listed.'),
    last_date: date('Last such day plus the var grace_days, but at most the newest day that is listed for any symbol.'),
  },
  key: ['symbol'],
  keyHeldBy: 'partition',
});

const knownQuoteAssets = table('known_quote_assets', {
  description: 'Seed: assets in which symbols are priced.',
  columns: { asset: varchar('Name of the asset, such as USDT.') },
  key: ['asset'],
});

const symbolExceptions = table('symbol_exceptions', {
  description: 'Seed: names that are ambiguous, or that the longest matching quote asset would split wrongly.',
  columns: {
    name: varchar('Ticker without the suffix of a delivery, perpetual or settled contract.'),
    base_asset: varchar('Asset that is traded: the first part of the name.'),
    quote_asset: varchar('Asset in which it is priced: the rest of the name.'),
  },
  key: ['name'],
});

const contractSizes = table('contract_sizes', {
  description: 'Seed: contracts of futures-cm that are not worth 10 US dollars.',
  columns: {
    pair: varchar('Ticker without its suffix, such as BTCUSD.'),
    contract_size: double('Value of one contract.', { unit: 'USD', min: 0 }),
  },
  key: ['pair'],
});

const resamplingExceptions = table('resampling_exceptions', {
  description: 'Seed: bars that are known to disagree with their 1m bars.',
  columns: {
    instrument_type: instrumentType,
    symbol: varchar('Ticker, or a pattern in which * stands for any characters.'),
    timeframe: varchar('Bar length, or a pattern in which * stands for any characters.'),
    date: date('Day on which the bars open, UTC.'),
    reason: varchar('Why they disagree.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'date'],
});

const dailyAvailability = table('daily_availability', {
  description: 'For each USD-M symbol and day, whether the daily archive is listed, and the figures of the 1d bar.',
  columns: {
    date: date('Day, UTC.'),
    symbol,
    available: boolean('True if the daily archive of this day is listed.'),
    file_size_bytes: bigint.nullable('Size of that archive; NULL if it is not listed.', { unit: 'bytes' }),
    last_modified: timestamp.nullable(
      'Time at which it was published, or last re-issued, UTC; NULL if it is not listed.',
    ),
    url: varchar('URL of that archive, whether or not it is listed.'),
    status_code: integer('200 if it is listed, else 404. Inferred from the listing.'),
    probe_timestamp: timestamp('As-of time of the run that first saw this state, UTC.'),
    quote_volume_usdt: double.nullable(
      'Turnover; NULL without a 1d bar, or if the quote asset does not count as a US dollar at par.',
      {
        unit: 'USDT',
      },
    ),
    trade_count: bigint.nullable('Number of trades; NULL without a 1d bar.'),
    volume_base: double.nullable('Volume; NULL without a 1d bar.', { unit: 'base asset' }),
    taker_buy_volume_base: double.nullable('Volume of taker buy orders; NULL without a 1d bar.', {
      unit: 'base asset',
    }),
    taker_buy_quote_volume_usdt: double.nullable('Turnover of taker buy orders; NULL if quote_volume_usdt is NULL.', {
      unit: 'USDT',
    }),
    open_price: double.nullable('Price of the first trade; NULL without a 1d bar.', { unit: 'quote asset' }),
    high_price: double.nullable('Highest price; NULL without a 1d bar.', { unit: 'quote asset' }),
    low_price: double.nullable('Lowest price; NULL without a 1d bar.', { unit: 'quote asset' }),
    close_price: double.nullable('Price of the last trade; NULL without a 1d bar.', { unit: 'quote asset' }),
  },
  key: ['date', 'symbol'],
  indexes: { idx_quote_volume_date: [desc('quote_volume_usdt'), 'date'] },
  partition: ['date'],
  references: { symbols: ['symbol'] },
});

/** A terminal shows these as ▲2 and ▼1. */
const ranks = 'ranks, negative is up';

const volumeRankings = table('volume_rankings', {
  description: 'USD-M perpetual contracts, ranked by their turnover of each day. Rank 1 is the largest.',
  columns: {
    date: date('Day, UTC.'),
    symbol,
    rank: smallint('Dense rank by turnover.', { min: 1 }),
    quote_volume_usdt: double('Turnover.', { unit: 'USDT' }),
    trade_count: bigint('Number of trades.', { min: 1 }),
    rank_change_1d: smallint.nullable('Rank minus the rank 1 calendar day before; NULL if it was not ranked then.', {
      unit: ranks,
    }),
    rank_change_7d: smallint.nullable('Rank minus the rank 7 calendar days before; NULL if it was not ranked then.', {
      unit: ranks,
    }),
    rank_change_14d: smallint.nullable('Rank minus the rank 14 calendar days before; NULL if it was not ranked then.', {
      unit: ranks,
    }),
    rank_change_30d: smallint.nullable('Rank minus the rank 30 calendar days before; NULL if it was not ranked then.', {
      unit: ranks,
    }),
    percentile: float('Share of the other ranked contracts that have a larger turnover; 0 is the largest.', {
      unit: 'percent',
      min: 0,
      max: 100,
    }),
    market_share_pct: float('Share of the turnover of all ranked contracts.', { unit: 'percent', min: 0 }),
    days_available: tinyint('Number of ranked days among the 30 calendar days that end with this one.', {
      min: 1,
      max: 30,
    }),
    generation_timestamp: timestamp('As-of time of the run that built this day, UTC.'),
  },
  key: ['date', 'symbol'],
  keyHeldBy: 'partition',
  partition: ['date'],
  references: { daily_availability: ['date', 'symbol'] },
});

/** THE typed definition: DDL, Kysely types, schema.sql, docs and checks derive from it. */
export const schema = {
  archive_objects: archiveObjects,
  staged_archives: stagedArchives,
  archive_revisions: archiveRevisions,
  staged_klines: stagedKlines,
  overlapping_klines: overlappingKlines,
  ohlcv,
  ohlcv_units: ohlcvUnits,
  conflicts,
  gaps,
  symbols,
  listed_spans: listedSpans,
  known_quote_assets: knownQuoteAssets,
  symbol_exceptions: symbolExceptions,
  contract_sizes: contractSizes,
  resampling_exceptions: resamplingExceptions,
  daily_availability: dailyAvailability,
  volume_rankings: volumeRankings,
  ...engineTables,
} as const;

export type Database = DatabaseOf<typeof schema>;
