import type { Expression, Kysely, NotNull } from 'kysely';
import type { Vars } from '../../engine/index.ts';
import {
  addDays,
  cast,
  condition,
  count,
  decimal,
  denseRank,
  descending,
  divide,
  isShare,
  lag,
  max,
  min,
  minus,
  percentRank,
  sumOfDecimals,
  times,
  unnestDays,
} from '../../engine/vocabulary/index.ts';
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
    .select(['day.date', 'day.symbol', 'day.quote_volume_usdt', 'day.trade_count']);

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
            .on(({ eb, ref }) => eb('day.date', '=', addDays(ref('before.date'), 1)))
            .on('day.available', '=', true),
        )
        .where('before.available', '=', true)
        .groupBy('before.date')
        .select(({ ref }) => [
          addDays(ref('before.date'), 1).as('date'),
          count().as('expected'),
          count(ref('day.symbol')).as('arrived'),
        ]),
    )
    .selectFrom('days as day')
    .leftJoin('presence', 'presence.date', 'day.date')
    .where(({ eb, or, ref }) =>
      or([
        eb('presence.expected', 'is', null),
        condition(isShare(ref('presence.arrived'), vars.number('day_complete_ratio'), ref('presence.expected'))),
        eb(addDays(ref('day.date'), 3), '<', asOf), // 48 h after the day's end
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
          members.selectFrom(rankedDays(db, vars, asOf).as('member')).select(({ ref }) => {
            const volume = ref('member.quote_volume_usdt');
            const ofDay = { partitionBy: ref('member.date') };
            const largestFirst = { ...ofDay, orderBy: descending(volume) };
            // A sum of decimals is exact, so the order in which threads add cannot show (B21).
            const total = sumOfDecimals(decimal(volume, 38, 10)).over(ofDay);
            return [
              'member.date',
              'member.symbol',
              cast('SMALLINT', denseRank().over(largestFirst)).as('rank'),
              'member.quote_volume_usdt',
              'member.trade_count',
              cast('FLOAT', times(percentRank().over(largestFirst), 100)).as('percentile'),
              cast('FLOAT', divide(times(volume, 100), cast('DOUBLE', total))).as('market_share_pct'),
            ];
          }),
      )
      .with('spans', (spans) =>
        spans
          .selectFrom('members')
          .groupBy('symbol')
          .select(({ ref }) => ['symbol', unnestDays(min(ref('date')), max(ref('date'))).as('date')]),
      )
      // A row for every day of the calendar, ranked or not: so many rows before is so many days before (B3).
      .with('calendar', (calendar) =>
        calendar
          .selectFrom('spans as span')
          .leftJoin('members as member', (join) =>
            join.onRef('member.symbol', '=', 'span.symbol').onRef('member.date', '=', 'span.date'),
          )
          .select(({ ref }) => {
            const rank = ref('member.rank');
            const dayByDay = { partitionBy: ref('span.symbol'), orderBy: ref('span.date') };
            const change = (days: number) => cast('SMALLINT', minus(rank, lag(rank, days).over(dayByDay)));
            const lookBack = { ...dayByDay, rows: { preceding: daysOfAvailability - 1 } };
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
              cast('TINYINT', count(rank).over(lookBack)).as('days_available'),
            ];
          }),
      )
      .selectFrom('calendar as day')
      .where('day.rank', 'is not', null)
      .orderBy('day.date')
      .orderBy('day.rank')
      .orderBy('day.symbol')
      .selectAll('day')
      .select(cast('TIMESTAMP', asOf).as('generation_timestamp'))
      .$narrowType<Record<'rank' | 'quote_volume_usdt' | 'trade_count' | 'percentile' | 'market_share_pct', NotNull>>(),
});
