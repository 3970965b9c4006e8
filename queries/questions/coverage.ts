import { sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { dayOptions } from '../parameters/range.ts';
import { defineQuestion } from '../question.ts';
import { countWhere, coveredDays, inRange, percentOf } from '../sql.ts';

/** How many of the symbols available on a day have figures; of a whole history, day by day. */
export const coverage = defineQuestion({
  name: 'coverage',
  description: 'Share of the available symbols that have figures, day by day.',
  parameters: dayOptions,
  query: (db, { start, end }) =>
    db
      .selectFrom('daily_availability')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .groupBy('date')
      .orderBy('date')
      .select((eb) => {
        const available = eb.ref('available');
        const lacking = sql`${available} and ${eb.ref('trade_count')} is null`;
        const withBar = countWhere(sql`${available} and ${eb.ref('trade_count')} is not null`);
        const withVolume = countWhere(sql`${available} and ${eb.ref('quote_volume_usdt')} is not null`);
        return [
          'date',
          countWhere(available).as('available'),
          withBar.as('with_bar'),
          withVolume.as('with_quote_volume'),
          percentOf(withBar, countWhere(available)).as('bar_pct'),
          percentOf(withVolume, countWhere(available)).as('quote_volume_pct'),
          cast
            .nullable(
              'VARCHAR',
              sql`string_agg(${eb.ref('symbol')}, ' ' order by ${eb.ref('symbol')}) filter (where ${lacking})`,
            )
            .as('without_bar'),
        ];
      }),
  covers: (db) => coveredDays(db, 'daily_availability'),
  units: () => ({ bar_pct: 'percent of available', quote_volume_pct: 'percent of available' }),
  examples: ['coverage', 'coverage --start 2025-06-01 --end 2025-07-01'],
});
