import { sql } from 'kysely';
import { cast, exactSum } from '../../engine/index.ts';
import { defineQuestion } from '../question.ts';
import { count, countWhere, percentOf, traded } from '../sql.ts';

/** What there is, in one row. */
export const summary = defineQuestion({
  name: 'summary',
  description: 'What the warehouse holds: days, symbols, coverage, volume.',
  parameters: {},
  query: (db) =>
    db
      .with('newest', (newest) =>
        newest
          .selectFrom('daily_availability')
          .where('date', '=', (eb) =>
            eb.selectFrom('daily_availability').select((of) => cast('DATE', sql`max(${of.ref('date')})`).as('date')),
          )
          .select((eb) => [
            countWhere(eb.ref('available')).as('available_on_last_day'),
            countWhere(traded(eb)).as('traded_on_last_day'),
          ]),
      )
      .with('ranked', (ranked) =>
        ranked
          .selectFrom('volume_rankings')
          .select((eb) => [
            cast.nullable('DATE', sql`min(${eb.ref('date')})`).as('first_ranked_day'),
            cast.nullable('DATE', sql`max(${eb.ref('date')})`).as('last_ranked_day'),
            cast('BIGINT', sql`count(distinct ${eb.ref('date')})`).as('ranked_days'),
            cast('BIGINT', sql`count(distinct ${eb.ref('symbol')})`).as('ranked_symbols'),
          ]),
      )
      .with('whole', (whole) =>
        whole.selectFrom('daily_availability').select((eb) => {
          const available = countWhere(eb.ref('available'));
          return [
            cast.nullable('DATE', sql`min(${eb.ref('date')})`).as('first_day'),
            cast.nullable('DATE', sql`max(${eb.ref('date')})`).as('last_day'),
            cast('BIGINT', sql`count(distinct ${eb.ref('date')})`).as('days'),
            cast('BIGINT', sql`count(distinct ${eb.ref('symbol')})`).as('symbols'),
            count().as('symbol_days'),
            available.as('available_symbol_days'),
            percentOf(countWhere(sql`${eb.ref('available')} and ${eb.ref('trade_count')} is not null`), available).as(
              'figures_pct',
            ),
            exactSum(eb.ref('quote_volume_usdt')).as('quote_volume_usdt'),
          ];
        }),
      )
      .selectFrom(['whole', 'newest', 'ranked'])
      .select([
        'whole.first_day',
        'whole.last_day',
        'whole.days',
        'whole.symbols',
        'newest.available_on_last_day',
        'newest.traded_on_last_day',
        'whole.symbol_days',
        'whole.available_symbol_days',
        'whole.figures_pct',
        'whole.quote_volume_usdt',
        'ranked.first_ranked_day',
        'ranked.last_ranked_day',
        'ranked.ranked_days',
        'ranked.ranked_symbols',
      ]),
  units: () => ({ figures_pct: 'percent of available symbol-days that have a bar', quote_volume_usdt: 'USDT at par' }),
  record: true,
  examples: ['summary', 'summary --target live --format json'],
});
