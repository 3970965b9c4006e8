import { defineModelTest } from '../../models/define.ts';

const listed = { instrument_type: 'futures-um', cadence: 'daily', timeframe: '1m', size_bytes: 300 } as const;
type Day = `${number}-${number}-${number}`;
const archive = (symbol: string, period_start: Day, period_end: Day) => ({
  ...listed,
  key: `${symbol} ${period_start}`,
  symbol,
  period_start,
  period_end,
  last_modified: period_end,
});

const span = (symbol: string, first_date: Day, last_date: Day) => ({ symbol, first_date, last_date });

const urlOf = (name: string, day: Day) =>
  `https://data.binance.vision/data/futures/um/daily/klines/${name}/1m/${name}-1m-${day}.zip`;

export const a_day_without_its_archive_is_a_row_that_says_so = defineModelTest({
  model: 'daily_availability',
  description: 'A symbol has a row for each day of its span, listed or not.',
  asOf: '2025-06-10T09:00:00Z',
  given: {
    archive_objects: [archive('A', '2025-06-01', '2025-06-02'), archive('A', '2025-06-03', '2025-06-04')],
    listed_spans: [span('A', '2025-06-01', '2025-06-03')],
  },
  expect: [
    { date: '2025-06-01', available: true, status_code: 200, file_size_bytes: 300, last_modified: '2025-06-02' },
    { date: '2025-06-02', available: false, status_code: 404, file_size_bytes: null, last_modified: null },
    { date: '2025-06-03', available: true, status_code: 200, file_size_bytes: 300, last_modified: '2025-06-04' },
  ],
});

export const only_dollars_at_par_are_a_turnover = defineModelTest({
  model: 'daily_availability',
  description: 'The turnover of a pair in BTC is NULL, and its other figures are not (A23).',
  asOf: '2025-06-10T09:00:00Z',
  given: {
    archive_objects: [archive('ETHUSDC', '2025-06-01', '2025-06-02'), archive('ETHBTC', '2025-06-01', '2025-06-02')],
    listed_spans: ['ETHUSDC', 'ETHBTC'].map((symbol) => span(symbol, '2025-06-01', '2025-06-01')),
    symbols: [
      { instrument_type: 'futures-um', symbol: 'ETHUSDC', quote_asset: 'USDC' },
      { instrument_type: 'futures-um', symbol: 'ETHBTC', quote_asset: 'BTC' },
    ],
    ohlcv: ['ETHUSDC', 'ETHBTC'].map((symbol) => ({
      ...{ instrument_type: 'futures-um' as const, symbol, timeframe: '1d', timestamp: '2025-06-01' as const },
      ...{ quote_asset_volume: 9, volume: 3, number_of_trades: 2, taker_buy_quote_asset_volume: 4 },
    })),
  },
  expect: [
    { symbol: 'ETHUSDC', quote_volume_usdt: 9, taker_buy_quote_volume_usdt: 4, volume_base: 3, trade_count: 2 },
    { symbol: 'ETHBTC', quote_volume_usdt: null, taker_buy_quote_volume_usdt: null, volume_base: 3, trade_count: 2 },
  ],
});

export const a_state_that_lasts_keeps_the_time_when_it_was_first_seen = defineModelTest({
  model: 'daily_availability',
  asOf: '2025-06-10T09:00:00Z',
  given: {
    archive_objects: [archive('A', '2025-06-01', '2025-06-02'), archive('A', '2025-06-02', '2025-06-03')],
    listed_spans: [span('A', '2025-06-01', '2025-06-02')],
    daily_availability: [
      {
        ...{ date: '2025-06-01', symbol: 'A', available: true, probe_timestamp: '2025-06-02T09:00:00Z' },
        ...{ file_size_bytes: 300, last_modified: '2025-06-02', url: urlOf('A', '2025-06-01') },
      },
      { date: '2025-06-02', symbol: 'A', probe_timestamp: '2025-06-03T09:00:00Z', url: urlOf('A', '2025-06-02') },
    ],
  },
  expect: [
    { date: '2025-06-01', available: true, probe_timestamp: '2025-06-02T09:00:00Z' },
    { date: '2025-06-02', available: true, probe_timestamp: '2025-06-10T09:00:00Z' },
  ],
});

export const a_url_is_percent_encoded = defineModelTest({
  model: 'daily_availability',
  description: 'The key of a name that is not ASCII is encoded as UTF-8 (A22).',
  asOf: '2025-06-10T09:00:00Z',
  given: {
    archive_objects: [archive('币USDT', '2025-06-01', '2025-06-02')],
    listed_spans: [span('币USDT', '2025-06-01', '2025-06-01')],
  },
  expect: [{ url: urlOf('%E5%B8%81USDT', '2025-06-01') }],
});
