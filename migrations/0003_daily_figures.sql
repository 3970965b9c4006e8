-- 0003_daily_figures; written by pnpm pipeline migrate new, never changed after its release
-- daily_availability: add quote_volume_usdt DOUBLE
-- daily_availability: add trade_count BIGINT
-- daily_availability: add volume_base DOUBLE
-- daily_availability: add taker_buy_volume_base DOUBLE
-- daily_availability: add taker_buy_quote_volume_usdt DOUBLE
-- daily_availability: add open_price DOUBLE
-- daily_availability: add high_price DOUBLE
-- daily_availability: add low_price DOUBLE
-- daily_availability: add close_price DOUBLE
-- daily_availability: index idx_quote_volume_date on quote_volume_usdt, date
-- daily_availability: describe it anew

ALTER TABLE "daily_availability" ADD COLUMN "quote_volume_usdt" DOUBLE;
COMMENT ON COLUMN "daily_availability"."quote_volume_usdt" IS 'Turnover; NULL unless the quote asset is a US dollar at par. [USDT]';
ALTER TABLE "daily_availability" ADD COLUMN "trade_count" BIGINT;
COMMENT ON COLUMN "daily_availability"."trade_count" IS 'Trades.';
ALTER TABLE "daily_availability" ADD COLUMN "volume_base" DOUBLE;
COMMENT ON COLUMN "daily_availability"."volume_base" IS 'Volume. [base asset]';
ALTER TABLE "daily_availability" ADD COLUMN "taker_buy_volume_base" DOUBLE;
COMMENT ON COLUMN "daily_availability"."taker_buy_volume_base" IS 'Volume bought by takers. [base asset]';
ALTER TABLE "daily_availability" ADD COLUMN "taker_buy_quote_volume_usdt" DOUBLE;
COMMENT ON COLUMN "daily_availability"."taker_buy_quote_volume_usdt" IS 'Turnover bought by takers, at par. [USDT]';
ALTER TABLE "daily_availability" ADD COLUMN "open_price" DOUBLE;
COMMENT ON COLUMN "daily_availability"."open_price" IS 'First price. [quote asset]';
ALTER TABLE "daily_availability" ADD COLUMN "high_price" DOUBLE;
COMMENT ON COLUMN "daily_availability"."high_price" IS 'Highest price. [quote asset]';
ALTER TABLE "daily_availability" ADD COLUMN "low_price" DOUBLE;
COMMENT ON COLUMN "daily_availability"."low_price" IS 'Lowest price. [quote asset]';
ALTER TABLE "daily_availability" ADD COLUMN "close_price" DOUBLE;
COMMENT ON COLUMN "daily_availability"."close_price" IS 'Last price. [quote asset]';
CREATE INDEX "idx_quote_volume_date" ON "daily_availability" ("quote_volume_usdt" DESC, "date");
COMMENT ON TABLE "daily_availability" IS 'Which USD-M symbol had data on which day, and what was traded that day.
Partition: date
Index idx_quote_volume_date: quote_volume_usdt DESC, date
Refers to symbols: symbol';
