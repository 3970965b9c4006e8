import { type Expression, expressionBuilder, type SqlBool } from 'kysely';
import {
  type Condition,
  choose,
  concat,
  dayOf,
  firstOfMonth,
  formatInstant,
  holds,
  literal,
  neverNull,
} from '../../engine/vocabulary/index.ts';
import type { Database } from '../schema.ts';
import { builtMonths } from './archives_at_hand.ts';
import type { withMissing } from './missing.ts';

const { and, eb, or } = expressionBuilder<Database>();

/**
 * The state of an archive: `verified` if it is in `ohlcv`; `rejected`; `failed`; `none` if it is not listed or the host
 * does not have it; `open` if it was not requested or is not loaded.
 */
const standing = (key: Expression<string | null>, status: Expression<string | null>, isLoaded: Expression<SqlBool>) =>
  choose(
    [
      [or([eb(key, 'is', null), eb(status, '=', 'absent')]), 'none'],
      [and([eb(status, 'in', ['staged', 'loaded']), isLoaded]), 'verified'],
      [eb(status, 'in', ['rejected', 'failed']), neverNull(status)],
    ],
    'open',
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
          .on(({ eb, ref }) => eb('day.period_start', '=', dayOf(ref('missing.opens_at')))),
      )
      .leftJoin('staged_archives as day_staged', 'day_staged.key', 'day.key')
      .leftJoin('archive_objects as month', (join) =>
        join
          .onRef('month.instrument_type', '=', 'grids.instrument_type')
          .onRef('month.symbol', '=', 'grids.symbol')
          .onRef('month.timeframe', '=', 'grids.timeframe')
          .on('month.cadence', '=', 'monthly')
          .on(({ eb, ref }) => eb('month.period_start', '=', firstOfMonth(ref('missing.opens_at')))),
      )
      .leftJoin('staged_archives as month_staged', 'month_staged.key', 'month.key')
      .leftJoin(
        (from) => builtMonths(from).as('built'),
        (join) =>
          join
            .onRef('built.instrument_type', '=', 'grids.instrument_type')
            .onRef('built.symbol', '=', 'grids.symbol')
            .onRef('built.timeframe', '=', 'grids.timeframe')
            .on(({ eb, ref }) => eb('built.month', '=', firstOfMonth(ref('missing.opens_at')))),
      )
      .leftJoin('absences as absence', (join) =>
        join
          .onRef('absence.instrument_type', '=', 'grids.instrument_type')
          .onRef('absence.symbol', '=', 'grids.symbol')
          .on(({ eb, ref }) => eb('absence.away_from', '<=', dayOf(ref('missing.opens_at'))))
          .on(({ eb, ref }) => eb('absence.away_until', '>', dayOf(ref('missing.opens_at')))),
      )
      .select(({ eb, not, ref }) => [
        'missing.id',
        'missing.from_slot',
        'missing.to_slot',
        'missing.is_whole_day',
        'missing.is_delivered',
        'day.key as day_key',
        'month.key as month_key',
        // An archive that is verified has bars: where its whole day is missing, it is not loaded.
        standing(ref('day.key'), ref('day_staged.status'), not(ref('missing.is_whole_day'))).as('day'),
        standing(ref('month.key'), ref('month_staged.status'), eb('built.month', 'is not', null)).as('month'),
        holds(eb('missing.opens_at', '>=', ref('listing.listed_until'))).as('is_after_listing'),
        holds(eb('absence.away_from', 'is not', null)).as('is_away'),
        holds(ref('listing.has_daily')).as('has_daily'),
        'listing.listed_at',
      ]),
  );

/**
 * The first cause that applies to a day of a series; `no_bar` where an archive was read and has none, `delivered` after
 * the delivery of a contract (A32).
 */
export const withCauses = (db: ReturnType<typeof withMissing>) =>
  withStandings(db).with('caused', (caused) =>
    caused.selectFrom('judged').select(({ and, eb, fn, not, or, ref }) => {
      const [dayKey, monthKey] = [ref('day_key'), ref('month_key')];
      const either = (what: string) => or([eb('day', '=', what), eb('month', '=', what)]);
      const keyOf = (what: string) => choose([[eb('day', '=', what), dayKey]], monthKey);
      // Monthly archives miss days that the daily ones have (A15), so they answer for whole days only where they are alone.
      const monthAnswers = and([eb('month', '=', 'verified'), not(and([ref('has_daily'), ref('is_whole_day')]))]);
      const listing = concat('listing of ', fn.coalesce(formatInstant(ref('listed_at')), literal('nothing')));
      const refusedMonth = choose([[eb('month', '=', 'none'), monthKey]]);
      const cases: readonly (readonly [Condition, string, Expression<string | null>])[] = [
        [ref('is_delivered'), 'delivered', fn.coalesce(dayKey, listing)],
        [ref('is_after_listing'), 'not_published', listing],
        [eb('day', '=', 'verified'), 'no_bar', dayKey],
        [either('rejected'), 'rejected', keyOf('rejected')],
        [either('failed'), 'failed', keyOf('failed')],
        [eb('day', '=', 'open'), 'unverified', dayKey],
        [ref('is_away'), 'not_trading', listing],
        [eb('month', '=', 'open'), 'unverified', monthKey],
        [monthAnswers, 'no_bar', monthKey],
      ];
      const causes = cases.map(([is, cause]) => [is, cause] as const);
      const evidence = cases.map(([is, , found]) => [is, found] as const);
      return [
        'id',
        'from_slot',
        'to_slot',
        choose(causes, 'archive_hole').as('cause'),
        neverNull(choose(evidence, fn.coalesce(dayKey, refusedMonth, listing))).as('evidence'),
      ];
    }),
  );
