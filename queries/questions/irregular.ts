import { type Expression, sql } from 'kysely';
import { msOfDay } from '../../engine/index.ts';
import { defineQuestion } from '../question.ts';
import { type Timeframe, timeframes } from '../timeframes.ts';

/** The longest that a bar of a timeframe without a fixed length can be, in ms. */
const longest = { '3d': 3 * msOfDay, '1w': 7 * msOfDay, '1mo': 31 * msOfDay } as const;

function longestOf(timeframe: Expression<unknown>) {
  const lengths = Object.keys(timeframes).map((name) => {
    const ms = timeframes[name as Timeframe] ?? longest[name as keyof typeof longest];
    return sql`when ${sql.lit(name)} then ${sql.lit(ms * 1000)}`;
  });
  return sql`case ${timeframe} ${sql.join(lengths, sql` `)} end`;
}

/** Bars that close before they open, or later than a bar of their timeframe can (A9); of all markets. */
export const irregular = defineQuestion({
  name: 'irregular',
  description: 'Bars whose published close time is far from them, before they open or more than a bar later.',
  parameters: {},
  query: (db) =>
    db
      .selectFrom('ohlcv')
      .where(({ ref }) => {
        const length = sql`epoch_us(${ref('close_time')}) - epoch_us(${ref('timestamp')})`;
        return sql<boolean>`${length} not between 0 and ${longestOf(ref('timeframe'))}`;
      })
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('timestamp')
      .select(['instrument_type', 'symbol', 'timeframe', 'timestamp', 'close_time', 'volume', 'data_source']),
  market: () => 'all markets',
  examples: ['irregular', 'irregular --format json'],
});
