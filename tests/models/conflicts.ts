import { defineModelTest } from '../../models/define.ts';

const series = { instrument_type: 'spot', symbol: 'BTCUSDT', timeframe: '1d' } as const;
/** A line of a bar that opens at midnight UTC of 2025-06-01, as published. */
const line = {
  ...series,
  open_time: Date.UTC(2025, 5, 1),
  ...{ open: '1', high: '2', low: '0.5', close: '1.5', volume: '10', close_time: '1748822399999', quote_volume: '15' },
  ...{ count: '3', taker_buy_volume: '4', taker_buy_quote_volume: '6' },
};
const bar = { ...series, timestamp: '2025-06-01', data_source: 'daily' } as const;

export const a_figure_on_which_the_archives_disagree_is_a_conflict = defineModelTest({
  model: 'conflicts',
  description: 'ohlcv has what the daily archive says, and the conflict is recorded as both published it (A12).',
  given: {
    ohlcv: [bar],
    overlapping_klines: [
      { ...line, data_source: 'monthly', archive_key: 'month', volume: '9.50', count: '2' },
      { ...line, data_source: 'daily', archive_key: 'day' },
    ],
  },
  expect: [
    { column_name: 'volume', monthly_key: 'month', daily_key: 'day', monthly_value: '9.50', daily_value: '10' },
    { column_name: 'number_of_trades', monthly_key: 'month', daily_key: 'day', monthly_value: '2', daily_value: '3' },
  ],
});

export const another_text_of_the_same_number_is_no_conflict = defineModelTest({
  model: 'conflicts',
  description: 'Texts of numbers vary, times are in ms or µs, and a row may appear twice (A2, A5, A10).',
  given: {
    ohlcv: [bar],
    overlapping_klines: [
      { ...line, data_source: 'monthly', archive_key: 'month', volume: '10.000', close_time: '1748822399999000' },
      { ...line, data_source: 'monthly', archive_key: 'month', volume: '10.000', close_time: '1748822399999000' },
      { ...line, data_source: 'daily', archive_key: 'day' },
    ],
  },
  expect: [],
});

export const a_bar_that_only_one_archive_has_is_no_conflict = defineModelTest({
  model: 'conflicts',
  given: { ohlcv: [bar], overlapping_klines: [{ ...line, data_source: 'daily', archive_key: 'day' }] },
  expect: [],
});
