import { checkSeries } from '../check-series.ts';
import { instrumentType, timeframe } from '../parameters/choice.ts';
import { instantOptions } from '../parameters/range.ts';
import { anySymbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { ohlcvUnits, series } from '../series.ts';

const parameters = { symbol: anySymbol, timeframe, ...instantOptions, instrumentType };

/** The bars of one series, as published, in the order of time. */
export const ohlcv = defineQuestion({
  name: 'ohlcv',
  description: 'Bars of one symbol, market and timeframe.',
  parameters,
  query: (db, wanted) => series(db, wanted).orderBy('timestamp').selectAll(),
  market: ({ instrumentType }) => instrumentType,
  series: (wanted) => [wanted],
  check: checkSeries,
  units: ({ instrumentType }) => ohlcvUnits(instrumentType),
  examples: [
    'ohlcv BTCUSDT --timeframe 1h --start 2025-06-01 --end 2025-07-01',
    'ohlcv btc/usdt --timeframe 1d --instrument-type futures --output btcusdt.parquet',
    'ohlcv BTCUSDT --timeframe 1h --resample 4h --instrument-type futures',
  ],
});

/** The numbers and times of the same bars alone: what was asked for is not repeated in every row. */
export const ohlcvFigures = defineQuestion({
  name: 'ohlcv-figures',
  description: 'Numbers and times of the bars of one symbol, market and timeframe.',
  parameters,
  query: (db, wanted) =>
    series(db, wanted)
      .orderBy('timestamp')
      .select([
        'timestamp',
        'open',
        'high',
        'low',
        'close',
        'volume',
        'close_time',
        'quote_asset_volume',
        'number_of_trades',
        'taker_buy_base_asset_volume',
        'taker_buy_quote_asset_volume',
      ]),
  check: checkSeries,
  examples: [],
});
