import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { builtMonths } from './archives_at_hand.ts';
import { monthOf } from './calendar.ts';
import type { withMissing } from './missing.ts';

/**
 * What is known of an archive: `verified` and in `ohlcv`; `rejected`; `failed`; `none` where it is not listed or the
 * host has none; `open` where it was not asked for, or is not loaded.
 */
const standing = (key: Expression<unknown>, status: Expression<unknown>, isLoaded: Expression<unknown>) =>
  cast(
    'VARCHAR',
    sql`case
      when ${key} is null or ${status} = 'absent' then 'none'
      when ${status} in ('staged', 'loaded') and ${isLoaded} then 'verified'
      when ${status} in ('rejected', 'failed') then ${status}
      else 'open'
    end`,
  );

const withStandings = (db: ReturnType<typeof withMissing>) =>
  db.with('judged', (judged) =>
    judged
      .selectFrom('missing')
      .innerJoin('grids', 'grids.id', 'missing.id')
      .leftJoin('listings as listing', (join) =>
        join
          .onRef('listing.instrument_type', '=', 'grids.instrument_type')
          .onRef('listing.symbol', '=', 'grids.symbol')
          .onRef('listing.timeframe', '=', 'grids.timeframe'),
      )
      .leftJoin('archive_objects as day', (join) =>
        join
          .onRef('day.instrument_type', '=', 'grids.instrument_type')
          .onRef('day.symbol', '=', 'grids.symbol')
          .onRef('day.timeframe', '=', 'grids.timeframe')
          .on('day.cadence', '=', 'daily')
          .on(({ eb, ref }) => eb('day.period_start', '=', cast('DATE', ref('missing.opens_at')))),
      )
      .leftJoin('staged_archives as day_staged', 'day_staged.key', 'day.key')
      .leftJoin('archive_objects as month', (join) =>
        join
          .onRef('month.instrument_type', '=', 'grids.instrument_type')
          .onRef('month.symbol', '=', 'grids.symbol')
          .onRef('month.timeframe', '=', 'grids.timeframe')
          .on('month.cadence', '=', 'monthly')
          .on(({ eb, ref }) => eb('month.period_start', '=', monthOf(ref('missing.opens_at')))),
      )
      .leftJoin('staged_archives as month_staged', 'month_staged.key', 'month.key')
      .leftJoin(
        (from) => builtMonths(from).as('built'),
        (join) =>
          join
            .onRef('built.instrument_type', '=', 'grids.instrument_type')
            .onRef('built.symbol', '=', 'grids.symbol')
            .onRef('built.timeframe', '=', 'grids.timeframe')
            .on(({ eb, ref }) => eb('built.month', '=', monthOf(ref('missing.opens_at')))),
      )
      .leftJoin('absences as absence', (join) =>
        join
          .onRef('absence.instrument_type', '=', 'grids.instrument_type')
          .onRef('absence.symbol', '=', 'grids.symbol')
          .on(({ eb, ref }) => eb('absence.away_from', '<=', cast('DATE', ref('missing.opens_at'))))
          .on(({ eb, ref }) => eb('absence.away_until', '>', cast('DATE', ref('missing.opens_at')))),
      )
      .select(({ ref }) => [
        'missing.id',
        'missing.from_slot',
        'missing.to_slot',
        'missing.is_whole_day',
        'missing.is_delivered',
        'day.key as day_key',
        'month.key as month_key',
        // An archive that is verified has bars: where its whole day is missing, it is not loaded.
        standing(ref('day.key'), ref('day_staged.status'), sql`not ${ref('missing.is_whole_day')}`).as('day'),
        standing(ref('month.key'), ref('month_staged.status'), sql`${ref('built.month')} is not null`).as('month'),
        cast('BOOLEAN', sql`coalesce(${ref('missing.opens_at')} >= ${ref('listing.listed_until')}, false)`).as(
          'is_after_listing',
        ),
        cast('BOOLEAN', sql`${ref('absence.away_from')} is not null`).as('is_away'),
        cast('BOOLEAN', sql`coalesce(${ref('listing.has_daily')}, false)`).as('has_daily'),
        cast.nullable('TIMESTAMP', ref('listing.listed_at')).as('listed_at'),
      ]),
  );

/**
 * The first cause that applies to a day of a series; `no_bar` where an archive was read and has none, `delivered` after
 * the delivery of a contract (A32).
 */
export const withCauses = (db: ReturnType<typeof withMissing>) =>
  withStandings(db).with('caused', (caused) =>
    caused.selectFrom('judged').select(({ ref }) => {
      const [day, month] = [ref('day'), ref('month')];
      const either = (what: string) => sql`${sql.lit(what)} in (${day}, ${month})`;
      const keyOf = (what: string) =>
        sql`case when ${day} = ${sql.lit(what)} then ${ref('day_key')} else ${ref('month_key')} end`;
      // Monthly archives miss days that the daily ones have (A15), so they answer for whole days only where they are alone.
      const monthAnswers = sql`${month} = 'verified' and not (${ref('has_daily')} and ${ref('is_whole_day')})`;
      const listing = sql`'listing of ' || coalesce(strftime(${ref('listed_at')}, '%Y-%m-%dT%H:%M:%SZ'), 'nothing')`;
      const cases = [
        [ref('is_delivered'), 'delivered', sql`coalesce(${ref('day_key')}, ${listing})`],
        [ref('is_after_listing'), 'not_published', listing],
        [sql`${day} = 'verified'`, 'no_bar', ref('day_key')],
        [either('rejected'), 'rejected', keyOf('rejected')],
        [either('failed'), 'failed', keyOf('failed')],
        [sql`${day} = 'open'`, 'unverified', ref('day_key')],
        [ref('is_away'), 'not_trading', listing],
        [sql`${month} = 'open'`, 'unverified', ref('month_key')],
        [monthAnswers, 'no_bar', ref('month_key')],
        [
          sql`true`,
          'archive_hole',
          sql`coalesce(${ref('day_key')}, case when ${month} = 'none' then ${ref('month_key')} end, ${listing})`,
        ],
      ] as const;
      const first = (of: (one: (typeof cases)[number]) => Expression<unknown>) =>
        cast(
          'VARCHAR',
          sql`case ${sql.join(
            cases.map((one) => sql`when ${one[0]} then ${of(one)}`),
            sql` `,
          )} end`,
        );
      return [
        'id',
        'from_slot',
        'to_slot',
        first(([, cause]) => sql.lit(cause)).as('cause'),
        first(([, , evidence]) => evidence).as('evidence'),
      ];
    }),
  );
