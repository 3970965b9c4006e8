import { sql } from 'kysely';
import { cast, exactSum } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { day } from '../parameters/day.ts';
import { defineQuestion } from '../question.ts';
import { changePercent, countWhere, percentOf, traded } from '../sql.ts';

const comparedWith = [0, 1, 7] as const;

/** The whole USD-M market on a day, in one row; turnover of contracts that are quoted in a US dollar at par. */
export const market = defineQuestion({
  name: 'market',
  description: 'The whole market on a day: turnover, trades, concentration.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .with('members', (members) =>
        members
          .selectFrom('daily_availability')
          .where(
            'date',
            'in',
            comparedWith.map((days) => new Date(date.getTime() - days * msOfDay)),
          )
          .select((eb) => [
            'date',
            'symbol',
            'available',
            traded(eb).as('traded'),
            'quote_volume_usdt',
            'taker_buy_quote_volume_usdt',
            'trade_count',
            cast(
              'BIGINT',
              sql`row_number() over (partition by ${eb.ref('date')} order by ${eb.ref('quote_volume_usdt')} desc nulls last, ${eb.ref('symbol')})`,
            ).as('place'),
          ]),
      )
      .with('days', (days) =>
        days
          .selectFrom('members')
          .groupBy('date')
          .select((eb) => {
            const volume = eb.ref('quote_volume_usdt');
            const first = (places: number) =>
              exactSum(sql`case when ${eb.ref('place')} <= ${sql.lit(places)} then ${volume} end`);
            return [
              'date',
              countWhere(eb.ref('available')).as('symbols_available'),
              countWhere(eb.ref('traded')).as('symbols_traded'),
              exactSum(volume).as('quote_volume_usdt'),
              exactSum(eb.ref('taker_buy_quote_volume_usdt')).as('taker_buy_quote_volume_usdt'),
              cast.nullable('BIGINT', sql`sum(${eb.ref('trade_count')})`).as('trade_count'),
              cast
                .nullable('VARCHAR', sql`min(${eb.ref('symbol')}) filter (where ${eb.ref('place')} = 1)`)
                .as('largest_symbol'),
              percentOf(first(1), exactSum(volume)).as('largest_share_pct'),
              percentOf(first(10), exactSum(volume)).as('ten_largest_share_pct'),
            ];
          }),
      )
      .selectFrom('days as day')
      .leftJoin('days as yesterday', (join) =>
        join.on((eb) => sql<boolean>`${eb.ref('yesterday.date')} = ${eb.ref('day.date')} - 1`),
      )
      .leftJoin('days as week', (join) =>
        join.on((eb) => sql<boolean>`${eb.ref('week.date')} = ${eb.ref('day.date')} - 7`),
      )
      .where('day.date', '=', date)
      .select((eb) => {
        const volume = eb.ref('day.quote_volume_usdt');
        return [
          'day.date',
          'day.symbols_available',
          'day.symbols_traded',
          'day.quote_volume_usdt',
          changePercent(volume, eb.ref('yesterday.quote_volume_usdt')).as('volume_change_1d_pct'),
          changePercent(volume, eb.ref('week.quote_volume_usdt')).as('volume_change_7d_pct'),
          'day.trade_count',
          percentOf(eb.ref('day.taker_buy_quote_volume_usdt'), volume).as('taker_buy_share_pct'),
          'day.largest_symbol',
          'day.largest_share_pct',
          'day.ten_largest_share_pct',
        ];
      }),
  units: () => ({
    quote_volume_usdt: 'USDT at par',
    volume_change_1d_pct: 'percent',
    volume_change_7d_pct: 'percent',
    taker_buy_share_pct: 'percent of the turnover',
    largest_share_pct: 'percent of the turnover',
    ten_largest_share_pct: 'percent of the turnover',
  }),
  record: true,
  examples: ['market 2025-06-17', 'market latest --format json'],
});
