import { type Expression, type Kysely, sql } from 'kysely';
import { cast, type Vars } from '../../engine/index.ts';
import { defineModel } from '../define.ts';
import type { Database } from '../schema.ts';

const daysOfAvailability = 30;

/** Perpetual contracts in the ranked quote assets that traded that day: no settled copies, no deliveries (B4). */
const cohort = (db: Kysely<Database>, vars: Vars) =>
  db
    .selectFrom('daily_availability as day')
    .innerJoin('symbols', 'symbols.symbol', 'day.symbol')
    .where('symbols.instrument_type', '=', 'futures-um')
    .where('symbols.contract_type', '=', 'perpetual')
    .where('symbols.quote_asset', 'in', vars.strings('ranking_quote_assets'))
    .where('day.trade_count', '>=', 1n)
    .where('day.quote_volume_usdt', 'is not', null)
    .select((eb) => [
      'day.date',
      'day.symbol',
      cast('DOUBLE', eb.ref('day.quote_volume_usdt')).as('quote_volume_usdt'),
      cast('BIGINT', eb.ref('day.trade_count')).as('trade_count'),
    ]);

/** Days of which enough has been published to rank them, or for which waiting longer is of no use. */
const completeDays = (db: Kysely<Database>, vars: Vars, asOf: Expression<Date>) =>
  db
    .with('days', (days) => days.selectFrom('daily_availability').distinct().select('date'))
    // From the day before, since a symbol that has not come may have no row: its grace may be over.
    .with('presence', (presence) =>
      presence
        .selectFrom('daily_availability as before')
        .leftJoin('daily_availability as day', (join) =>
          join
            .onRef('day.symbol', '=', 'before.symbol')
            .on((eb) =>
              eb.and([
                sql<boolean>`${eb.ref('day.date')} = ${eb.ref('before.date')} + 1`,
                eb('day.available', '=', true),
              ]),
            ),
        )
        .where('before.available', '=', true)
        .groupBy('before.date')
        .select((eb) => [
          cast('DATE', sql`${eb.ref('before.date')} + 1`).as('date'),
          cast('BIGINT', sql`count(*)`).as('expected'),
          cast('BIGINT', sql`count(${eb.ref('day.symbol')})`).as('arrived'),
        ]),
    )
    .selectFrom('days as day')
    .leftJoin('presence', 'presence.date', 'day.date')
    .where((eb) =>
      eb.or([
        eb('presence.expected', 'is', null),
        sql<boolean>`${eb.ref('presence.arrived')} >= ${sql.lit(vars.number('day_complete_ratio'))} * ${eb.ref('presence.expected')}`,
        sql<boolean>`${eb.ref('day.date')} + interval 3 days < ${asOf}`, // 48 h after the day's end
      ]),
    )
    .select('day.date');

const rankedDays = (db: Kysely<Database>, vars: Vars, asOf: Expression<Date>) =>
  db
    .selectFrom(cohort(db, vars).as('member'))
    .innerJoin(completeDays(db, vars, asOf).as('complete'), 'complete.date', 'member.date')
    .select(['member.date', 'member.symbol', 'member.quote_volume_usdt', 'member.trade_count']);

export default defineModel('volume_rankings', {
  sources: {
    // A rank of 30 days ago counts if that day was complete, which the day before it decides.
    daily_availability: { looksBack: '31 days' },
    symbols: { through: 'daily_availability', on: ['symbol'] },
  },
  settlesAfter: '3 days',

  query: ({ db, vars, asOf }) =>
    db
      .with(
        (name) => name('members').materialized(),
        (members) =>
          members.selectFrom(rankedDays(db, vars, asOf).as('member')).select((eb) => {
            const volume = eb.ref('member.quote_volume_usdt');
            const largestFirst = sql`(partition by ${eb.ref('member.date')} order by ${volume} desc)`;
            // A sum of decimals is exact, so the order in which threads add cannot show (B21).
            const total = sql`sum(cast(${volume} as DECIMAL(38, 10))) over (partition by ${eb.ref('member.date')})`;
            return [
              'member.date',
              'member.symbol',
              cast('SMALLINT', sql`dense_rank() over ${largestFirst}`).as('rank'),
              'member.quote_volume_usdt',
              'member.trade_count',
              cast('FLOAT', sql`100 * percent_rank() over ${largestFirst}`).as('percentile'),
              cast('FLOAT', sql`100 * ${volume} / cast(${total} as DOUBLE)`).as('market_share_pct'),
            ];
          }),
      )
      .with('spans', (spans) =>
        spans
          .selectFrom('members')
          .groupBy('symbol')
          .select((eb) => [
            'symbol',
            cast(
              'DATE',
              sql`unnest(generate_series(min(${eb.ref('date')}), max(${eb.ref('date')}), interval 1 day))`,
            ).as('date'),
          ]),
      )
      // A row for every day of the calendar, ranked or not: so many rows before is so many days before (B3).
      .with('calendar', (calendar) =>
        calendar
          .selectFrom('spans as span')
          .leftJoin('members as member', (join) =>
            join.onRef('member.symbol', '=', 'span.symbol').onRef('member.date', '=', 'span.date'),
          )
          .select((eb) => {
            const order = sql`partition by ${eb.ref('span.symbol')} order by ${eb.ref('span.date')}`;
            const rank = eb.ref('member.rank');
            const change = (days: number) =>
              cast.nullable('SMALLINT', sql`${rank} - lag(${rank}, ${sql.lit(days)}) over (${order})`);
            return [
              'span.date',
              'span.symbol',
              'member.rank',
              'member.quote_volume_usdt',
              'member.trade_count',
              change(1).as('rank_change_1d'),
              change(7).as('rank_change_7d'),
              change(14).as('rank_change_14d'),
              change(30).as('rank_change_30d'),
              'member.percentile',
              'member.market_share_pct',
              cast(
                'TINYINT',
                sql`count(${rank}) over (${order} rows between ${sql.lit(daysOfAvailability - 1)} preceding and current row)`,
              ).as('days_available'),
            ];
          }),
      )
      .selectFrom('calendar as day')
      .where('day.rank', 'is not', null)
      .orderBy('day.date')
      .orderBy('day.rank')
      .orderBy('day.symbol')
      .select((eb) => [
        'day.date',
        'day.symbol',
        cast('SMALLINT', eb.ref('day.rank')).as('rank'),
        cast('DOUBLE', eb.ref('day.quote_volume_usdt')).as('quote_volume_usdt'),
        cast('BIGINT', eb.ref('day.trade_count')).as('trade_count'),
        'day.rank_change_1d',
        'day.rank_change_7d',
        'day.rank_change_14d',
        'day.rank_change_30d',
        cast('FLOAT', eb.ref('day.percentile')).as('percentile'),
        cast('FLOAT', eb.ref('day.market_share_pct')).as('market_share_pct'),
        'day.days_available',
        cast('TIMESTAMP', asOf).as('generation_timestamp'),
      ]),
});
