import { sql } from 'kysely';
import { cast, exactSum } from '../../engine/index.ts';
import { days } from '../parameters/range.ts';
import { defineQuestion } from '../question.ts';
import { countWhere, coveredDays, inRange, traded } from '../sql.ts';

/** Which symbols were available between two days, and how much of it. */
export const range = defineQuestion({
  name: 'range',
  description: 'Symbols that are available in a range of days, and on how many.',
  parameters: days,
  query: (db, { start, end }) =>
    db
      .selectFrom('daily_availability')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .groupBy('symbol')
      .having((eb) => sql<boolean>`bool_or(${eb.ref('available')})`)
      .orderBy('symbol')
      .select((eb) => {
        const available = eb.ref('available');
        return [
          'symbol',
          cast.nullable('DATE', sql`min(${eb.ref('date')}) filter (where ${available})`).as('first_available'),
          cast.nullable('DATE', sql`max(${eb.ref('date')}) filter (where ${available})`).as('last_available'),
          countWhere(available).as('days_available'),
          countWhere(traded(eb)).as('days_traded'),
          exactSum(eb.ref('quote_volume_usdt')).as('quote_volume_usdt'),
          cast.nullable('BIGINT', sql`sum(${eb.ref('trade_count')})`).as('trade_count'),
        ];
      }),
  covers: (db) => coveredDays(db, 'daily_availability'),
  units: () => ({ quote_volume_usdt: 'USDT at par' }),
  examples: ['range 2025-06-01 2025-07-01'],
});
