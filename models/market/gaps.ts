import { stateOf } from '../../engine/index.ts';
import { minus, rowsDigest } from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';
import { withAbsences } from './absences.ts';
import { opensAt } from './calendar.ts';
import { withGapSlots } from './gap_slots.ts';
import { withListings } from './listings.ts';
import { requestedSeries, withMissing } from './missing.ts';

/** The bars that each series lacks between its first bar and its last published slot, and why: see docs/gaps.md. */
export default defineModel('gaps', {
  // Bars of any series of a market tell whether the exchange was out (B38), and its listing tells what is published: any
  // change matters to all of them. Series without a gap are listed too, as looked through.
  inputs: ({ db }) =>
    db
      .with('states', (states) =>
        stateOf(states, 'archive_objects')
          .select(['partition', 'digest'])
          .unionAll(stateOf(states, 'staged_archives').select(['partition', 'digest']))
          .unionAll(stateOf(states, 'symbols').select(['partition', 'digest']))
          .unionAll(stateOf(states, 'ohlcv').select(['partition', 'digest'])),
      )
      .with('read', (read) =>
        read.selectFrom('states').select(({ ref }) => rowsDigest(ref('partition'), ref('digest')).as('digest')),
      )
      .selectFrom(requestedSeries(db).as('series'))
      .innerJoin('read', (join) => join.onTrue())
      .select(['series.instrument_type', 'series.symbol', 'series.timeframe', 'read.digest']),

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
