import { checkSeries } from '../check-series.ts';
import { instrumentType, timeframe } from '../parameters/choice.ts';
import { instantOptions } from '../parameters/range.ts';
import { anySymbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { ohlcvUnits, series } from '../series.ts';

/** The bars of one series, as published, in the order of time. */
export const ohlcv = defineQuestion({
  name: 'ohlcv',
  description: 'Bars of one symbol, market and timeframe.',
  parameters: { symbol: anySymbol, timeframe, ...instantOptions, instrumentType },
  query: (db, wanted) => series(db, wanted).orderBy('timestamp').selectAll(),
  market: ({ instrumentType }) => instrumentType,
  check: checkSeries,
  units: ({ instrumentType }) => ohlcvUnits(instrumentType),
  examples: [
    'ohlcv BTCUSDT --timeframe 1h --start 2025-06-01 --end 2025-07-01',
    'ohlcv btc/usdt --timeframe 1d --instrument-type futures --output btcusdt.parquet',
    'ohlcv BTCUSDT --timeframe 1h --resample 4h --instrument-type futures',
  ],
});
