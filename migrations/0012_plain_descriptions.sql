-- 0012_plain_descriptions; written by pnpm pipeline migrate new, never changed after its release
-- archive_objects: describe cadence anew
-- archive_objects: describe etag anew
-- archive_objects: describe listed_at anew
-- archive_objects: describe it anew
-- staged_archives: describe cadence anew
-- staged_archives: describe timeframe anew
-- staged_archives: describe period_start anew
-- staged_archives: describe period_end anew
-- staged_archives: describe status anew
-- staged_archives: describe staged_at anew
-- staged_archives: describe it anew
-- archive_revisions: describe revision anew
-- archive_revisions: describe etag anew
-- archive_revisions: describe sha256 anew
-- archive_revisions: describe previous_etag anew
-- archive_revisions: describe previous_sha256 anew
-- archive_revisions: describe rows_changed anew
-- archive_revisions: describe rows_added anew
-- archive_revisions: describe rows_removed anew
-- archive_revisions: describe revised_at anew
-- archive_revisions: describe it anew
-- ohlcv: describe close_time anew
-- ohlcv: describe quote_asset_volume anew
-- conflicts: describe monthly_value anew
-- conflicts: describe daily_value anew
-- conflicts: describe it anew
-- gaps: describe cause anew
-- gaps: describe evidence anew
-- gaps: describe it anew
-- symbols: describe base_asset anew
-- symbols: describe quote_asset anew
-- symbols: describe contract_type anew
-- symbols: describe spells anew
-- symbols: describe it anew
-- daily_availability: describe url anew
-- daily_availability: describe status_code anew
-- volume_rankings: describe rank_change_1d anew
-- volume_rankings: describe rank_change_7d anew
-- volume_rankings: describe rank_change_14d anew
-- volume_rankings: describe rank_change_30d anew

COMMENT ON COLUMN "archive_objects"."cadence" IS 'Time that an archive covers.';
COMMENT ON COLUMN "archive_objects"."etag" IS 'ETag without quotes; usually the MD5 of the object.';
COMMENT ON COLUMN "archive_objects"."listed_at" IS 'As-of of the run that first saw this state.';
COMMENT ON TABLE "archive_objects" IS 'The archive as last listed: one row per kline archive.
Key, held by replacing partitions: key
Partition: instrument_type, cadence, timeframe, symbol';
COMMENT ON COLUMN "staged_archives"."cadence" IS 'Cadence of the archive; rest for bars from the exchange.';
COMMENT ON COLUMN "staged_archives"."timeframe" IS 'Bar length; NULL if the exchange does not know the symbol.';
COMMENT ON COLUMN "staged_archives"."period_start" IS 'First day of the period; NULL if timeframe is.';
COMMENT ON COLUMN "staged_archives"."period_end" IS 'Day after the period; NULL if timeframe is.';
COMMENT ON COLUMN "staged_archives"."status" IS 'Outcome.';
COMMENT ON COLUMN "staged_archives"."staged_at" IS 'As-of of the run that decided the outcome.';
COMMENT ON TABLE "staged_archives" IS 'The ledger: one row per archive that was requested, with its outcome.
Key, held by replacing partitions: key
Refers to archive_objects: key';
COMMENT ON COLUMN "archive_revisions"."revision" IS 'Number of the revision of this key; 1 is the oldest.';
COMMENT ON COLUMN "archive_revisions"."etag" IS 'ETag of the new version.';
COMMENT ON COLUMN "archive_revisions"."sha256" IS 'SHA-256 of the new zip.';
COMMENT ON COLUMN "archive_revisions"."previous_etag" IS 'ETag of the version it replaced.';
COMMENT ON COLUMN "archive_revisions"."previous_sha256" IS 'SHA-256 of the replaced zip.';
COMMENT ON COLUMN "archive_revisions"."rows_changed" IS 'Rows in both versions with different figures; NULL if the old CSV was no longer available.';
COMMENT ON COLUMN "archive_revisions"."rows_added" IS 'Rows only in the new version, by open time.';
COMMENT ON COLUMN "archive_revisions"."rows_removed" IS 'Rows only in the old version, by open time.';
COMMENT ON COLUMN "archive_revisions"."revised_at" IS 'As-of of the run that staged the new version.';
COMMENT ON TABLE "archive_revisions" IS 'Every re-issue: a staged file that the archive replaced with another one.
Key, held by replacing partitions: key, revision
Refers to staged_archives: key';
COMMENT ON COLUMN "ohlcv"."close_time" IS 'Close time, UTC; irregular next to an outage.';
COMMENT ON COLUMN "ohlcv"."quote_asset_volume" IS 'Turnover. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "conflicts"."monthly_value" IS 'Value in the monthly archive, as published.';
COMMENT ON COLUMN "conflicts"."daily_value" IS 'Value in the daily archive, as published.';
COMMENT ON TABLE "conflicts" IS 'Figures on which a monthly and a daily archive disagree; ohlcv contains the daily one.
Key, held by replacing partitions: instrument_type, symbol, timeframe, timestamp, column_name
Partition: instrument_type, symbol, timeframe, month of timestamp
Refers to ohlcv: instrument_type, symbol, timeframe, timestamp
Refers to staged_archives: daily_key';
COMMENT ON COLUMN "gaps"."cause" IS 'The first cause that applies.';
COMMENT ON COLUMN "gaps"."evidence" IS 'Key of the archive, or time of the listing, that shows it.';
COMMENT ON TABLE "gaps" IS 'Slots without a bar between the first archive of a series and its last published slot, and why; docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "symbols"."base_asset" IS 'Asset that is traded.';
COMMENT ON COLUMN "symbols"."quote_asset" IS 'Asset that it is priced in; NULL if no known asset fits.';
COMMENT ON COLUMN "symbols"."contract_type" IS 'Kind of contract, from its name.';
COMMENT ON COLUMN "symbols"."spells" IS '1 + holes of more than 7 days.';
COMMENT ON TABLE "symbols" IS 'Every ticker that the archive has ever listed, and what its name tells.';
COMMENT ON COLUMN "daily_availability"."url" IS 'URL of that archive, also if it is not listed.';
COMMENT ON COLUMN "daily_availability"."status_code" IS '200 if it is listed, else 404: inferred from the listing.';
COMMENT ON COLUMN "volume_rankings"."rank_change_1d" IS 'Rank minus the rank 1 calendar day before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_7d" IS 'Rank minus the rank 7 calendar days before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_14d" IS 'Rank minus the rank 14 calendar days before. [ranks, negative is up]';
COMMENT ON COLUMN "volume_rankings"."rank_change_30d" IS 'Rank minus the rank 30 calendar days before. [ranks, negative is up]';
