/**
 * `node hand-written.ts DATABASE FILES TIMEFRAME`: a hand-written statement that loads staged CSVs, each with a header,
 * into a new table with the same columns. FILES contains one path per line. Prints the seconds of the statement and the
 * number of rows.
 */
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const [, , database = '', list = '', timeframe = ''] = process.argv;
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const files = readFileSync(list, 'utf8').trimEnd().split('\n').map(quoted).join(', ');

const instance = await DuckDBInstance.create(database);
const connection = await instance.connect();
const started = performance.now();
await connection.run(`CREATE TABLE ohlcv AS
  SELECT split_part(parse_filename(filename), '-', 1) AS symbol, ${quoted(timeframe)} AS timeframe,
    'futures-um' AS instrument_type, make_timestamp(open_time * 1000) AS timestamp, open, high, low, close, volume,
    make_timestamp(close_time * 1000) AS close_time, quote_volume AS quote_asset_volume, count AS number_of_trades,
    taker_buy_volume AS taker_buy_base_asset_volume, taker_buy_quote_volume AS taker_buy_quote_asset_volume,
    'monthly' AS data_source
  FROM read_csv([${files}], header = true, auto_detect = false, delim = ',', filename = true, columns = {
    'open_time': 'BIGINT', 'open': 'DOUBLE', 'high': 'DOUBLE', 'low': 'DOUBLE', 'close': 'DOUBLE', 'volume': 'DOUBLE',
    'close_time': 'BIGINT', 'quote_volume': 'DOUBLE', 'count': 'BIGINT', 'taker_buy_volume': 'DOUBLE',
    'taker_buy_quote_volume': 'DOUBLE', 'ignore': 'VARCHAR' })`);
const seconds = (performance.now() - started) / 1000;
const [[rows] = []] = (await connection.runAndReadAll('SELECT count(*)::INTEGER FROM ohlcv')).getRows();
connection.closeSync();
instance.closeSync();
console.log(JSON.stringify({ seconds, rows }));
