import { sql } from 'kysely';
import { cast, formatDay } from '../../engine/index.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import { day } from '../parameters/day.ts';
import { defineQuestion } from '../question.ts';
import { traded } from '../sql.ts';

/**
 * Symbols that began to trade on a day: for the first time, or again after more than 7 days, as a ticker does that is
 * used for another coin (A24). A whole day that was published late makes no listing of the next one (A21).
 */
export const listings = defineQuestion({
  name: 'listings',
  description: 'Symbols that began to trade on a day.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .with('trading', (trading) =>
        trading
          .selectFrom('daily_availability')
          .where('date', '<=', date)
          .where((eb) => traded(eb))
          .select(['date', 'symbol', 'quote_volume_usdt', 'trade_count', 'open_price', 'close_price']),
      )
      .selectFrom('trading as day')
      .leftJoin('trading as before', (join) =>
        join.onRef('before.symbol', '=', 'day.symbol').onRef('before.date', '<', 'day.date'),
      )
      .where('day.date', '=', date)
      // Of the first day of all, nobody knows who traded the day before.
      .where('day.date', '>', (eb) =>
        eb.selectFrom('daily_availability').select((of) => cast('DATE', sql`min(${of.ref('date')})`).as('first')),
      )
      .groupBy([
        'day.date',
        'day.symbol',
        'day.quote_volume_usdt',
        'day.trade_count',
        'day.open_price',
        'day.close_price',
      ])
      .having((eb) => {
        const away = sql`${eb.ref('day.date')} - max(${eb.ref('before.date')}) - 1`;
        return sql<boolean>`coalesce(${away} > ${sql.lit(daysOfASpell)}, true)`;
      })
      .orderBy('day.symbol')
      .select((eb) => [
        'day.date',
        'day.symbol',
        cast.nullable('DATE', sql`max(${eb.ref('before.date')})`).as('previously_traded'),
        'day.quote_volume_usdt',
        'day.trade_count',
        'day.open_price',
        'day.close_price',
      ]),
  async check({ db, rows }, { date }) {
    const [{ first } = { first: date }] = await rows(
      db.selectFrom('daily_availability').select((eb) => cast('DATE', sql`min(${eb.ref('date')})`).as('first')),
    );
    if (first < date) return [];
    return [`the record begins on ${formatDay(date)}: who began to trade on that day is not known`];
  },
  units: () => ({ quote_volume_usdt: 'USDT at par', open_price: 'quote asset', close_price: 'quote asset' }),
  examples: ['listings 2025-06-17'],
});
