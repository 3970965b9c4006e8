-- 0006_gaps; written by pnpm pipeline migrate new, never changed after its release
-- create gaps

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
COMMENT ON TABLE "gaps" IS 'What series lack between their first bar and their last published slot, and why; docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "gaps"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "gaps"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "gaps"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "gaps"."gap_start" IS 'Open time of the first slot without a bar.';
COMMENT ON COLUMN "gaps"."gap_end" IS 'Open time of the slot after the last one without a bar.';
COMMENT ON COLUMN "gaps"."missing_bars" IS 'Slots without a bar.';
COMMENT ON COLUMN "gaps"."cause" IS 'Why, the first that applies.';
COMMENT ON COLUMN "gaps"."evidence" IS 'Key of the archive that tells so, or the time of the listing that does.';
