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
const symbol = varchar('Ticker as the archive spells it.');
const timeframe = varchar('Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.');

const archiveObjects = table('archive_objects', {
  description: 'The archive as last listed: one row per kline archive.',
  columns: {
    key: varchar('Object key.'),
    instrument_type: instrumentType,
    cadence: varchar('Time that an archive covers.', { oneOf: cadences }),
    symbol,
    timeframe,
    period_start: date('First day of the period.'),
    period_end: date('Day after the period.'),
    size_bytes: bigint('Size of the zip.', { unit: 'bytes', min: 0 }),
    etag: varchar('ETag without quotes; usually the MD5 of the object.'),
    last_modified: timestamp('When it was published or re-issued.'),
    listed_at: timestamp('As-of of the run that first saw this state.'),
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
    cadence: varchar('Cadence of the archive; rest for bars from the exchange.', { oneOf: dataSources }),
    symbol,
    timeframe: varchar.nullable('Bar length; NULL if the exchange does not know the symbol.'),
    period_start: date.nullable('First day of the period; NULL if timeframe is.'),
    period_end: date.nullable('Day after the period; NULL if timeframe is.'),
    etag: varchar.nullable('ETag of the listing it was fetched for.'),
    sha256: varchar.nullable('SHA-256 of the zip.'),
    size_bytes: bigint.nullable('Size of the zip.', { unit: 'bytes' }),
    row_count: bigint.nullable('Data lines.'),
    first_open_time: timestamp.nullable('Open time of its first bar.'),
    last_open_time: timestamp.nullable('Open time of its last bar.'),
    status: varchar('Outcome.', { oneOf: ['staged', 'loaded', 'rejected', 'absent', 'failed'] }),
    reason: varchar.nullable('Why it is not staged.'),
    staged_at: timestamp('As-of of the run that decided the outcome.'),
  },
  key: ['key'],
  keyHeldBy: 'partition',
  references: { archive_objects: ['key'] },
});

const archiveRevisions = table('archive_revisions', {
  description: 'Every re-issue: a staged file that the archive replaced with another one.',
  columns: {
    key: varchar('Object key.'),
    revision: integer('Number of the revision of this key; 1 is the oldest.', { min: 1 }),
    etag: varchar('ETag of the new version.'),
    sha256: varchar('SHA-256 of the new zip.'),
    previous_etag: varchar('ETag of the version it replaced.'),
    previous_sha256: varchar.nullable('SHA-256 of the replaced zip.'),
    rows_changed: bigint.nullable(
      'Rows in both versions with different figures; NULL if the old CSV was no longer available.',
    ),
    rows_added: bigint.nullable('Rows only in the new version, by open time.'),
    rows_removed: bigint.nullable('Rows only in the old version, by open time.'),
    revised_at: timestamp('As-of of the run that staged the new version.'),
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
  data_source: varchar('Cadence of that archive; rest for bars from the exchange.', {
    oneOf: dataSources,
  }),
};
const perFile = ['archive_key', 'instrument_type', 'symbol', 'timeframe', 'data_source'] as const;

const stagedKlines = table('staged_klines', {
  description: 'Lines of staged CSVs, for partitions in which no bar can appear twice; NULL is an empty field.',
  kind: 'source',
  perFile,
  columns: {
    ...archiveOfLines,
    open_time: bigint('ms, or µs if it has 16 digits.'),
    open: double.nullable('The double nearest to the published text.'),
    high: double.nullable('The double nearest to the published text.'),
    low: double.nullable('The double nearest to the published text.'),
    close: double.nullable('The double nearest to the published text.'),
    volume: double.nullable('The double nearest to the published text.'),
    close_time: double.nullable('ms or µs; a double, because an integer would drop a fraction.'),
    quote_volume: double.nullable('The double nearest to the published text.'),
    count: double.nullable('Trades; a double for the same reason as close_time.'),
    taker_buy_volume: double.nullable('The double nearest to the published text.'),
    taker_buy_quote_volume: double.nullable('The double nearest to the published text.'),
    ignore: varchar.nullable('Last field of the line; not always 0.'),
  },
  key: [],
  references: { staged_archives: ['archive_key'] },
});

const overlappingKlines = table('overlapping_klines', {
  description: 'Lines of staged CSVs, as published, for partitions in which a bar may appear twice.',
  kind: 'source',
  perFile,
  columns: {
    ...archiveOfLines,
    open_time: bigint('ms, or µs if it has 16 digits.'),
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
    ignore: varchar.nullable('Last field of the line; not always 0.'),
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
  open: double('First price.', { unit: 'quote asset' }),
  high: double('Highest price.', { unit: 'quote asset' }),
  low: double('Lowest price.', { unit: 'quote asset' }),
  close: double('Last price.', { unit: 'quote asset' }),
};

const ohlcv = table('ohlcv', {
  description: 'Every bar of every market and timeframe, values as published.',
  columns: {
    ...barColumns,
    volume: double('Volume.', { unit: 'base asset; contracts for futures-cm' }),
    close_time: timestamp('Close time, UTC; irregular next to an outage.'),
    quote_asset_volume: double('Turnover.', { unit: 'quote asset; base asset for futures-cm' }),
    number_of_trades: bigint('Trades.'),
    taker_buy_base_asset_volume: double('Volume bought by takers.', { unit: 'base asset; contracts for futures-cm' }),
    taker_buy_quote_asset_volume: double('Turnover bought by takers.', {
      unit: 'quote asset; base asset for futures-cm',
    }),
    data_source: varchar('monthly, daily or rest.'),
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
    quote_volume: double('Turnover; for futures-cm, contracts times their size.', { unit: 'quote asset' }),
    number_of_trades: bigint('Trades.'),
    taker_buy_base_volume: double('Volume bought by takers.', { unit: 'base asset' }),
    taker_buy_quote_volume: double('Turnover bought by takers.', { unit: 'quote asset' }),
  },
  key: [],
});

const conflicts = table('conflicts', {
  description: 'Figures on which a monthly and a daily archive disagree; ohlcv contains the daily one.',
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
    'Slots without a bar between the first archive of a series and its last published slot, and why; docs/gaps.md.',
  columns: {
    instrument_type: instrumentType,
    symbol,
    timeframe,
    gap_start: timestamp('Open time of the first slot without a bar.'),
    gap_end: timestamp('Open time of the slot after the last one without a bar.'),
    missing_bars: bigint('Slots without a bar.', { min: 1 }),
    cause: varchar('The first cause that applies.', {
      oneOf: ['not_published', 'rejected', 'failed', 'archive_hole', 'not_trading', 'exchange_outage', 'unverified'],
    }),
    evidence: varchar('Key of the archive, or time of the listing, that shows it.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'gap_start'],
  keyHeldBy: 'partition',
  partition: ['instrument_type', 'symbol', 'timeframe'],
  checks: [['gap_start', '<', 'gap_end']],
  references: { symbols: ['instrument_type', 'symbol'] },
});

const symbols = table('symbols', {
  description: 'Every ticker that the archive has ever listed, and what its name tells.',
  columns: {
    instrument_type: instrumentType,
    symbol,
    base_asset: varchar.nullable('Asset that is traded.'),
    quote_asset: varchar.nullable('Asset that it is priced in; NULL if no known asset fits.'),
    contract_type: varchar('Kind of contract, from its name.', { oneOf: ['spot', 'perpetual', 'delivery', 'settled'] }),
    first_date: date('First day listed.'),
    last_date: date('Last day listed.'),
    last_traded_date: date.nullable('Last day with a trade.'),
    spells: integer('1 + holes of more than 7 days.', { min: 1 }),
  },
  key: ['instrument_type', 'symbol'],
  checks: [['first_date', '<=', 'last_date']],
});

const listedSpans = table('listed_spans', {
  description: 'From which day to which daily_availability has a row of a symbol.',
  columns: {
    symbol,
    first_date: date('First day on which its daily archive is listed.'),
    last_date: date('Last such day, and grace_days more while it stays away.'),
  },
  key: ['symbol'],
  keyHeldBy: 'partition',
});

const knownQuoteAssets = table('known_quote_assets', {
  description: 'Seed: assets that symbols are priced in.',
  columns: { asset: varchar('Asset.') },
  key: ['asset'],
});

const symbolExceptions = table('symbol_exceptions', {
  description: 'Seed: names that the longest known quote asset would divide wrongly, or that are ambiguous.',
  columns: {
    name: varchar('Symbol without the suffix of a delivery, a perpetual or a settled contract.'),
    base_asset: varchar('Asset that is traded: the first part of the name.'),
    quote_asset: varchar('Asset that it is priced in: the rest of the name.'),
  },
  key: ['name'],
});

const contractSizes = table('contract_sizes', {
  description: 'Seed: what a contract of futures-cm is worth where that is not 10 US dollars.',
  columns: {
    pair: varchar('Symbol without its suffix: BTCUSD.'),
    contract_size: double('Worth of one contract.', { unit: 'USD', min: 0 }),
  },
  key: ['pair'],
});

const resamplingExceptions = table('resampling_exceptions', {
  description: 'Seed: bars that are known to differ from what their 1m bars add up to.',
  columns: {
    instrument_type: instrumentType,
    symbol: varchar('Ticker, or a pattern in which * stands for any characters.'),
    timeframe: varchar('Bar length, or a pattern in which * stands for any characters.'),
    date: date('Day that the bars open on, UTC.'),
    reason: varchar('Why they differ.'),
  },
  key: ['instrument_type', 'symbol', 'timeframe', 'date'],
});

const dailyAvailability = table('daily_availability', {
  description: 'Which USD-M symbol had data on which day, and what was traded that day.',
  columns: {
    date: date('Day, UTC.'),
    symbol,
    available: boolean('The daily archive of this day is listed.'),
    file_size_bytes: bigint.nullable('Size of that archive.', { unit: 'bytes' }),
    last_modified: timestamp.nullable('When it was published or re-issued.'),
    url: varchar('URL of that archive, also if it is not listed.'),
    status_code: integer('200 if it is listed, else 404: inferred from the listing.'),
    probe_timestamp: timestamp('As-of of the run that first saw this state.'),
    quote_volume_usdt: double.nullable('Turnover; NULL unless the quote asset is a US dollar at par.', {
      unit: 'USDT',
    }),
    trade_count: bigint.nullable('Trades.'),
    volume_base: double.nullable('Volume.', { unit: 'base asset' }),
    taker_buy_volume_base: double.nullable('Volume bought by takers.', { unit: 'base asset' }),
    taker_buy_quote_volume_usdt: double.nullable('Turnover bought by takers, at par.', { unit: 'USDT' }),
    open_price: double.nullable('First price.', { unit: 'quote asset' }),
    high_price: double.nullable('Highest price.', { unit: 'quote asset' }),
    low_price: double.nullable('Lowest price.', { unit: 'quote asset' }),
    close_price: double.nullable('Last price.', { unit: 'quote asset' }),
  },
  key: ['date', 'symbol'],
  indexes: { idx_quote_volume_date: [desc('quote_volume_usdt'), 'date'] },
  partition: ['date'],
  references: { symbols: ['symbol'] },
});

/** A terminal shows these as ▲2 and ▼1. */
const ranks = 'ranks, negative is up';

const volumeRankings = table('volume_rankings', {
  description: 'USD-M perpetual contracts by turnover of the day, 1 is the largest.',
  columns: {
    date: date('Day, UTC.'),
    symbol,
    rank: smallint('Dense rank by turnover.', { min: 1 }),
    quote_volume_usdt: double('Turnover.', { unit: 'USDT' }),
    trade_count: bigint('Trades.', { min: 1 }),
    rank_change_1d: smallint.nullable('Rank minus the rank 1 calendar day before.', { unit: ranks }),
    rank_change_7d: smallint.nullable('Rank minus the rank 7 calendar days before.', { unit: ranks }),
    rank_change_14d: smallint.nullable('Rank minus the rank 14 calendar days before.', { unit: ranks }),
    rank_change_30d: smallint.nullable('Rank minus the rank 30 calendar days before.', { unit: ranks }),
    percentile: float('Share of the cohort that is larger; 0 is the largest.', { unit: 'percent', min: 0, max: 100 }),
    market_share_pct: float('Share of the turnover of the cohort.', { unit: 'percent', min: 0 }),
    days_available: tinyint('Ranked days among the 30 calendar days that end this day.', { min: 1, max: 30 }),
    generation_timestamp: timestamp('As-of of the run that built this day.'),
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
