import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { opensAt, slotOrDay } from './calendar.ts';
import { joinStretches, numberStretches } from './stretches.ts';
import type { withUnexplained } from './unexplained.ts';

const slotsOfWord = sql.lit(64);
const allBits = sql`18446744073709551615::UBIGINT`;

/**
 * `searched`, each part of `unexplained` once, however many series it is missing in, and `found`, the same parts divided
 * by whether a bar opens and closes within the slot: cause `bar` or `none`.
 *
 * A bar of a slot's own timeframe counts, or of a shorter one: a day with a bar does not tell that 03:00 had one. It
 * counts without a trade as well: where the exchange is out, no series has any bar, flat ones included.
 */
export const withWitnesses = (db: ReturnType<typeof withUnexplained>) =>
  db
    .with('searched', (searched) =>
      searched
        .selectFrom(({ selectFrom }) =>
          selectFrom('unexplained')
            .distinct()
            .select(['instrument_type', 'timeframe', 'witness', 'anchor', 'from_slot', 'to_slot'])
            .as('part'),
        )
        .selectAll()
        .select([cast('BIGINT', sql`row_number() over ()`).as('id')]),
    )
    .with('searched_slots', (slots) =>
      slots
        .selectFrom(({ selectFrom }) =>
          selectFrom('searched')
            .selectAll()
            .select(({ ref }) => [
              cast('BIGINT', sql`unnest(range(${ref('from_slot')}, ${ref('to_slot')}))`).as('slot'),
            ])
            .as('part'),
        )
        .select(({ ref }) => {
          const opens = (slot: Expression<unknown>) => opensAt(ref('timeframe'), slot, ref('anchor'));
          return [
            'id',
            'instrument_type',
            'witness',
            'slot',
            opens(ref('slot')).as('opens_at'),
            opens(sql`(${ref('slot')} + 1)`).as('closes_at'),
          ];
        }),
    )
    .with('witness_words', (words) =>
      words
        .selectFrom('words')
        .groupBy(['instrument_type', 'timeframe', 'first_slot'])
        .select(({ ref }) => [
          'instrument_type',
          cast('VARCHAR', sql.lit('')).as('witness'),
          'timeframe',
          'first_slot',
          sql<unknown>`bit_or(${ref('bits')})`.as('bits'),
        ])
        .unionAll(({ selectFrom }) =>
          selectFrom('words')
            .where('symbol', 'in', ({ selectFrom }) => selectFrom('searched').select('searched.witness'))
            .select(['instrument_type', 'symbol as witness', 'timeframe', 'first_slot', 'bits']),
        ),
    )
    .with('witness_slots', (slots) =>
      slots
        .selectFrom(({ selectFrom }) =>
          selectFrom('searched_slots as slot')
            .innerJoin(
              ({ selectFrom }) =>
                selectFrom('witness_words').distinct().select(['instrument_type', 'witness', 'timeframe']).as('series'),
              (join) =>
                join
                  .onRef('series.instrument_type', '=', 'slot.instrument_type')
                  .onRef('series.witness', '=', 'slot.witness'),
            )
            .select(({ ref }) => {
              const timeframe = ref('series.timeframe');
              const next = slotOrDay(timeframe, sql`(${ref('slot.opens_at')} - interval 1 microsecond)`);
              const end = slotOrDay(timeframe, ref('slot.closes_at'));
              return [
                'slot.id',
                'slot.slot',
                'series.instrument_type',
                'series.witness',
                'series.timeframe',
                cast('BIGINT', sql`${next} + 1`).as('from_slot'),
                // Slots of 3d are days here, and a bar takes three of them.
                cast('BIGINT', sql`case when ${timeframe} = '3d' then ${end} - 2 else ${end} end`).as('to_slot'),
              ];
            })
            .as('slot'),
        )
        .whereRef('from_slot', '<', 'to_slot')
        .selectAll()
        .select(({ ref }) => [
          cast(
            'BIGINT',
            sql`unnest(range(${ref('from_slot')} // ${slotsOfWord}, (${ref('to_slot')} - 1) // ${slotsOfWord} + 1)) * ${slotsOfWord}`,
          ).as('first_slot'),
        ]),
    )
    .with('slots_with_bars', (slots) =>
      slots
        .selectFrom('witness_slots as slot')
        .innerJoin('witness_words as word', (join) =>
          join
            .onRef('word.instrument_type', '=', 'slot.instrument_type')
            .onRef('word.witness', '=', 'slot.witness')
            .onRef('word.timeframe', '=', 'slot.timeframe')
            .onRef('word.first_slot', '=', 'slot.first_slot'),
        )
        .where(({ ref }) => {
          const first = ref('word.first_slot');
          const from = sql`(greatest(${ref('slot.from_slot')}, ${first}) - ${first})`;
          const to = sql`(least(${ref('slot.to_slot')}, ${first} + ${slotsOfWord}) - ${first})`;
          const mask = sql`(${allBits} >> cast(${slotsOfWord} - (${to} - ${from}) as UBIGINT))`;
          return sql<boolean>`(${ref('word.bits')} >> cast(${from} as UBIGINT)) & ${mask} <> 0`;
        })
        .distinct()
        .select(['slot.id', 'slot.slot']),
    )
    .with('found', (found) =>
      joinStretches(
        numberStretches(
          found
            .selectFrom('searched_slots as slot')
            .leftJoin('slots_with_bars as bar', (join) =>
              join.onRef('bar.id', '=', 'slot.id').onRef('bar.slot', '=', 'slot.slot'),
            )
            .select(({ ref }) => [
              'slot.id',
              'slot.slot as from_slot',
              cast('BIGINT', sql`${ref('slot.slot')} + 1`).as('to_slot'),
              cast('VARCHAR', sql`case when ${ref('bar.slot')} is null then 'none' else 'bar' end`).as('cause'),
              cast('VARCHAR', sql.lit('')).as('evidence'),
            ]),
        ),
      ),
    );
