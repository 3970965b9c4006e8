import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { drawVolume } from '../draw/volume.ts';
import { dayOptions } from '../parameters/range.ts';
import { symbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { changePercent, coveredDays, inRange, symbolCalendar } from '../sql.ts';

/**
 * A symbol's turnover with its trend, for every day of the calendar from its first to its last, so that a day without
 * a row shows as a gap. Means are of the days that have a figure. Windows are counted before `start` and `end` cut
 * (B2), in days of the calendar (B3).
 */
export const volume = defineQuestion({
  name: 'volume',
  description: "A symbol's turnover, day by day, and its trend.",
  parameters: { symbol: symbol('daily_availability'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .with('trend', (trend) =>
        trend
          .selectFrom(symbolCalendar(db, 'daily_availability', symbol).as('calendar'))
          .leftJoin('daily_availability as day', (join) =>
            join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
          )
          .select((eb) => {
            const amount = eb.ref('day.quote_volume_usdt');
            const mean = (days: number, from: Expression<Date>) =>
              cast.nullable(
                'DOUBLE',
                sql`round(avg(cast(${amount} as DECIMAL(38, 10))) over (order by ${from} rows between ${sql.lit(days - 1)} preceding and current row), 2)`,
              );
            const date = eb.ref('calendar.date');
            return [
              'calendar.date',
              'calendar.symbol',
              'day.available',
              'day.quote_volume_usdt',
              'day.volume_base',
              'day.trade_count',
              mean(7, date).as('mean_7d'),
              mean(30, date).as('mean_30d'),
              changePercent(amount, sql`lag(${amount}, 1) over (order by ${date})`).as('change_1d_pct'),
              changePercent(amount, sql`lag(${amount}, 7) over (order by ${date})`).as('change_7d_pct'),
            ];
          }),
      )
      .selectFrom('trend')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .orderBy('date')
      .select((eb) => [
        'date',
        'symbol',
        cast('BOOLEAN', sql`coalesce(${eb.ref('available')}, false)`).as('available'),
        'quote_volume_usdt',
        'volume_base',
        'trade_count',
        'mean_7d',
        'mean_30d',
        'change_1d_pct',
        'change_7d_pct',
      ]),
  covers: (db, values) => coveredDays(db, 'daily_availability', values),
  units: () => ({
    quote_volume_usdt: 'USDT at par',
    mean_7d: 'USDT at par',
    mean_30d: 'USDT at par',
    volume_base: 'base asset',
    change_1d_pct: 'percent',
    change_7d_pct: 'percent',
  }),
  draw: (days, canvas) => drawVolume(days, canvas),
  examples: ['volume BTCUSDT', 'volume BTCUSDT --start 2025-06-01 --end 2025-07-01 --output btc.parquet'],
});
