import {
  cast,
  firstOfMonth,
  greatest,
  joinTexts,
  least,
  max,
  min,
  minus,
  neverNull,
  rowsDigest,
} from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';
import { withAbsences } from './absences.ts';
import { builtMonths } from './archives_at_hand.ts';
import { opensAt } from './calendar.ts';
import { withGapSlots } from './gap_slots.ts';
import { withListings } from './listings.ts';
import { withMissing } from './missing.ts';

/** The bars that each series lacks between its first bar and its last published slot, and why: see docs/gaps.md. */
export default defineModel('gaps', {
  inputs: ({ db }) =>
    withAbsences(withListings(db))
      .with('months', (months) => builtMonths(months))
      .with('built', (built) =>
        built
          .selectFrom('months')
          .groupBy(['instrument_type', 'symbol', 'timeframe'])
          .select(({ ref }) => [
            'instrument_type',
            'symbol',
            'timeframe',
            min(ref('month')).ofGroup().as('first_month'),
            max(ref('month')).ofGroup().as('last_month'),
            rowsDigest(ref('month'), ref('digest')).as('digest'),
          ]),
      )
      .with('market_months', (months) =>
        months
          .selectFrom('months')
          .groupBy(['instrument_type', 'month'])
          .select(({ ref }) => [
            'instrument_type',
            'month',
            rowsDigest(ref('symbol'), ref('timeframe'), ref('digest')).as('digest'),
          ]),
      )
      .with('away', (away) =>
        away
          .selectFrom('absences')
          .groupBy(['instrument_type', 'symbol'])
          .select(({ ref }) => [
            'instrument_type',
            'symbol',
            rowsDigest(ref('away_from'), ref('away_until')).as('digest'),
          ]),
      )
      .with('series_inputs', (series) =>
        series
          .selectFrom('built')
          .fullJoin('listings as listing', (join) =>
            join
              .onRef('listing.instrument_type', '=', 'built.instrument_type')
              .onRef('listing.symbol', '=', 'built.symbol')
              .onRef('listing.timeframe', '=', 'built.timeframe'),
          )
          .leftJoin('away', (join) =>
            join
              .onRef('away.instrument_type', '=', 'listing.instrument_type')
              .onRef('away.symbol', '=', 'listing.symbol'),
          )
          // A series of which every archive was refused has no bar, and is a gap from its first archive on.
          .where(({ or, eb }) => or([eb('built.digest', 'is not', null), eb('listing.was_refused', '=', true)]))
          .select(({ fn, ref }) => {
            const either = (name: 'instrument_type' | 'symbol' | 'timeframe') =>
              neverNull(fn.coalesce(ref(`built.${name}`), ref(`listing.${name}`))).as(name);
            return [
              either('instrument_type'),
              either('symbol'),
              either('timeframe'),
              // `least` and `greatest` pass over NULL.
              firstOfMonth(least(ref('built.first_month'), ref('listing.listed_from'))).as('first_month'),
              firstOfMonth(greatest(ref('built.last_month'), ref('listing.published_until'))).as('last_month'),
              joinTexts(
                '/',
                ref('built.digest'),
                ref('listing.digest'),
                cast('VARCHAR', ref('listing.published_until')),
                cast('VARCHAR', ref('listing.has_ended')),
                ref('away.digest'),
              ).as('digest'),
            ];
          }),
      )
      .selectFrom('series_inputs as series')
      // Bars of any series of the market, of the months that the series is in, decide what its gaps are (B38).
      .leftJoin('market_months as market', (join) =>
        join
          .onRef('market.instrument_type', '=', 'series.instrument_type')
          .onRef('market.month', '>=', 'series.first_month')
          .onRef('market.month', '<=', 'series.last_month'),
      )
      .groupBy(['series.instrument_type', 'series.symbol', 'series.timeframe', 'series.digest'])
      .select(({ ref }) => [
        'series.instrument_type',
        'series.symbol',
        'series.timeframe',
        joinTexts('/', ref('series.digest'), rowsDigest(ref('market.month'), ref('market.digest'))).as('digest'),
      ]),

  sources: {
    'staged_archives as own': {}, // all else is read whole: bars of other series tell whether the exchange was out
  },

  query: ({ db }) =>
    withGapSlots(withMissing(withAbsences(withListings(db))))
      .selectFrom('gap_slots as gap')
      .innerJoin('grids', 'grids.id', 'gap.id')
      .orderBy('grids.instrument_type')
      .orderBy('grids.symbol')
      .orderBy('grids.timeframe')
      .orderBy('gap.from_slot')
      .select(({ ref }) => {
        const opens = (slot: 'gap.from_slot' | 'gap.to_slot') =>
          opensAt(ref('grids.timeframe'), ref(slot), ref('grids.first'));
        return [
          'grids.instrument_type',
          'grids.symbol',
          'grids.timeframe',
          opens('gap.from_slot').as('gap_start'),
          opens('gap.to_slot').as('gap_end'),
          minus(ref('gap.to_slot'), ref('gap.from_slot')).as('missing_bars'),
          'gap.cause',
          'gap.evidence',
        ];
      }),
});
