import type { Expression } from 'kysely';
import { choose, firstOfMonth, holds, lag, lead, minus, shift } from '../../engine/vocabulary/index.ts';
import { opensAt } from './calendar.ts';
import type { withCauses } from './causes.ts';
import { joinStretches, numberStretches } from './stretches.ts';

/** An outage of the exchange is over before that; a series without a bar for longer was not traded. */
const daysOfAnOutage = 7;

/**
 * `unexplained`, the parts of which an archive was read and has no bar, with what their whole stretch says: `is_away`
 * where the ticker had left, was about to come back or was away for longer than any outage, `is_cut` where a file breaks
 * off and the next one goes on.
 */
export const withUnexplained = (db: ReturnType<typeof withCauses>) =>
  db
    .with('numbered', (numbered) => numberStretches(numbered.selectFrom('caused').selectAll()))
    .with('stretches', (stretches) => joinStretches(stretches.selectFrom('numbered').selectAll()))
    .with('fates', (fates) =>
      fates
        .selectFrom('stretches as gap')
        .innerJoin('grids', 'grids.id', 'gap.id')
        .leftJoin('listings as listing', (join) =>
          join
            .onRef('listing.instrument_type', '=', 'grids.instrument_type')
            .onRef('listing.symbol', '=', 'grids.symbol')
            .onRef('listing.timeframe', '=', 'grids.timeframe'),
        )
        .select(({ and, eb, not, or, ref }) => {
          const bySlot = { partitionBy: ref('gap.id'), orderBy: ref('gap.from_slot') };
          const opens = (slot: Expression<bigint>) => opensAt(ref('grids.timeframe'), slot, ref('grids.first'));
          const follows = holds(eb(lag(ref('gap.to_slot')).over(bySlot), '=', ref('gap.from_slot')));
          const precedes = holds(eb(lead(ref('gap.from_slot')).over(bySlot), '=', ref('gap.to_slot')));
          const [from, to] = [opens(ref('gap.from_slot')), opens(ref('gap.to_slot'))];
          const isLong = eb(to, '>', shift(from, { days: daysOfAnOutage }));
          const isAtTheEnd = holds(eb('gap.to_slot', '=', ref('grids.end_slot')));
          const borders = [
            and([follows, eb(lag(ref('gap.cause')).over(bySlot), '=', 'not_trading')]),
            and([precedes, eb(lead(ref('gap.cause')).over(bySlot), '=', 'not_trading')]),
            and([isAtTheEnd, holds(ref('listing.has_ended'))]),
          ];
          const lastMonth = firstOfMonth(opens(minus(ref('gap.to_slot'), 1n)));
          const goesOn = not(or([isAtTheEnd, precedes, ...borders]));
          return [
            'gap.id',
            'gap.number',
            'gap.cause',
            holds(or([isLong, ...borders])).as('is_away'),
            holds(and([isLong, eb(lastMonth, '<>', firstOfMonth(to)), goesOn])).as('is_cut'),
          ];
        }),
    )
    .with('unexplained', (unexplained) =>
      unexplained
        .selectFrom('numbered as part')
        .innerJoin('fates', (join) => join.onRef('fates.id', '=', 'part.id').onRef('fates.number', '=', 'part.number'))
        .innerJoin('grids', 'grids.id', 'part.id')
        .where('part.cause', '=', 'no_bar')
        .select(({ eb, ref }) => [
          'part.id',
          'part.from_slot',
          'part.to_slot',
          'part.evidence',
          'fates.is_away',
          'fates.is_cut',
          'grids.instrument_type',
          'grids.timeframe',
          // If a ticker may have been away, only its own bars prove that it was not.
          choose([[ref('fates.is_away'), ref('grids.symbol')]], '').as('witness'),
          choose([[eb('grids.timeframe', '=', '3d'), ref('grids.first')]]).as('anchor'),
        ]),
    );
