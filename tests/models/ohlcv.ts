import { defineModelTest } from '../../models/define.ts';

const series = { instrument_type: 'spot', symbol: 'BTCUSDT', timeframe: '1d' } as const;
const midnight = Date.UTC(2025, 5, 1);
/** A line of a bar that opens at midnight UTC of 2025-06-01, as published. */
const text = {
  ...{ ...series, open_time: midnight, open: '1', high: '2', low: '0.5', close: '1.5', volume: '10', count: '3' },
  ...{ close_time: '1748822399999', quote_volume: '15', taker_buy_volume: '4', taker_buy_quote_volume: '6' },
};
const monthly = { ...text, data_source: 'monthly', archive_key: 'month' } as const;
const daily = { ...text, data_source: 'daily', archive_key: 'day' } as const;
const rest = { ...text, data_source: 'rest', archive_key: 'rest' } as const;

export const a_bar_of_which_the_archives_disagree_is_the_daily_one = defineModelTest({
  model: 'ohlcv',
  description: 'Where a monthly and a daily archive differ, the daily one wins (A12).',
  given: { overlapping_klines: [{ ...monthly, volume: '9' }, daily] },
  expect: [{ timestamp: '2025-06-01', volume: 10, data_source: 'daily' }],
});

export const a_bar_on_which_the_archives_agree_is_stored_once = defineModelTest({
  model: 'ohlcv',
  description: 'Both archives have the row, and one of them twice (A10).',
  given: { overlapping_klines: [daily, monthly, daily] },
  expect: [{ timestamp: '2025-06-01', volume: 10, data_source: 'monthly' }],
});

export const a_bar_of_the_exchange_stands_in_where_no_archive_has_it = defineModelTest({
  model: 'ohlcv',
  given: {
    overlapping_klines: [
      { ...rest, volume: '9' },
      daily,
      { ...rest, open_time: midnight + 86_400_000, close_time: '1748908799999' },
    ],
  },
  expect: [
    { timestamp: '2025-06-01', volume: 10, data_source: 'daily' },
    { timestamp: '2025-06-02', volume: 10, data_source: 'rest' },
  ],
});

export const times_are_read_row_by_row = defineModelTest({
  model: 'ohlcv',
  description: '13 digits are ms and 16 digits µs, whatever the market and the date (A2).',
  given: {
    staged_klines: [
      { ...series, data_source: 'monthly', open_time: midnight, close_time: 1_748_822_399_999 },
      {
        ...series,
        data_source: 'monthly',
        open_time: midnight * 1000 + 86_400_000_000,
        close_time: 1_748_908_799_999_999,
      },
    ].map((line) => ({
      ...{ ...line, open: 1, high: 2, low: 0.5, close: 1.5, volume: 10, quote_volume: 15 },
      ...{ count: 3, taker_buy_volume: 4, taker_buy_quote_volume: 6 },
    })),
  },
  expect: [
    { timestamp: '2025-06-01', close_time: '2025-06-01T23:59:59.999', data_source: 'monthly' },
    { timestamp: '2025-06-02', close_time: '2025-06-02T23:59:59.999999', data_source: 'monthly' },
  ],
});
