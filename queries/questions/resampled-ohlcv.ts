import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { checkSeries } from '../check-series.ts';
import { instrumentType, resample, timeframe } from '../parameters/choice.ts';
import { instantOptions } from '../parameters/range.ts';
import { anySymbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { ohlcvUnits, series } from '../series.ts';
import { exactSum } from '../sql.ts';
import { checkResample, type Timeframe, timeframes } from '../timeframes.ts';

/** Start of the bucket that a time falls in: from midnight UTC, weeks from Monday, months by the calendar (B18). */
function bucketOf(time: Expression<Date>, timeframe: Timeframe) {
  const units: Readonly<Record<string, string>> = { '1w': 'week', '1mo': 'month' };
  const unit = units[timeframe];
  if (unit !== undefined) return cast('TIMESTAMP', sql`date_trunc(${sql.lit(unit)}, ${time})`);
  return cast('TIMESTAMP', sql`time_bucket(${interval(timeframe)}, ${time})`);
}

const interval = (timeframe: Timeframe) => {
  const ms = timeframes[timeframe];
  if (ms !== undefined) return sql`to_milliseconds(${sql.lit(ms)})`;
  return timeframe === '1w' ? sql`interval 7 days` : sql`interval 1 month`;
};

/**
 * Bars added up to coarser ones: first open, highest high, lowest low, last close, sums of the rest (exact, so that
 * they equal the published coarser bars). A bucket of which some bars are missing, or were not asked for, is kept and
 * says so: `bars` is less than `bars_expected`. A bar off the grid counts for the slot that it opens in (A8).
 */
export const resampledOhlcv = defineQuestion({
  name: 'resampled-ohlcv',
  description: 'Bars of one symbol, market and timeframe, added up to coarser ones.',
  parameters: {
    symbol: anySymbol,
    timeframe,
    resample,
    ...instantOptions,
    instrumentType,
  },
  query: (db, { resample, ...wanted }) =>
    db
      .with('bars', (bars) =>
        series(bars, wanted)
          .selectAll()
          .select((eb) => [
            bucketOf(eb.ref('timestamp'), resample).as('bucket'),
            bucketOf(eb.ref('timestamp'), wanted.timeframe).as('slot'),
          ]),
      )
      .selectFrom('bars')
      .groupBy(['symbol', 'instrument_type', 'bucket'])
      .orderBy('bucket')
      .select((eb) => {
        const at = eb.ref('timestamp');
        const first = (column: Expression<number>) => cast('DOUBLE', sql`arg_min(${column}, ${at})`);
        const last = (column: Expression<number>) => cast('DOUBLE', sql`arg_max(${column}, ${at})`);
        const sum = (column: Expression<number>) => cast('DOUBLE', exactSum(column));
        const bucket = eb.ref('bucket');
        const length = sql`epoch_ms(${bucket} + ${interval(resample)}) - epoch_ms(${bucket})`;
        return [
          'symbol',
          cast('VARCHAR', sql.lit(resample)).as('timeframe'),
          'instrument_type',
          'bucket as timestamp',
          first(eb.ref('open')).as('open'),
          cast('DOUBLE', sql`max(${eb.ref('high')})`).as('high'),
          cast('DOUBLE', sql`min(${eb.ref('low')})`).as('low'),
          last(eb.ref('close')).as('close'),
          sum(eb.ref('volume')).as('volume'),
          cast('TIMESTAMP', sql`max(${eb.ref('close_time')})`).as('close_time'),
          sum(eb.ref('quote_asset_volume')).as('quote_asset_volume'),
          cast('BIGINT', sql`sum(${eb.ref('number_of_trades')})`).as('number_of_trades'),
          sum(eb.ref('taker_buy_base_asset_volume')).as('taker_buy_base_asset_volume'),
          sum(eb.ref('taker_buy_quote_asset_volume')).as('taker_buy_quote_asset_volume'),
          cast('BIGINT', sql`count(distinct ${eb.ref('slot')})`).as('bars'),
          cast('BIGINT', sql`(${length}) // ${sql.lit(timeframes[wanted.timeframe] ?? 1)}`).as('bars_expected'),
        ];
      }),
  market: ({ instrumentType }) => instrumentType,
  series: (wanted) => [wanted],
  async check(reader, values) {
    checkResample(values.timeframe, values.resample);
    return checkSeries(reader, values);
  },
  units: ({ instrumentType }) => ohlcvUnits(instrumentType),
  examples: [],
});
