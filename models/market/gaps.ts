import { sql } from 'kysely';
import { cast, partitionValueOf, rowsDigest, stateOf } from '../../engine/index.ts';
import { defineModel } from '../define.ts';
import { withAbsences } from './absences.ts';
import { opensAt } from './calendar.ts';
import { withGapSlots } from './causes.ts';
import { withListings } from './listings.ts';
import { withMissing } from './missing.ts';

/** What every series lacks between its first bar and its last published slot, and why; docs/gaps.md has the rules. */
export default defineModel('gaps', {
  inputs: ({ db }) =>
    withAbsences(withListings(db))
      .with('built', (built) =>
        built
          .selectFrom(({ selectFrom }) =>
            stateOf({ selectFrom }, 'ohlcv')
              .select(({ ref }) => [
                partitionValueOf(ref('partition'), 1).as('instrument_type'),
                partitionValueOf(ref('partition'), 2).as('symbol'),
                partitionValueOf(ref('partition'), 3).as('timeframe'),
                'partition',
                'input_digest',
              ])
              .as('month'),
          )
          .groupBy(['instrument_type', 'symbol', 'timeframe'])
          .select(({ ref }) => [
            'instrument_type',
            'symbol',
            'timeframe',
            rowsDigest(ref('partition'), ref('input_digest')).as('digest'),
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
      .selectFrom('built')
      .fullJoin('listings as listing', (join) =>
        join
          .onRef('listing.instrument_type', '=', 'built.instrument_type')
          .onRef('listing.symbol', '=', 'built.symbol')
          .onRef('listing.timeframe', '=', 'built.timeframe'),
      )
      .leftJoin('away', (join) =>
        join.onRef('away.instrument_type', '=', 'listing.instrument_type').onRef('away.symbol', '=', 'listing.symbol'),
      )
      // A series of which every archive was refused has no bar, and is a gap from its first archive on.
      .where(({ or, eb }) => or([eb('built.digest', 'is not', null), eb('listing.refused_from', 'is not', null)]))
      .select(({ ref }) => {
        const either = (name: 'instrument_type' | 'symbol' | 'timeframe') =>
          cast('VARCHAR', sql`coalesce(${ref(`built.${name}`)}, ${ref(`listing.${name}`)})`).as(name);
        return [
          either('instrument_type'),
          either('symbol'),
          either('timeframe'),
          cast(
            'VARCHAR',
            sql`concat_ws('/', ${ref('built.digest')}, ${ref('listing.digest')}, ${ref('listing.published_until')}, ${ref('listing.has_ended')}, ${ref('away.digest')})`,
          ).as('digest'),
        ];
      }),

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
          cast('BIGINT', sql`${ref('gap.to_slot')} - ${ref('gap.from_slot')}`).as('missing_bars'),
          'gap.cause',
          'gap.evidence',
        ];
      }),
});
