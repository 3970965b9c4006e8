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
COMMENT ON TABLE "archive_objects" IS 'Kline archives as they were last listed, one row each.
Key, held by replacing partitions: key
Partition: instrument_type, cadence, timeframe, symbol';
COMMENT ON COLUMN "archive_objects"."key" IS 'Object key.';
COMMENT ON COLUMN "archive_objects"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "archive_objects"."cadence" IS 'Length of the period that the archive covers.';
COMMENT ON COLUMN "archive_objects"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "archive_objects"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "archive_objects"."period_start" IS 'First day that the archive covers.';
COMMENT ON COLUMN "archive_objects"."period_end" IS 'Day after the last one that the archive covers.';
COMMENT ON COLUMN "archive_objects"."size_bytes" IS 'Size of the zip. [bytes]';
COMMENT ON COLUMN "archive_objects"."etag" IS 'ETag without quotes; usually the MD5 of the object.';
COMMENT ON COLUMN "archive_objects"."last_modified" IS 'Time at which it was published, or last re-issued, UTC.';
COMMENT ON COLUMN "archive_objects"."listed_at" IS 'As-of time of the run that first saw this version, UTC.';

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
COMMENT ON COLUMN "staged_archives"."cadence" IS 'Length of the period; rest for bars from the REST API of the exchange.';
COMMENT ON COLUMN "staged_archives"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "staged_archives"."timeframe" IS 'Length of a bar; NULL if the exchange does not know the symbol.';
COMMENT ON COLUMN "staged_archives"."period_start" IS 'First day that the archive covers; NULL if timeframe is NULL.';
COMMENT ON COLUMN "staged_archives"."period_end" IS 'Day after the last one that it covers; NULL if timeframe is NULL.';
COMMENT ON COLUMN "staged_archives"."etag" IS 'ETag in the listing for which it was fetched.';
COMMENT ON COLUMN "staged_archives"."sha256" IS 'SHA-256 of the zip; NULL if none was received.';
COMMENT ON COLUMN "staged_archives"."size_bytes" IS 'Size of the zip. [bytes]';
COMMENT ON COLUMN "staged_archives"."row_count" IS 'Number of data lines; NULL if they were not counted.';
COMMENT ON COLUMN "staged_archives"."first_open_time" IS 'Open time of its first bar, UTC.';
COMMENT ON COLUMN "staged_archives"."last_open_time" IS 'Open time of its last bar, UTC.';
COMMENT ON COLUMN "staged_archives"."status" IS 'Outcome.';
COMMENT ON COLUMN "staged_archives"."reason" IS 'Reason for the status; NULL if nothing went wrong.';
COMMENT ON COLUMN "staged_archives"."staged_at" IS 'As-of time of the run that decided the outcome, UTC.';

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
COMMENT ON TABLE "archive_revisions" IS 'Re-issues: one row for each time that the archive replaced a staged file with another version.
Key, held by replacing partitions: key, revision
Refers to staged_archives: key';
COMMENT ON COLUMN "archive_revisions"."key" IS 'Object key.';
COMMENT ON COLUMN "archive_revisions"."revision" IS 'Number of the revision of this key; 1 is the oldest.';
COMMENT ON COLUMN "archive_revisions"."etag" IS 'ETag of the new version.';
COMMENT ON COLUMN "archive_revisions"."sha256" IS 'SHA-256 of the new zip.';
COMMENT ON COLUMN "archive_revisions"."previous_etag" IS 'ETag of the version that it replaced.';
COMMENT ON COLUMN "archive_revisions"."previous_sha256" IS 'SHA-256 of the replaced zip; NULL if it was not recorded.';
COMMENT ON COLUMN "archive_revisions"."rows_changed" IS 'Number of rows that both versions have, with different values; NULL if the old CSV was no longer available.';
COMMENT ON COLUMN "archive_revisions"."rows_added" IS 'Number of rows that only the new version has, matched by open time; NULL if rows_changed is NULL.';
COMMENT ON COLUMN "archive_revisions"."rows_removed" IS 'Number of rows that only the old version has, matched by open time; NULL if rows_changed is NULL.';
COMMENT ON COLUMN "archive_revisions"."revised_at" IS 'As-of time of the run that staged the new version, UTC.';

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
COMMENT ON TABLE "ohlcv" IS 'Bars of all markets and timeframes, with their values as published.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "ohlcv"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "ohlcv"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "ohlcv"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "ohlcv"."timestamp" IS 'Open time, UTC.';
COMMENT ON COLUMN "ohlcv"."open" IS 'Price of the first trade. [quote asset]';
COMMENT ON COLUMN "ohlcv"."high" IS 'Highest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."low" IS 'Lowest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."close" IS 'Price of the last trade. [quote asset]';
COMMENT ON COLUMN "ohlcv"."volume" IS 'Volume. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."close_time" IS 'Close time, UTC; irregular next to an outage.';
COMMENT ON COLUMN "ohlcv"."quote_asset_volume" IS 'Turnover. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."number_of_trades" IS 'Number of trades.';
COMMENT ON COLUMN "ohlcv"."taker_buy_base_asset_volume" IS 'Volume of taker buy orders. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."taker_buy_quote_asset_volume" IS 'Turnover of taker buy orders. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."data_source" IS 'Origin of the bar: the cadence of its archive, or rest for the REST API of the exchange.';

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
COMMENT ON TABLE "conflicts" IS 'Values on which a monthly and a daily archive disagree. ohlcv contains the daily one.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp, column_name
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to ohlcv: instrument_type, symbol, timeframe, timestamp
Refers to staged_archives: daily_key';
COMMENT ON COLUMN "conflicts"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "conflicts"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "conflicts"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
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
COMMENT ON TABLE "gaps" IS 'Missing bars of each series, from its first archive to its last published slot, with their causes; see docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "gaps"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "gaps"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "gaps"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "gaps"."gap_start" IS 'Open time of the first slot without a bar, UTC.';
COMMENT ON COLUMN "gaps"."gap_end" IS 'Open time of the slot after the last one without a bar, UTC.';
COMMENT ON COLUMN "gaps"."missing_bars" IS 'Number of slots without a bar.';
COMMENT ON COLUMN "gaps"."cause" IS 'The first cause that applies.';
COMMENT ON COLUMN "gaps"."evidence" IS 'What shows the cause: the key of an archive, or the time of a listing.';

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
COMMENT ON TABLE "symbols" IS 'Every ticker that the archive has ever listed, with what its name says.';
COMMENT ON COLUMN "symbols"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "symbols"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "symbols"."base_asset" IS 'Asset that is traded; NULL if quote_asset is NULL.';
COMMENT ON COLUMN "symbols"."quote_asset" IS 'Asset in which it is priced; NULL if the ticker does not end with a known one.';
COMMENT ON COLUMN "symbols"."contract_type" IS 'Type of the contract, derived from the ticker.';
COMMENT ON COLUMN "symbols"."first_date" IS 'First day for which an archive is listed.';
COMMENT ON COLUMN "symbols"."last_date" IS 'Last day for which an archive is listed.';
COMMENT ON COLUMN "symbols"."last_traded_date" IS 'Last day with a trade; NULL if no bar with a trade is loaded.';
COMMENT ON COLUMN "symbols"."spells" IS 'Number of spells: 1, and 1 more for each absence of more than 7 days.';

CREATE TABLE "listed_spans" (
  "symbol" VARCHAR NOT NULL,
  "first_date" DATE NOT NULL,
  "last_date" DATE NOT NULL
);
COMMENT ON TABLE "listed_spans" IS 'Days for which daily_availability has a row of a symbol: from first_date to last_date.
Key, held by replacing partitions: symbol';
COMMENT ON COLUMN "listed_spans"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "listed_spans"."first_date" IS 'First day for which a daily archive is listed.';
COMMENT ON COLUMN "listed_spans"."last_date" IS 'Last such day plus the var grace_days, but at most the newest day that is listed for any symbol.';

CREATE TABLE "known_quote_assets" (
  "asset" VARCHAR NOT NULL,
  PRIMARY KEY ("asset")
);
COMMENT ON TABLE "known_quote_assets" IS 'Seed: assets in which symbols are priced.';
COMMENT ON COLUMN "known_quote_assets"."asset" IS 'Name of the asset, such as USDT.';

CREATE TABLE "symbol_exceptions" (
  "name" VARCHAR NOT NULL,
  "base_asset" VARCHAR NOT NULL,
  "quote_asset" VARCHAR NOT NULL,
  PRIMARY KEY ("name")
);
COMMENT ON TABLE "symbol_exceptions" IS 'Seed: names that are ambiguous, or that the longest matching quote asset would split wrongly.';
COMMENT ON COLUMN "symbol_exceptions"."name" IS 'Ticker without the suffix of a delivery, perpetual or settled contract.';
COMMENT ON COLUMN "symbol_exceptions"."base_asset" IS 'Asset that is traded: the first part of the name.';
COMMENT ON COLUMN "symbol_exceptions"."quote_asset" IS 'Asset in which it is priced: the rest of the name.';

CREATE TABLE "contract_sizes" (
  "pair" VARCHAR NOT NULL,
  "contract_size" DOUBLE NOT NULL CHECK ("contract_size" >= 0),
  PRIMARY KEY ("pair")
);
COMMENT ON TABLE "contract_sizes" IS 'Seed: contracts of futures-cm that are not worth 10 US dollars.';
COMMENT ON COLUMN "contract_sizes"."pair" IS 'Ticker without its suffix, such as BTCUSD.';
COMMENT ON COLUMN "contract_sizes"."contract_size" IS 'Value of one contract. [USD]';

CREATE TABLE "resampling_exceptions" (
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
  "date" DATE NOT NULL,
  "reason" VARCHAR NOT NULL,
  PRIMARY KEY ("instrument_type", "symbol", "timeframe", "date")
);
COMMENT ON TABLE "resampling_exceptions" IS 'Seed: bars that are known to disagree with their 1m bars.';
COMMENT ON COLUMN "resampling_exceptions"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "resampling_exceptions"."symbol" IS 'Ticker, or a pattern in which * stands for any characters.';
COMMENT ON COLUMN "resampling_exceptions"."timeframe" IS 'Bar length, or a pattern in which * stands for any characters.';
COMMENT ON COLUMN "resampling_exceptions"."date" IS 'Day on which the bars open, UTC.';
COMMENT ON COLUMN "resampling_exceptions"."reason" IS 'Why they disagree.';

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
COMMENT ON TABLE "daily_availability" IS 'For each USD-M symbol and day, whether the daily archive is listed, and the figures of the 1d bar.
Partition: date
Index idx_quote_volume_date: quote_volume_usdt DESC, date
Refers to symbols: symbol';
COMMENT ON COLUMN "daily_availability"."date" IS 'Day, UTC.';
COMMENT ON COLUMN "daily_availability"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "daily_availability"."available" IS 'True if the daily archive of this day is listed.';
COMMENT ON COLUMN "daily_availability"."file_size_bytes" IS 'Size of that archive; NULL if it is not listed. [bytes]';
COMMENT ON COLUMN "daily_availability"."last_modified" IS 'Time at which it was published, or last re-issued, UTC; NULL if it is not listed.';
COMMENT ON COLUMN "daily_availability"."url" IS 'URL of that archive, whether or not it is listed.';
COMMENT ON COLUMN "daily_availability"."status_code" IS '200 if it is listed, else 404. Inferred from the listing.';
COMMENT ON COLUMN "daily_availability"."probe_timestamp" IS 'As-of time of the run that first saw this state, UTC.';
COMMENT ON COLUMN "daily_availability"."quote_volume_usdt" IS 'Turnover; NULL without a 1d bar, or if the quote asset does not count as a US dollar at par. [USDT]';
COMMENT ON COLUMN "daily_availability"."trade_count" IS 'Number of trades; NULL without a 1d bar.';
COMMENT ON COLUMN "daily_availability"."volume_base" IS 'Volume; NULL without a 1d bar. [base asset]';
COMMENT ON COLUMN "daily_availability"."taker_buy_volume_base" IS 'Volume of taker buy orders; NULL without a 1d bar. [base asset]';
COMMENT ON COLUMN "daily_availability"."taker_buy_quote_volume_usdt" IS 'Turnover of taker buy orders; NULL if quote_volume_usdt is NULL. [USDT]';
COMMENT ON COLUMN "daily_availability"."open_price" IS 'Price of the first trade; NULL without a 1d bar. [quote asset]';
COMMENT ON COLUMN "daily_availability"."high_price" IS 'Highest price; NULL without a 1d bar. [quote asset]';
COMMENT ON COLUMN "daily_availability"."low_price" IS 'Lowest price; NULL without a 1d bar. [quote asset]';
COMMENT ON COLUMN "daily_availability"."close_price" IS 'Price of the last trade; NULL without a 1d bar. [quote asset]';
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
COMMENT ON TABLE "volume_rankings" IS 'USD-M perpetual contracts, ranked by their turnover of each day. Rank 1 is the largest.
Key, held by replacing partitions: date, symbol
Partition: date
Refers to daily_availability: date, symbol';
COMMENT ON COLUMN "volume_rankings"."date" IS 'Day, UTC.';
COMMENT ON COLUMN "volume_rankings"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "volume_rankings"."rank" IS 'Dense rank by turnover.';
COMMENT ON COLUMN "volume_rankings"."quote_volume_usdt" IS 'Turnover. [USDT]';
COMMENT ON COLUMN "volume_rankings"."trade_count" IS 'Number of trades.';
COMMENT ON COLUMN "volume_rankings"."rank_change_1d" IS 'Rank minus the rank 1 calendar day before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_7d" IS 'Rank minus the rank 7 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_14d" IS 'Rank minus the rank 14 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_30d" IS 'Rank minus the rank 30 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."percentile" IS 'Share of the other ranked contracts that have a larger turnover; 0 is the largest. [percent]';
COMMENT ON COLUMN "volume_rankings"."market_share_pct" IS 'Share of the turnover of all ranked contracts. [percent]';
COMMENT ON COLUMN "volume_rankings"."days_available" IS 'Number of ranked days among the 30 calendar days that end with this one.';
COMMENT ON COLUMN "volume_rankings"."generation_timestamp" IS 'As-of time of the run that built this day, UTC.';

CREATE TABLE "partition_state" (
  "model" VARCHAR NOT NULL,
  "partition" VARCHAR NOT NULL,
  "input_digest" VARCHAR NOT NULL,
  "run_id" VARCHAR NOT NULL,
  "rows_digest" VARCHAR
);
COMMENT ON TABLE "partition_state" IS 'What each partition was built from. Written in the transaction that publishes its rows.
Key, held by replacing partitions: model, partition';
COMMENT ON COLUMN "partition_state"."model" IS 'Name of the model, extracted table, test or export.';
COMMENT ON COLUMN "partition_state"."partition" IS 'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.';
COMMENT ON COLUMN "partition_state"."input_digest" IS 'Digest of everything that the rows depend on: inputs, compiled SQL, vars and the definition of the table.';
COMMENT ON COLUMN "partition_state"."run_id" IS 'Run that wrote it.';
COMMENT ON COLUMN "partition_state"."rows_digest" IS 'Digest of the rows as published, or of the file of an export; altered if another program has changed them.';

CREATE TABLE "pending_changes" (
  "model" VARCHAR NOT NULL,
  "source" VARCHAR NOT NULL,
  "part" VARCHAR NOT NULL
);
COMMENT ON TABLE "pending_changes" IS 'Changes to tables that a model has not processed yet. Written in the transaction that changes the table.
Key, held by replacing partitions: model, source, part';
COMMENT ON COLUMN "pending_changes"."model" IS 'Model that reads the table.';
COMMENT ON COLUMN "pending_changes"."source" IS 'Table that changed; empty if a partition of the model itself still has to be built.';
COMMENT ON COLUMN "pending_changes"."part" IS 'Values of the columns that map the changed rows to partitions of the model, written as in partition_state.';

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
COMMENT ON TABLE "test_results" IS 'Every value that a data test has measured, whether or not it passed.
Key, held by replacing partitions: run_id, test';
COMMENT ON COLUMN "test_results"."run_id" IS 'Run that measured it.';
COMMENT ON COLUMN "test_results"."test" IS 'Name of the test.';
COMMENT ON COLUMN "test_results"."model" IS 'Model it tests.';
COMMENT ON COLUMN "test_results"."status" IS 'Outcome.';
COMMENT ON COLUMN "test_results"."value" IS 'Measured value: a ratio, or the number of failing rows; NULL if there was nothing to measure.';
COMMENT ON COLUMN "test_results"."threshold" IS 'Threshold with which the value was compared.';
COMMENT ON COLUMN "test_results"."rows_failed" IS 'Number of rows that break the rule.';
COMMENT ON COLUMN "test_results"."tested_at" IS 'As-of time of the run, UTC.';

CREATE TABLE "schema_migrations" (
  "number" INTEGER NOT NULL,
  "name" VARCHAR NOT NULL,
  "checksum" VARCHAR NOT NULL,
  "applied_at" TIMESTAMP NOT NULL,
  PRIMARY KEY ("number")
);
COMMENT ON TABLE "schema_migrations" IS 'Migrations that were applied to this database. The table exists before the first of them.';
COMMENT ON COLUMN "schema_migrations"."number" IS 'Number of the migration.';
COMMENT ON COLUMN "schema_migrations"."name" IS 'Name of its file.';
COMMENT ON COLUMN "schema_migrations"."checksum" IS 'SHA-256 of its file.';
COMMENT ON COLUMN "schema_migrations"."applied_at" IS 'Time at which it was applied, or at which the database was created with its changes, UTC.';
