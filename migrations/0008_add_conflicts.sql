-- 0008_add_conflicts; written by pnpm pipeline migrate new, never changed after its release
-- create conflicts

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
COMMENT ON TABLE "conflicts" IS 'Figures of which a monthly and a daily archive say different things; ohlcv has what the daily one says (A12).
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
COMMENT ON COLUMN "conflicts"."monthly_value" IS 'What the monthly archive says, as published.';
COMMENT ON COLUMN "conflicts"."daily_value" IS 'What the daily archive says, as published.';
