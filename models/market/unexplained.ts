import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { monthOf, opensAt } from './calendar.ts';
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
        .select(({ ref }) => {
          const bySlot = sql`over (partition by ${ref('gap.id')} order by ${ref('gap.from_slot')})`;
          const opens = (slot: Expression<unknown>) => opensAt(ref('grids.timeframe'), slot, ref('grids.first'));
          const follows = sql`coalesce(lag(${ref('gap.to_slot')}) ${bySlot} = ${ref('gap.from_slot')}, false)`;
          const precedes = sql`coalesce(lead(${ref('gap.from_slot')}) ${bySlot} = ${ref('gap.to_slot')}, false)`;
          const isLong = sql`${opens(ref('gap.to_slot'))} - ${opens(ref('gap.from_slot'))} > to_days(${sql.lit(daysOfAnOutage)})`;
          const isAtTheEnd = sql`coalesce(${ref('gap.to_slot')} = ${ref('grids.end_slot')}, false)`;
          const borders = [
            sql`(${follows} and lag(${ref('gap.cause')}) ${bySlot} = 'not_trading')`,
            sql`(${precedes} and lead(${ref('gap.cause')}) ${bySlot} = 'not_trading')`,
            sql`(${isAtTheEnd} and coalesce(${ref('listing.has_ended')}, false))`,
          ];
          const lastMonth = monthOf(opens(sql`(${ref('gap.to_slot')} - 1)`));
          const nextMonth = monthOf(opens(ref('gap.to_slot')));
          return [
            'gap.id',
            'gap.number',
            'gap.cause',
            cast('BOOLEAN', sql`${isLong} or ${sql.join(borders, sql` or `)}`).as('is_away'),
            cast(
              'BOOLEAN',
              sql`${isLong} and ${lastMonth} <> ${nextMonth} and not (${isAtTheEnd} or ${precedes} or ${sql.join(borders, sql` or `)})`,
            ).as('is_cut'),
          ];
        }),
    )
    .with('unexplained', (unexplained) =>
      unexplained
        .selectFrom('numbered as part')
        .innerJoin('fates', (join) => join.onRef('fates.id', '=', 'part.id').onRef('fates.number', '=', 'part.number'))
        .innerJoin('grids', 'grids.id', 'part.id')
        .where('part.cause', '=', 'no_bar')
        .select(({ ref }) => [
          'part.id',
          'part.from_slot',
          'part.to_slot',
          'part.evidence',
          'fates.is_away',
          'fates.is_cut',
          'grids.instrument_type',
          'grids.timeframe',
          // Where a ticker may have been away, only its own bars tell that it was not.
          cast('VARCHAR', sql`case when ${ref('fates.is_away')} then ${ref('grids.symbol')} else '' end`).as('witness'),
          cast
            .nullable('BIGINT', sql`case when ${ref('grids.timeframe')} = '3d' then ${ref('grids.first')} end`)
            .as('anchor'),
        ]),
    );
