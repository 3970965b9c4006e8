-- 0002_ohlcv; written by pnpm pipeline migrate new, never changed after its release
-- create ohlcv

CREATE TABLE "ohlcv" (
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR NOT NULL,
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
Key, held by replacing partitions: symbol, timeframe, timestamp
Partition: symbol, timeframe, month of timestamp
Refers to symbols: symbol';
COMMENT ON COLUMN "ohlcv"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "ohlcv"."timeframe" IS 'Bar length as the archive spells it: 1m … 1d, 3d, 1w, 1mo.';
COMMENT ON COLUMN "ohlcv"."timestamp" IS 'Open time, UTC.';
COMMENT ON COLUMN "ohlcv"."open" IS 'First price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."high" IS 'Highest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."low" IS 'Lowest price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."close" IS 'Last price. [quote asset]';
COMMENT ON COLUMN "ohlcv"."volume" IS 'Volume. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."close_time" IS 'Close time, UTC; irregular next to an outage (A9).';
COMMENT ON COLUMN "ohlcv"."quote_asset_volume" IS 'Turnover. [quote asset; base asset for futures-cm (A4)]';
COMMENT ON COLUMN "ohlcv"."number_of_trades" IS 'Trades.';
COMMENT ON COLUMN "ohlcv"."taker_buy_base_asset_volume" IS 'Volume bought by takers. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."taker_buy_quote_asset_volume" IS 'Turnover bought by takers. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."data_source" IS 'monthly, daily or rest.';
