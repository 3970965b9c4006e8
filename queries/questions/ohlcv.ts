import type { Expression } from 'kysely';
import type { Reader } from '../../engine/for-commands.ts';
import { PipelineError } from '../../engine/index.ts';
import {
  addMonths,
  bucket,
  countDistinct,
  epochMilliseconds,
  exactSum,
  firstBy,
  intDivide,
  lastBy,
  literal,
  max,
  min,
  minus,
  neverNull,
  scalar,
  sum,
  truncate,
  type Value,
} from '../../engine/vocabulary/index.ts';
import { coarserThan, longestSlot, msOfDay, type Timeframe, timeframes } from '../../exchange/timeframes.ts';
import type { Database } from '../../models/schema.ts';
import { checkSeries, howToLoad } from '../check-series.ts';
import { instrumentType, resample, timeframe } from '../parameters/parameter.ts';
import { instantOptions } from '../parameters/range.ts';
import { anySymbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { ohlcvUnits, type Series, series } from '../series.ts';

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

/** Start of the bucket that a time falls in: from midnight UTC, weeks from Monday, months by the calendar (B18). */
function bucketOf(time: Expression<Date>, timeframe: Timeframe, first3d: Expression<Date | null>): Value<Date> {
  if (timeframe === '1w') return truncate('week', time);
  if (timeframe === '1mo') return truncate('month', time);
  // A range that has a bar of 3d has a first one.
  return timeframe === '3d'
    ? neverNull(bucket(3 * msOfDay, time, first3d))
    : bucket(timeframes[timeframe] as number, time);
}

/** Milliseconds from the start of a bucket to the next. */
function lengthOf(start: Expression<Date>, timeframe: Timeframe): Value<bigint> {
  if (timeframe !== '1mo') return literal(BigInt(longestSlot(timeframe)));
  return minus(epochMilliseconds(addMonths(start, 1)), epochMilliseconds(start));
}

/** @throws PipelineError USAGE where bars of one do not add up to bars of the other, as 3m to 5m */
function checkResample(from: Timeframe, to: Timeframe): void {
  const possible = coarserThan(from);
  if (possible.includes(to)) return;
  throw new PipelineError('USAGE', `bars of ${from} do not add up to bars of ${to}`, {
    key: '--resample',
    value: to,
    hint: possible.length > 0 ? `${from} makes ${possible.join(', ')}` : `nothing can be made of ${from}`,
  });
}

/** The published bars of 3d: where in the days they begin is known from them alone. */
const published3d = (wanted: Series): Series => ({ ...wanted, timeframe: '3d', start: undefined, end: undefined });

/** @throws PipelineError USAGE where there are none, saying how to load them */
async function expectAnchor(reader: Reader<Database>, wanted: Series): Promise<void> {
  const bars = published3d(wanted);
  const [first] = await reader.rows(series(reader.db, bars).limit(1).select('timestamp'));
  if (first !== undefined) return;
  throw new PipelineError(
    'USAGE',
    `where bars of 3d begin is known from those of the archive, and there are none of ${wanted.symbol}, ${wanted.instrumentType}`,
    { key: 'resample', value: '3d', hint: (await howToLoad(reader, bars)).text },
  );
}

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
  query(db, { resample, ...wanted }) {
    const first3d = scalar(
      series(db, published3d(wanted)).select(({ ref }) => truncate('day', min(ref('timestamp'))).as('first')),
    );
    return db
      .with('bars', (bars) =>
        series(bars, wanted)
          .selectAll()
          .select((eb) => [
            bucketOf(eb.ref('timestamp'), resample, first3d).as('bucket'),
            bucketOf(eb.ref('timestamp'), wanted.timeframe, first3d).as('slot'),
          ]),
      )
      .selectFrom('bars')
      .groupBy(['symbol', 'instrument_type', 'bucket'])
      .orderBy('bucket')
      .select((eb) => {
        const at = eb.ref('timestamp');
        const total = (column: Expression<number>) => neverNull(exactSum(column));
        const slots = intDivide(lengthOf(eb.ref('bucket'), resample), BigInt(timeframes[wanted.timeframe] ?? 1));
        return [
          'symbol',
          literal(resample).as('timeframe'),
          'instrument_type',
          'bucket as timestamp',
          firstBy(eb.ref('open'), at).ofGroup().as('open'),
          max(eb.ref('high')).ofGroup().as('high'),
          min(eb.ref('low')).ofGroup().as('low'),
          lastBy(eb.ref('close'), at).ofGroup().as('close'),
          total(eb.ref('volume')).as('volume'),
          max(eb.ref('close_time')).ofGroup().as('close_time'),
          total(eb.ref('quote_asset_volume')).as('quote_asset_volume'),
          sum(eb.ref('number_of_trades')).ofGroup().as('number_of_trades'),
          total(eb.ref('taker_buy_base_asset_volume')).as('taker_buy_base_asset_volume'),
          total(eb.ref('taker_buy_quote_asset_volume')).as('taker_buy_quote_asset_volume'),
          countDistinct(eb.ref('slot')).as('bars'),
          slots.as('bars_expected'),
        ];
      });
  },
  market: ({ instrumentType }) => instrumentType,
  series: ({ resample, ...wanted }) => (resample === '3d' ? [wanted, published3d(wanted)] : [wanted]),
  async check(reader, values) {
    checkResample(values.timeframe, values.resample);
    const notes = await checkSeries(reader, values);
    if (values.resample === '3d') await expectAnchor(reader, values);
    return notes;
  },
  units: ({ instrumentType }) => ohlcvUnits(instrumentType),
  examples: [],
});
