-- 0004_ohlcv_instrument_type; written by pnpm pipeline migrate new, never changed after its release
-- ohlcv: add instrument_type VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm'))
-- ohlcv: describe it anew

CREATE TABLE "ohlcv_new" (
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
INSERT INTO "ohlcv_new" ("symbol", "timeframe", "instrument_type", "timestamp", "open", "high", "low", "close", "volume", "close_time", "quote_asset_volume", "number_of_trades", "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume", "data_source")
SELECT "symbol", "timeframe", cast('spot' as VARCHAR), "timestamp", "open", "high", "low", "close", "volume", "close_time", "quote_asset_volume", "number_of_trades", "taker_buy_base_asset_volume", "taker_buy_quote_asset_volume", "data_source" FROM "ohlcv";

DROP TABLE "ohlcv";
ALTER TABLE "ohlcv_new" RENAME TO "ohlcv";
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
COMMENT ON COLUMN "ohlcv"."close_time" IS 'Close time, UTC; irregular next to an outage (A9).';
COMMENT ON COLUMN "ohlcv"."quote_asset_volume" IS 'Turnover. [quote asset; base asset for futures-cm (A4)]';
COMMENT ON COLUMN "ohlcv"."number_of_trades" IS 'Trades.';
COMMENT ON COLUMN "ohlcv"."taker_buy_base_asset_volume" IS 'Volume bought by takers. [base asset; contracts for futures-cm]';
COMMENT ON COLUMN "ohlcv"."taker_buy_quote_asset_volume" IS 'Turnover bought by takers. [quote asset; base asset for futures-cm]';
COMMENT ON COLUMN "ohlcv"."data_source" IS 'monthly, daily or rest.';
