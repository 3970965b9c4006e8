import { drawRank } from '../draw/rank.ts';
import { dayOptions } from '../parameters/range.ts';
import { symbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { coveredDays, inRange, symbolCalendar } from '../sql.ts';

/** A symbol's rank, for every day of the calendar from its first to its last; a day without a rank is a gap. */
export const rank = defineQuestion({
  name: 'rank',
  description: "A symbol's rank by turnover, day by day.",
  parameters: { symbol: symbol('volume_rankings'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .selectFrom(symbolCalendar(db, 'volume_rankings', symbol).as('calendar'))
      .leftJoin('volume_rankings as day', (join) =>
        join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
      )
      .where((eb) => inRange(eb.ref('calendar.date'), { start, end }))
      .orderBy('calendar.date')
      .select([
        'calendar.date',
        'calendar.symbol',
        'day.rank',
        'day.rank_change_1d',
        'day.rank_change_7d',
        'day.rank_change_30d',
        'day.quote_volume_usdt',
        'day.market_share_pct',
        'day.percentile',
      ]),
  covers: (db, values) => coveredDays(db, 'volume_rankings', values),
  units: () => ({
    rank_change_1d: 'ranks, negative is up',
    rank_change_7d: 'ranks, negative is up',
    rank_change_30d: 'ranks, negative is up',
    quote_volume_usdt: 'USDT',
    market_share_pct: 'percent of the ranked turnover',
    percentile: 'percent of the ranked contracts that are larger',
  }),
  draw: (days, canvas) => drawRank(days, canvas),
  examples: ['rank ETHUSDT', 'rank ETHUSDT --start 2025-06-01 --end 2025-07-01 --format csv'],
});
