-- 0015_describe_again; written by pnpm pipeline migrate new, never changed after its release
-- archive_objects: change the description of cadence
-- archive_objects: change the description of symbol
-- archive_objects: change the description of timeframe
-- archive_objects: change the description of period_start
-- archive_objects: change the description of period_end
-- archive_objects: change the description of last_modified
-- archive_objects: change the description of listed_at
-- archive_objects: change the description
-- staged_archives: change the description of cadence
-- staged_archives: change the description of symbol
-- staged_archives: change the description of timeframe
-- staged_archives: change the description of period_start
-- staged_archives: change the description of period_end
-- staged_archives: change the description of etag
-- staged_archives: change the description of sha256
-- staged_archives: change the description of row_count
-- staged_archives: change the description of first_open_time
-- staged_archives: change the description of last_open_time
-- staged_archives: change the description of reason
-- staged_archives: change the description of staged_at
-- archive_revisions: change the description of previous_etag
-- archive_revisions: change the description of previous_sha256
-- archive_revisions: change the description of rows_changed
-- archive_revisions: change the description of rows_added
-- archive_revisions: change the description of rows_removed
-- archive_revisions: change the description of revised_at
-- archive_revisions: change the description
-- ohlcv: change the description of symbol
-- ohlcv: change the description of timeframe
-- ohlcv: change the description of open
-- ohlcv: change the description of close
-- ohlcv: change the description of number_of_trades
-- ohlcv: change the description of taker_buy_base_asset_volume
-- ohlcv: change the description of taker_buy_quote_asset_volume
-- ohlcv: change the description of data_source
-- ohlcv: change the description
-- conflicts: change the description of symbol
-- conflicts: change the description of timeframe
-- conflicts: change the description
-- gaps: change the description of symbol
-- gaps: change the description of timeframe
-- gaps: change the description of gap_start
-- gaps: change the description of gap_end
-- gaps: change the description of missing_bars
-- gaps: change the description of evidence
-- gaps: change the description
-- symbols: change the description of symbol
-- symbols: change the description of base_asset
-- symbols: change the description of quote_asset
-- symbols: change the description of contract_type
-- symbols: change the description of first_date
-- symbols: change the description of last_date
-- symbols: change the description of last_traded_date
-- symbols: change the description of spells
-- symbols: change the description
-- listed_spans: change the description of symbol
-- listed_spans: change the description of first_date
-- listed_spans: change the description of last_date
-- listed_spans: change the description
-- known_quote_assets: change the description of asset
-- known_quote_assets: change the description
-- symbol_exceptions: change the description of name
-- symbol_exceptions: change the description of quote_asset
-- symbol_exceptions: change the description
-- contract_sizes: change the description of pair
-- contract_sizes: change the description of contract_size
-- contract_sizes: change the description
-- resampling_exceptions: change the description of date
-- resampling_exceptions: change the description of reason
-- resampling_exceptions: change the description
-- daily_availability: change the description of symbol
-- daily_availability: change the description of available
-- daily_availability: change the description of file_size_bytes
-- daily_availability: change the description of last_modified
-- daily_availability: change the description of url
-- daily_availability: change the description of status_code
-- daily_availability: change the description of probe_timestamp
-- daily_availability: change the description of quote_volume_usdt
-- daily_availability: change the description of trade_count
-- daily_availability: change the description of volume_base
-- daily_availability: change the description of taker_buy_volume_base
-- daily_availability: change the description of taker_buy_quote_volume_usdt
-- daily_availability: change the description of open_price
-- daily_availability: change the description of high_price
-- daily_availability: change the description of low_price
-- daily_availability: change the description of close_price
-- daily_availability: change the description
-- volume_rankings: change the description of symbol
-- volume_rankings: change the description of trade_count
-- volume_rankings: change the description of rank_change_1d
-- volume_rankings: change the description of rank_change_7d
-- volume_rankings: change the description of rank_change_14d
-- volume_rankings: change the description of rank_change_30d
-- volume_rankings: change the description of percentile
-- volume_rankings: change the description of market_share_pct
-- volume_rankings: change the description of days_available
-- volume_rankings: change the description of generation_timestamp
-- volume_rankings: change the description
-- partition_state: change the description of model
-- partition_state: change the description of input_digest
-- partition_state: change the description of rows_digest
-- pending_changes: change the description of source
-- pending_changes: change the description of part
-- pending_changes: change the description
-- test_results: change the description of status
-- test_results: change the description of value
-- test_results: change the description of threshold
-- test_results: change the description of rows_failed
-- test_results: change the description of tested_at
-- test_results: change the description

COMMENT ON COLUMN "archive_objects"."cadence" IS 'Length of the period that the archive covers.';
COMMENT ON COLUMN "archive_objects"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "archive_objects"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "archive_objects"."period_start" IS 'First day that the archive covers.';
COMMENT ON COLUMN "archive_objects"."period_end" IS 'Day after the last one that the archive covers.';
COMMENT ON COLUMN "archive_objects"."last_modified" IS 'Time at which it was published, or last re-issued, UTC.';
COMMENT ON COLUMN "archive_objects"."listed_at" IS 'As-of time of the run that first saw this version, UTC.';
COMMENT ON TABLE "archive_objects" IS 'Kline archives as they were last listed, one row each.
Key, held by replacing partitions: key
Partition: instrument_type, cadence, timeframe, symbol';
COMMENT ON COLUMN "staged_archives"."cadence" IS 'Length of the period; rest for bars from the REST API of the exchange.';
COMMENT ON COLUMN "staged_archives"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "staged_archives"."timeframe" IS 'Length of a bar; NULL if the exchange does not know the symbol.';
COMMENT ON COLUMN "staged_archives"."period_start" IS 'First day that the archive covers; NULL if timeframe is NULL.';
COMMENT ON COLUMN "staged_archives"."period_end" IS 'Day after the last one that it covers; NULL if timeframe is NULL.';
COMMENT ON COLUMN "staged_archives"."etag" IS 'ETag in the listing for which it was fetched.';
COMMENT ON COLUMN "staged_archives"."sha256" IS 'SHA-256 of the zip; NULL if none was received.';
COMMENT ON COLUMN "staged_archives"."row_count" IS 'Number of data lines; NULL if they were not counted.';
COMMENT ON COLUMN "staged_archives"."first_open_time" IS 'Open time of its first bar, UTC.';
COMMENT ON COLUMN "staged_archives"."last_open_time" IS 'Open time of its last bar, UTC.';
COMMENT ON COLUMN "staged_archives"."reason" IS 'Reason for the status; NULL if nothing went wrong.';
COMMENT ON COLUMN "staged_archives"."staged_at" IS 'As-of time of the run that decided the outcome, UTC.';
COMMENT ON COLUMN "archive_revisions"."previous_etag" IS 'ETag of the version that it replaced.';
COMMENT ON COLUMN "archive_revisions"."previous_sha256" IS 'SHA-256 of the replaced zip; NULL if it was not recorded.';
COMMENT ON COLUMN "archive_revisions"."rows_changed" IS 'Number of rows that both versions have, with different values; NULL if the old CSV was no longer available.';
COMMENT ON COLUMN "archive_revisions"."rows_added" IS 'Number of rows that only the new version has, matched by open time; NULL if rows_changed is NULL.';
COMMENT ON COLUMN "archive_revisions"."rows_removed" IS 'Number of rows that only the old version has, matched by open time; NULL if rows_changed is NULL.';
COMMENT ON COLUMN "archive_revisions"."revised_at" IS 'As-of time of the run that staged the new version, UTC.';
COMMENT ON TABLE "archive_revisions" IS 'Re-issues: one row for each time that the archive replaced a staged file with another version.
Key, held by replacing partitions: key, revision
Refers to staged_archives: key';
COMMENT ON COLUMN "ohlcv"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "ohlcv"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "ohlcv"."open" IS 'Price of the first trade. [quote asset]';
COMMENT ON COLUMN "ohlcv"."close" IS 'Price of the last trade. [quote asset]';
COMMENT ON COLUMN "ohlcv"."number_of_trades" IS 'Number of trades.';
COMMENT ON COLUMN "ohlcv"."taker_buy_base_asset_volume" IS 'Volume of taker buy orders. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."taker_buy_quote_asset_volume" IS 'Turnover of taker buy orders. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."data_source" IS 'Origin of the bar: the cadence of its archive, or rest for the REST API of the exchange.';
COMMENT ON TABLE "ohlcv" IS 'Bars of all markets and timeframes, with their values as published.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "conflicts"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "conflicts"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON TABLE "conflicts" IS 'Values on which a monthly and a daily archive disagree. ohlcv contains the daily one.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp, column_name
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to ohlcv: instrument_type, symbol, timeframe, timestamp
Refers to staged_archives: daily_key';
COMMENT ON COLUMN "gaps"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "gaps"."timeframe" IS 'Length of a bar, spelled as in the archive: 1s, 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "gaps"."gap_start" IS 'Open time of the first slot without a bar, UTC.';
COMMENT ON COLUMN "gaps"."gap_end" IS 'Open time of the slot after the last one without a bar, UTC.';
COMMENT ON COLUMN "gaps"."missing_bars" IS 'Number of slots without a bar.';
COMMENT ON COLUMN "gaps"."evidence" IS 'What shows the cause: the key of an archive, or the time of a listing.';
COMMENT ON TABLE "gaps" IS 'Missing bars of each series, from its first archive to its last published slot, with their causes; see docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "symbols"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "symbols"."base_asset" IS 'Asset that is traded; NULL if quote_asset is NULL.';
COMMENT ON COLUMN "symbols"."quote_asset" IS 'Asset in which it is priced; NULL if the ticker does not end with a known one.';
COMMENT ON COLUMN "symbols"."contract_type" IS 'Type of the contract, derived from the ticker.';
COMMENT ON COLUMN "symbols"."first_date" IS 'First day for which an archive is listed.';
COMMENT ON COLUMN "symbols"."last_date" IS 'Last day for which an archive is listed.';
COMMENT ON COLUMN "symbols"."last_traded_date" IS 'Last day with a trade; NULL if no bar with a trade is loaded.';
COMMENT ON COLUMN "symbols"."spells" IS 'Number of spells: 1, and 1 more for each absence of more than 7 days.';
COMMENT ON TABLE "symbols" IS 'Every ticker that the archive has ever listed, with what its name says.';
COMMENT ON COLUMN "listed_spans"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "listed_spans"."first_date" IS 'First day for which a daily archive is listed.';
COMMENT ON COLUMN "listed_spans"."last_date" IS 'Last such day plus the var grace_days, but at most the newest day that is listed for any symbol.';
COMMENT ON TABLE "listed_spans" IS 'Days for which daily_availability has a row of a symbol: from first_date to last_date.
Key, held by replacing partitions: symbol';
COMMENT ON COLUMN "known_quote_assets"."asset" IS 'Name of the asset, such as USDT.';
COMMENT ON TABLE "known_quote_assets" IS 'Seed: assets in which symbols are priced.';
COMMENT ON COLUMN "symbol_exceptions"."name" IS 'Ticker without the suffix of a delivery, perpetual or settled contract.';
COMMENT ON COLUMN "symbol_exceptions"."quote_asset" IS 'Asset in which it is priced: the rest of the name.';
COMMENT ON TABLE "symbol_exceptions" IS 'Seed: names that are ambiguous, or that the longest matching quote asset would split wrongly.';
COMMENT ON COLUMN "contract_sizes"."pair" IS 'Ticker without its suffix, such as BTCUSD.';
COMMENT ON COLUMN "contract_sizes"."contract_size" IS 'Value of one contract. [USD]';
COMMENT ON TABLE "contract_sizes" IS 'Seed: contracts of futures-cm that are not worth 10 US dollars.';
COMMENT ON COLUMN "resampling_exceptions"."date" IS 'Day on which the bars open, UTC.';
COMMENT ON COLUMN "resampling_exceptions"."reason" IS 'Why they disagree.';
COMMENT ON TABLE "resampling_exceptions" IS 'Seed: bars that are known to disagree with their 1m bars.';
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
COMMENT ON TABLE "daily_availability" IS 'For each USD-M symbol and day, whether the daily archive is listed, and the figures of the 1d bar.
Partition: date
Index idx_quote_volume_date: quote_volume_usdt DESC, date
Refers to symbols: symbol';
COMMENT ON COLUMN "volume_rankings"."symbol" IS 'Ticker, spelled as in the archive.';
COMMENT ON COLUMN "volume_rankings"."trade_count" IS 'Number of trades.';
COMMENT ON COLUMN "volume_rankings"."rank_change_1d" IS 'Rank minus the rank 1 calendar day before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_7d" IS 'Rank minus the rank 7 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_14d" IS 'Rank minus the rank 14 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_30d" IS 'Rank minus the rank 30 calendar days before; NULL if it was not ranked then. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."percentile" IS 'Share of the other ranked contracts that have a larger turnover; 0 is the largest. [percent]';
COMMENT ON COLUMN "volume_rankings"."market_share_pct" IS 'Share of the turnover of all ranked contracts. [percent]';
COMMENT ON COLUMN "volume_rankings"."days_available" IS 'Number of ranked days among the 30 calendar days that end with this one.';
COMMENT ON COLUMN "volume_rankings"."generation_timestamp" IS 'As-of time of the run that built this day, UTC.';
COMMENT ON TABLE "volume_rankings" IS 'USD-M perpetual contracts, ranked by their turnover of each day. Rank 1 is the largest.
Key, held by replacing partitions: date, symbol
Partition: date
Refers to daily_availability: date, symbol';
COMMENT ON COLUMN "partition_state"."model" IS 'Name of the model, extracted table, test or export.';
COMMENT ON COLUMN "partition_state"."input_digest" IS 'Digest of everything that the rows depend on: inputs, compiled SQL, vars and the definition of the table.';
COMMENT ON COLUMN "partition_state"."rows_digest" IS 'Digest of the rows as published, or of the file of an export; altered if another program has changed them.';
COMMENT ON COLUMN "pending_changes"."source" IS 'Table that changed; empty if a partition of the model itself still has to be built.';
COMMENT ON COLUMN "pending_changes"."part" IS 'Values of the columns that map the changed rows to partitions of the model, written as in partition_state.';
COMMENT ON TABLE "pending_changes" IS 'Changes to tables that a model has not processed yet. Written in the transaction that changes the table.
Key, held by replacing partitions: model, source, part';
COMMENT ON COLUMN "test_results"."status" IS 'Outcome.';
COMMENT ON COLUMN "test_results"."value" IS 'Measured value: a ratio, or the number of failing rows; NULL if there was nothing to measure.';
COMMENT ON COLUMN "test_results"."threshold" IS 'Threshold with which the value was compared.';
COMMENT ON COLUMN "test_results"."rows_failed" IS 'Number of rows that break the rule.';
COMMENT ON COLUMN "test_results"."tested_at" IS 'As-of time of the run, UTC.';
COMMENT ON TABLE "test_results" IS 'Every value that a data test has measured, whether or not it passed.
Key, held by replacing partitions: run_id, test';
