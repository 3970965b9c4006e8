-- Generated from models/schema.ts; change that file and run: pnpm pipeline schema print --write

CREATE TABLE "archive_objects" (
  "key" VARCHAR NOT NULL,
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "cadence" VARCHAR NOT NULL CHECK ("cadence" IN ('daily', 'monthly')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "period_start" DATE NOT NULL,
  "period_end" DATE NOT NULL,
  "size_bytes" BIGINT NOT NULL CHECK ("size_bytes" >= 0),
  "etag" VARCHAR NOT NULL,
  "last_modified" TIMESTAMP NOT NULL,
  "listed_at" TIMESTAMP NOT NULL,
  CHECK ("period_start" < "period_end")
);
COMMENT ON TABLE "archive_objects" IS 'The archive as last listed: one row per kline archive.
Key, held by replacing partitions: key
Partition: instrument_type, cadence, timeframe, symbol';
COMMENT ON COLUMN "archive_objects"."key" IS 'Object key.';
COMMENT ON COLUMN "archive_objects"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "archive_objects"."cadence" IS 'Time that an archive covers.';
COMMENT ON COLUMN "archive_objects"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "archive_objects"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "archive_objects"."period_start" IS 'First day of the period.';
COMMENT ON COLUMN "archive_objects"."period_end" IS 'Day after the period.';
COMMENT ON COLUMN "archive_objects"."size_bytes" IS 'Size of the zip. [bytes]';
COMMENT ON COLUMN "archive_objects"."etag" IS 'ETag without quotes; usually the MD5 of the object.';
COMMENT ON COLUMN "archive_objects"."last_modified" IS 'When it was published or re-issued.';
COMMENT ON COLUMN "archive_objects"."listed_at" IS 'As-of of the run that first saw this state.';

CREATE TABLE "staged_archives" (
  "key" VARCHAR NOT NULL,
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "cadence" VARCHAR NOT NULL CHECK ("cadence" IN ('daily', 'monthly', 'rest')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR,
  "period_start" DATE,
  "period_end" DATE,
  "etag" VARCHAR,
  "sha256" VARCHAR,
  "size_bytes" BIGINT,
  "row_count" BIGINT,
  "first_open_time" TIMESTAMP,
  "last_open_time" TIMESTAMP,
  "status" VARCHAR NOT NULL CHECK ("status" IN ('staged', 'loaded', 'rejected', 'absent', 'failed')),
  "reason" VARCHAR,
  "staged_at" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "staged_archives" IS 'The ledger: one row per archive that was requested, with its outcome.
Key, held by replacing partitions: key
Refers to archive_objects: key';
COMMENT ON COLUMN "staged_archives"."key" IS 'Object key.';
COMMENT ON COLUMN "staged_archives"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "staged_archives"."cadence" IS 'Cadence of the archive; rest for bars from the exchange.';
COMMENT ON COLUMN "staged_archives"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "staged_archives"."timeframe" IS 'Bar length; NULL if the exchange does not know the symbol.';
COMMENT ON COLUMN "staged_archives"."period_start" IS 'First day of the period; NULL if timeframe is.';
COMMENT ON COLUMN "staged_archives"."period_end" IS 'Day after the period; NULL if timeframe is.';
COMMENT ON COLUMN "staged_archives"."etag" IS 'ETag of the listing it was fetched for.';
COMMENT ON COLUMN "staged_archives"."sha256" IS 'SHA-256 of the zip.';
COMMENT ON COLUMN "staged_archives"."size_bytes" IS 'Size of the zip. [bytes]';
COMMENT ON COLUMN "staged_archives"."row_count" IS 'Data lines.';
COMMENT ON COLUMN "staged_archives"."first_open_time" IS 'Open time of its first bar.';
COMMENT ON COLUMN "staged_archives"."last_open_time" IS 'Open time of its last bar.';
COMMENT ON COLUMN "staged_archives"."status" IS 'Outcome.';
COMMENT ON COLUMN "staged_archives"."reason" IS 'Why it is not staged.';
COMMENT ON COLUMN "staged_archives"."staged_at" IS 'As-of of the run that decided the outcome.';

CREATE TABLE "archive_revisions" (
  "key" VARCHAR NOT NULL,
  "revision" INTEGER NOT NULL CHECK ("revision" >= 1),
  "etag" VARCHAR NOT NULL,
  "sha256" VARCHAR NOT NULL,
  "previous_etag" VARCHAR NOT NULL,
  "previous_sha256" VARCHAR,
  "rows_changed" BIGINT,
  "rows_added" BIGINT,
  "rows_removed" BIGINT,
  "revised_at" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "archive_revisions" IS 'Every re-issue: a staged file that the archive replaced with another one.
Key, held by replacing partitions: key, revision
Refers to staged_archives: key';
COMMENT ON COLUMN "archive_revisions"."key" IS 'Object key.';
COMMENT ON COLUMN "archive_revisions"."revision" IS 'Number of the revision of this key; 1 is the oldest.';
COMMENT ON COLUMN "archive_revisions"."etag" IS 'ETag of the new version.';
COMMENT ON COLUMN "archive_revisions"."sha256" IS 'SHA-256 of the new zip.';
COMMENT ON COLUMN "archive_revisions"."previous_etag" IS 'ETag of the version it replaced.';
COMMENT ON COLUMN "archive_revisions"."previous_sha256" IS 'SHA-256 of the replaced zip.';
COMMENT ON COLUMN "archive_revisions"."rows_changed" IS 'Rows in both versions with different figures; NULL if the old CSV was no longer available.';
COMMENT ON COLUMN "archive_revisions"."rows_added" IS 'Rows only in the new version, by open time.';
COMMENT ON COLUMN "archive_revisions"."rows_removed" IS 'Rows only in the old version, by open time.';
COMMENT ON COLUMN "archive_revisions"."revised_at" IS 'As-of of the run that staged the new version.';

CREATE TABLE "ohlcv" (
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "timestamp" TIMESTAMP NOT NULL,
  "open" DOUBLE NOT NULL,
  "high" DOUBLE NOT NULL,
  "low" DOUBLE NOT NULL,
  "close" DOUBLE NOT NULL,
  "volume" DOUBLE NOT NULL,
  "close_time" TIMESTAMP NOT NULL,
  "quote_asset_volume" DOUBLE NOT NULL,
  "number_of_trades" BIGINT NOT NULL,
  "taker_buy_base_asset_volume" DOUBLE NOT NULL,
  "taker_buy_quote_asset_volume" DOUBLE NOT NULL,
  "data_source" VARCHAR NOT NULL
);
COMMENT ON TABLE "ohlcv" IS 'Every bar of every market and timeframe, values as published.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "ohlcv"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "ohlcv"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "ohlcv"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "ohlcv"."timestamp" IS 'Open time, UTC.';
COMMENT ON COLUMN "ohlcv"."open" IS 'First price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."high" IS 'Highest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."low" IS 'Lowest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."close" IS 'Last price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."volume" IS 'Volume. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."close_time" IS 'Close time, UTC; irregular next to an outage.';
COMMENT ON COLUMN "ohlcv"."quote_asset_volume" IS 'Turnover. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."number_of_trades" IS 'Trades.';
COMMENT ON COLUMN "ohlcv"."taker_buy_base_asset_volume" IS 'Volume bought by takers. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."taker_buy_quote_asset_volume" IS 'Turnover bought by takers. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."data_source" IS 'monthly, daily or rest.';

CREATE TABLE "conflicts" (
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "timestamp" TIMESTAMP NOT NULL,
  "monthly_key" VARCHAR NOT NULL,
  "daily_key" VARCHAR NOT NULL,
  "column_name" VARCHAR NOT NULL,
  "monthly_value" VARCHAR NOT NULL,
  "daily_value" VARCHAR NOT NULL
);
COMMENT ON TABLE "conflicts" IS 'Figures on which a monthly and a daily archive disagree; ohlcv contains the daily one.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp, column_name
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to ohlcv: instrument_type, symbol, timeframe, timestamp
Refers to staged_archives: daily_key';
COMMENT ON COLUMN "conflicts"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "conflicts"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "conflicts"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "conflicts"."timestamp" IS 'Open time of the bar, UTC.';
COMMENT ON COLUMN "conflicts"."monthly_key" IS 'Key of the monthly archive.';
COMMENT ON COLUMN "conflicts"."daily_key" IS 'Key of the daily archive.';
COMMENT ON COLUMN "conflicts"."column_name" IS 'Column of ohlcv that differs.';
COMMENT ON COLUMN "conflicts"."monthly_value" IS 'Value in the monthly archive, as published.';
COMMENT ON COLUMN "conflicts"."daily_value" IS 'Value in the daily archive, as published.';

CREATE TABLE "gaps" (
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "gap_start" TIMESTAMP NOT NULL,
  "gap_end" TIMESTAMP NOT NULL,
  "missing_bars" BIGINT NOT NULL CHECK ("missing_bars" >= 1),
  "cause" VARCHAR NOT NULL CHECK ("cause" IN ('not_published', 'rejected', 'failed', 'archive_hole', 'not_trading', 'exchange_outage', 'unverified')),
  "evidence" VARCHAR NOT NULL,
  CHECK ("gap_start" < "gap_end")
);
COMMENT ON TABLE "gaps" IS 'Slots without a bar between the first archive of a series and its last published slot, and why; docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "gaps"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "gaps"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "gaps"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "gaps"."gap_start" IS 'Open time of the first slot without a bar.';
COMMENT ON COLUMN "gaps"."gap_end" IS 'Open time of the slot after the last one without a bar.';
COMMENT ON COLUMN "gaps"."missing_bars" IS 'Slots without a bar.';
COMMENT ON COLUMN "gaps"."cause" IS 'The first cause that applies.';
COMMENT ON COLUMN "gaps"."evidence" IS 'Key of the archive, or time of the listing, that shows it.';

CREATE TABLE "symbols" (
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "symbol" VARCHAR NOT NULL,
  "base_asset" VARCHAR,
  "quote_asset" VARCHAR,
  "contract_type" VARCHAR NOT NULL CHECK ("contract_type" IN ('spot', 'perpetual', 'delivery', 'settled')),
  "first_date" DATE NOT NULL,
  "last_date" DATE NOT NULL,
  "last_traded_date" DATE,
  "spells" INTEGER NOT NULL CHECK ("spells" >= 1),
  CHECK ("first_date" <= "last_date"),
  PRIMARY KEY ("instrument_type", "symbol")
);
COMMENT ON TABLE "symbols" IS 'Every ticker that the archive has ever listed, and what its name tells.';
COMMENT ON COLUMN "symbols"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "symbols"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "symbols"."base_asset" IS 'Asset that is traded.';
COMMENT ON COLUMN "symbols"."quote_asset" IS 'Asset that it is priced in; NULL if no known asset fits.';
COMMENT ON COLUMN "symbols"."contract_type" IS 'Kind of contract, from its name.';
COMMENT ON COLUMN "symbols"."first_date" IS 'First day listed.';
COMMENT ON COLUMN "symbols"."last_date" IS 'Last day listed.';
COMMENT ON COLUMN "symbols"."last_traded_date" IS 'Last day with a trade.';
COMMENT ON COLUMN "symbols"."spells" IS '1 + holes of more than 7 days.';

CREATE TABLE "listed_spans" (
  "symbol" VARCHAR NOT NULL,
  "first_date" DATE NOT NULL,
  "last_date" DATE NOT NULL
);
COMMENT ON TABLE "listed_spans" IS 'From which day to which daily_availability has a row of a symbol.
Key, held by replacing partitions: symbol';
COMMENT ON COLUMN "listed_spans"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "listed_spans"."first_date" IS 'First day on which its daily archive is listed.';
COMMENT ON COLUMN "listed_spans"."last_date" IS 'Last such day, and grace_days more while it stays away.';

CREATE TABLE "known_quote_assets" (
  "asset" VARCHAR NOT NULL,
  PRIMARY KEY ("asset")
);
COMMENT ON TABLE "known_quote_assets" IS 'Seed: assets that symbols are priced in.';
COMMENT ON COLUMN "known_quote_assets"."asset" IS 'Asset.';

CREATE TABLE "symbol_exceptions" (
  "name" VARCHAR NOT NULL,
  "base_asset" VARCHAR NOT NULL,
  "quote_asset" VARCHAR NOT NULL,
  PRIMARY KEY ("name")
);
COMMENT ON TABLE "symbol_exceptions" IS 'Seed: names that the longest known quote asset would divide wrongly, or that are ambiguous.';
COMMENT ON COLUMN "symbol_exceptions"."name" IS 'Symbol without the suffix of a delivery, a perpetual or a settled contract.';
COMMENT ON COLUMN "symbol_exceptions"."base_asset" IS 'Asset that is traded: the first part of the name.';
COMMENT ON COLUMN "symbol_exceptions"."quote_asset" IS 'Asset that it is priced in: the rest of the name.';

CREATE TABLE "contract_sizes" (
  "pair" VARCHAR NOT NULL,
  "contract_size" DOUBLE NOT NULL CHECK ("contract_size" >= 0),
  PRIMARY KEY ("pair")
);
COMMENT ON TABLE "contract_sizes" IS 'Seed: what a contract of futures-cm is worth where that is not 10 US dollars.';
COMMENT ON COLUMN "contract_sizes"."pair" IS 'Symbol without its suffix: BTCUSD.';
COMMENT ON COLUMN "contract_sizes"."contract_size" IS 'Worth of one contract. [USD]';

CREATE TABLE "resampling_exceptions" (
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "date" DATE NOT NULL,
  "reason" VARCHAR NOT NULL,
  PRIMARY KEY ("instrument_type", "symbol", "timeframe", "date")
);
COMMENT ON TABLE "resampling_exceptions" IS 'Seed: bars that are known to differ from what their 1m bars add up to.';
COMMENT ON COLUMN "resampling_exceptions"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "resampling_exceptions"."symbol" IS 'Ticker, or a pattern in which * stands for any characters.';
COMMENT ON COLUMN "resampling_exceptions"."timeframe" IS 'Bar length, or a pattern in which * stands for any characters.';
COMMENT ON COLUMN "resampling_exceptions"."date" IS 'Day that the bars open on, UTC.';
COMMENT ON COLUMN "resampling_exceptions"."reason" IS 'Why they differ.';

CREATE TABLE "daily_availability" (
  "date" DATE NOT NULL,
  "symbol" VARCHAR NOT NULL,
  "available" BOOLEAN NOT NULL,
  "file_size_bytes" BIGINT,
  "last_modified" TIMESTAMP,
  "url" VARCHAR NOT NULL,
  "status_code" INTEGER NOT NULL,
  "probe_timestamp" TIMESTAMP NOT NULL,
  "quote_volume_usdt" DOUBLE,
  "trade_count" BIGINT,
  "volume_base" DOUBLE,
  "taker_buy_volume_base" DOUBLE,
  "taker_buy_quote_volume_usdt" DOUBLE,
  "open_price" DOUBLE,
  "high_price" DOUBLE,
  "low_price" DOUBLE,
  "close_price" DOUBLE,
  PRIMARY KEY ("date", "symbol")
);
COMMENT ON TABLE "daily_availability" IS 'Which USD-M symbol had data on which day, and what was traded that day.
Partition: date
Index idx_quote_volume_date: quote_volume_usdt DESC, date
Refers to symbols: symbol';
COMMENT ON COLUMN "daily_availability"."date" IS 'Day, UTC.';
COMMENT ON COLUMN "daily_availability"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "daily_availability"."available" IS 'The daily archive of this day is listed.';
COMMENT ON COLUMN "daily_availability"."file_size_bytes" IS 'Size of that archive. [bytes]';
COMMENT ON COLUMN "daily_availability"."last_modified" IS 'When it was published or re-issued.';
COMMENT ON COLUMN "daily_availability"."url" IS 'URL of that archive, also if it is not listed.';
COMMENT ON COLUMN "daily_availability"."status_code" IS '200 if it is listed, else 404: inferred from the listing.';
COMMENT ON COLUMN "daily_availability"."probe_timestamp" IS 'As-of of the run that first saw this state.';
COMMENT ON COLUMN "daily_availability"."quote_volume_usdt" IS 'Turnover; NULL unless the quote asset is a US dollar at par. [USDT]';
COMMENT ON COLUMN "daily_availability"."trade_count" IS 'Trades.';
COMMENT ON COLUMN "daily_availability"."volume_base" IS 'Volume. [base asset]';
COMMENT ON COLUMN "daily_availability"."taker_buy_volume_base" IS 'Volume bought by takers. [base asset]';
COMMENT ON COLUMN "daily_availability"."taker_buy_quote_volume_usdt" IS 'Turnover bought by takers, at par. [USDT]';
COMMENT ON COLUMN "daily_availability"."open_price" IS 'First price. [quote asset]';
COMMENT ON COLUMN "daily_availability"."high_price" IS 'Highest price. [quote asset]';
COMMENT ON COLUMN "daily_availability"."low_price" IS 'Lowest price. [quote asset]';
COMMENT ON COLUMN "daily_availability"."close_price" IS 'Last price. [quote asset]';
-- When the database is published: CREATE INDEX "idx_quote_volume_date" ON "daily_availability" ("quote_volume_usdt" DESC, "date");

CREATE TABLE "volume_rankings" (
  "date" DATE NOT NULL,
  "symbol" VARCHAR NOT NULL,
  "rank" SMALLINT NOT NULL CHECK ("rank" >= 1),
  "quote_volume_usdt" DOUBLE NOT NULL,
  "trade_count" BIGINT NOT NULL CHECK ("trade_count" >= 1),
  "rank_change_1d" SMALLINT,
  "rank_change_7d" SMALLINT,
  "rank_change_14d" SMALLINT,
  "rank_change_30d" SMALLINT,
  "percentile" FLOAT NOT NULL CHECK ("percentile" >= 0) CHECK ("percentile" <= 100),
  "market_share_pct" FLOAT NOT NULL CHECK ("market_share_pct" >= 0),
  "days_available" TINYINT NOT NULL CHECK ("days_available" >= 1) CHECK ("days_available" <= 30),
  "generation_timestamp" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "volume_rankings" IS 'USD-M perpetual contracts by turnover of the day, 1 is the largest.
Key, held by replacing partitions: date, symbol
Partition: date
Refers to daily_availability: date, symbol';
COMMENT ON COLUMN "volume_rankings"."date" IS 'Day, UTC.';
COMMENT ON COLUMN "volume_rankings"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "volume_rankings"."rank" IS 'Dense rank by turnover.';
COMMENT ON COLUMN "volume_rankings"."quote_volume_usdt" IS 'Turnover. [USDT]';
COMMENT ON COLUMN "volume_rankings"."trade_count" IS 'Trades.';
COMMENT ON COLUMN "volume_rankings"."rank_change_1d" IS 'Rank minus the rank 1 calendar day before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_7d" IS 'Rank minus the rank 7 calendar days before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_14d" IS 'Rank minus the rank 14 calendar days before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_30d" IS 'Rank minus the rank 30 calendar days before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."percentile" IS 'Share of the cohort that is larger; 0 is the largest. [percent]';
COMMENT ON COLUMN "volume_rankings"."market_share_pct" IS 'Share of the turnover of the cohort. [percent]';
COMMENT ON COLUMN "volume_rankings"."days_available" IS 'Ranked days among the 30 calendar days that end this day.';
COMMENT ON COLUMN "volume_rankings"."generation_timestamp" IS 'As-of of the run that built this day.';

CREATE TABLE "partition_state" (
  "model" VARCHAR NOT NULL,
  "partition" VARCHAR NOT NULL,
  "input_digest" VARCHAR NOT NULL,
  "run_id" VARCHAR NOT NULL,
  "rows_digest" VARCHAR
);
COMMENT ON TABLE "partition_state" IS 'What each partition was built from. Written in the transaction that publishes its rows.
Key, held by replacing partitions: model, partition';
COMMENT ON COLUMN "partition_state"."model" IS 'Model, extracted table, test or export.';
COMMENT ON COLUMN "partition_state"."partition" IS 'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.';
COMMENT ON COLUMN "partition_state"."input_digest" IS 'Digest of all that the rows depend on: inputs, compiled SQL, vars, table definition.';
COMMENT ON COLUMN "partition_state"."run_id" IS 'Run that wrote it.';
COMMENT ON COLUMN "partition_state"."rows_digest" IS 'Digest of its rows as they were published, of an export that of its file; altered where another program changed them.';

CREATE TABLE "pending_changes" (
  "model" VARCHAR NOT NULL,
  "source" VARCHAR NOT NULL,
  "part" VARCHAR NOT NULL
);
COMMENT ON TABLE "pending_changes" IS 'Changes of tables that a model has yet to take up. Written in the transaction that changes the table.
Key, held by replacing partitions: model, source, part';
COMMENT ON COLUMN "pending_changes"."model" IS 'Model that reads the table.';
COMMENT ON COLUMN "pending_changes"."source" IS 'Table that changed; empty for a partition of the model itself that is left to build.';
COMMENT ON COLUMN "pending_changes"."part" IS 'Values that the changed rows have in the columns by which they map to partitions of the model, as in partition_state.';

CREATE TABLE "test_results" (
  "run_id" VARCHAR NOT NULL,
  "test" VARCHAR NOT NULL,
  "model" VARCHAR NOT NULL,
  "status" VARCHAR NOT NULL CHECK ("status" IN ('pass', 'warn', 'error')),
  "value" DOUBLE,
  "threshold" DOUBLE,
  "rows_failed" BIGINT NOT NULL,
  "tested_at" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "test_results" IS 'Every measured value of every data test, on pass too.
Key, held by replacing partitions: run_id, test';
COMMENT ON COLUMN "test_results"."run_id" IS 'Run that measured it.';
COMMENT ON COLUMN "test_results"."test" IS 'Name of the test.';
COMMENT ON COLUMN "test_results"."model" IS 'Model it tests.';
COMMENT ON COLUMN "test_results"."status" IS 'How it ended.';
COMMENT ON COLUMN "test_results"."value" IS 'What was measured: a ratio, or the number of failing rows.';
COMMENT ON COLUMN "test_results"."threshold" IS 'What the value was held against.';
COMMENT ON COLUMN "test_results"."rows_failed" IS 'Rows that break the rule.';
COMMENT ON COLUMN "test_results"."tested_at" IS 'As-of of the run, UTC.';

CREATE TABLE "schema_migrations" (
  "number" INTEGER NOT NULL,
  "name" VARCHAR NOT NULL,
  "checksum" VARCHAR NOT NULL,
  "applied_at" TIMESTAMP NOT NULL,
  PRIMARY KEY ("number")
);
COMMENT ON TABLE "schema_migrations" IS 'The migrations that this database has been through; it is there before the first of them.';
COMMENT ON COLUMN "schema_migrations"."number" IS 'Number of the migration.';
COMMENT ON COLUMN "schema_migrations"."name" IS 'Name of its file.';
COMMENT ON COLUMN "schema_migrations"."checksum" IS 'SHA-256 of its file.';
COMMENT ON COLUMN "schema_migrations"."applied_at" IS 'When it was applied, or when the database was made at its state, UTC.';
