import { sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { drawCalendar } from '../draw/calendar.ts';
import { dayOptions } from '../parameters/range.ts';
import { symbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { coveredDays, inRange, symbolCalendar } from '../sql.ts';

/** What there is of a symbol, for every day of the calendar from its first to its last. */
export const timeline = defineQuestion({
  name: 'timeline',
  description: "A symbol's availability, day by day.",
  parameters: { symbol: symbol('daily_availability'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .selectFrom(symbolCalendar(db, 'daily_availability', symbol).as('calendar'))
      .leftJoin('daily_availability as day', (join) =>
        join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
      )
      .where((eb) => inRange(eb.ref('calendar.date'), { start, end }))
      .orderBy('calendar.date')
      .select((eb) => {
        const available = sql`coalesce(${eb.ref('day.available')}, false)`;
        return [
          'calendar.date',
          'calendar.symbol',
          cast('BOOLEAN', available).as('available'),
          cast('BOOLEAN', sql`coalesce(${eb.ref('day.trade_count')} > 0, ${available})`).as('traded'),
          'day.quote_volume_usdt',
          'day.trade_count',
          'day.close_price',
          'day.file_size_bytes',
          'day.last_modified',
        ];
      }),
  covers: (db, values) => coveredDays(db, 'daily_availability', values),
  units: () => ({ quote_volume_usdt: 'USDT at par', close_price: 'quote asset', file_size_bytes: 'bytes' }),
  draw: (days, canvas) => drawCalendar(days, canvas),
  examples: ['timeline BTCUSDT', 'timeline btc/usdt --start 2025-06-01 --end 2025-07-01 --format csv'],
});
