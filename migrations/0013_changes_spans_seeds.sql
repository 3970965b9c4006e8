-- 0013_changes_spans_seeds; written by pnpm pipeline migrate new, never changed after its release
-- create listed_spans
-- create known_quote_assets
-- create symbol_exceptions
-- create contract_sizes
-- create resampling_exceptions
-- create pending_changes

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
