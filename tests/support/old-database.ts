/** Databases that users already have: made by earlier tools, without a record of migrations. */
export const oldAvailability = `CREATE TABLE daily_availability (
  date DATE NOT NULL, symbol VARCHAR NOT NULL, available BOOLEAN NOT NULL, file_size_bytes BIGINT, last_modified TIMESTAMP,
  url VARCHAR NOT NULL, status_code INTEGER NOT NULL, probe_timestamp TIMESTAMP NOT NULL, PRIMARY KEY (date, symbol))`;
export const oldOhlcv = `CREATE TABLE ohlcv (
  symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, timestamp TIMESTAMP NOT NULL, open DOUBLE NOT NULL, high DOUBLE NOT NULL,
  low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume DOUBLE NOT NULL, close_time TIMESTAMP NOT NULL,
  quote_asset_volume DOUBLE NOT NULL, number_of_trades BIGINT NOT NULL, taker_buy_base_asset_volume DOUBLE NOT NULL,
  taker_buy_quote_asset_volume DOUBLE NOT NULL, data_source VARCHAR NOT NULL)`;
/** Two symbols on each day of `[start, end]`. */
export const availabilityRows = (start: string, end: string) => `INSERT INTO daily_availability
  SELECT d, s, true, 100, d, 'https://example.com/' || s, 200, TIMESTAMP '2025-07-01'
  FROM generate_series(DATE '${start}', DATE '${end}', INTERVAL 1 DAY) days(d), (VALUES ('BTCUSDT'), ('ETHUSDT')) symbols(s)`;
/** 1,441 hours of one symbol. */
export const ohlcvRows = `INSERT INTO ohlcv BY NAME
  SELECT 'BTCUSDT' AS symbol, '1h' AS timeframe, t AS timestamp, 1 AS open, 3 AS high, 0.5 AS low, 2 AS close, 10 AS volume,
    t + INTERVAL 1 HOUR AS close_time, 15 AS quote_asset_volume, 7 AS number_of_trades, 5 AS taker_buy_base_asset_volume,
    8 AS taker_buy_quote_asset_volume, 'monthly' AS data_source
  FROM generate_series(TIMESTAMP '2024-01-01', TIMESTAMP '2024-03-01', INTERVAL 1 HOUR) times(t)`;
