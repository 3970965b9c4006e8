import { type Expression, sql } from 'kysely';
import { longestSlot, timeframeNames } from '../../exchange/timeframes.ts';
import { defineQuestion } from '../question.ts';

function longestOf(timeframe: Expression<unknown>) {
  const lengths = timeframeNames.map((name) => sql`when ${sql.lit(name)} then ${sql.lit(longestSlot(name) * 1000)}`);
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
