import type { Expression } from 'kysely';
import {
  allBits,
  anyBits,
  bitsAnd,
  choose,
  greatest,
  intDivide,
  least,
  literal,
  minus,
  noBits,
  plus,
  rowNumber,
  shift,
  shiftRight,
  times,
  unnest,
  wholeNumbers,
} from '../../engine/vocabulary/index.ts';
import { opensAt, slotOrDay } from './calendar.ts';
import { joinStretches, numberStretches } from './stretches.ts';
import type { withUnexplained } from './unexplained.ts';

const slotsOfWord = 64n;

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
        .select(rowNumber().over().as('id')),
    )
    .with('searched_slots', (slots) =>
      slots
        .selectFrom(({ selectFrom }) =>
          selectFrom('searched')
            .selectAll()
            .select(({ ref }) => unnest(wholeNumbers(ref('from_slot'), ref('to_slot'))).as('slot'))
            .as('part'),
        )
        .select(({ ref }) => {
          const opens = (slot: Expression<bigint>) => opensAt(ref('timeframe'), slot, ref('anchor'));
          return [
            'id',
            'instrument_type',
            'witness',
            'slot',
            opens(ref('slot')).as('opens_at'),
            opens(plus(ref('slot'), 1n)).as('closes_at'),
          ];
        }),
    )
    .with('witness_words', (words) =>
      words
        .selectFrom('words')
        .groupBy(['instrument_type', 'timeframe', 'first_slot'])
        .select(({ ref }) => [
          'instrument_type',
          literal('').as('witness'),
          'timeframe',
          'first_slot',
          anyBits(ref('bits')).ofGroup().as('bits'),
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
            .select(({ eb, ref }) => {
              const timeframe = ref('series.timeframe');
              const next = slotOrDay(timeframe, shift(ref('slot.opens_at'), { microseconds: -1 }));
              const end = slotOrDay(timeframe, ref('slot.closes_at'));
              return [
                'slot.id',
                'slot.slot',
                'series.instrument_type',
                'series.witness',
                'series.timeframe',
                plus(next, 1n).as('from_slot'),
                // Slots of 3d are days here, and a bar takes three of them.
                choose([[eb(timeframe, '=', '3d'), minus(end, 2n)]], end).as('to_slot'),
              ];
            })
            .as('slot'),
        )
        .whereRef('from_slot', '<', 'to_slot')
        .selectAll()
        .select(({ ref }) => {
          const [first, last] = [ref('from_slot'), minus(ref('to_slot'), 1n)];
          const words = wholeNumbers(intDivide(first, slotsOfWord), plus(intDivide(last, slotsOfWord), 1n));
          return times(unnest(words), slotsOfWord).as('first_slot');
        }),
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
        .where(({ eb, ref }) => {
          const first = ref('word.first_slot');
          const from = minus(greatest(ref('slot.from_slot'), first), first);
          const to = minus(least(ref('slot.to_slot'), plus(first, slotsOfWord)), first);
          const mask = shiftRight(allBits(), minus(plus(from, slotsOfWord), to));
          return eb(bitsAnd(shiftRight(ref('word.bits'), from), mask), '<>', noBits());
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
            .select(({ eb, ref }) => [
              'slot.id',
              'slot.slot as from_slot',
              plus(ref('slot.slot'), 1n).as('to_slot'),
              choose([[eb('bar.slot', 'is', null), 'none']], 'bar').as('cause'),
              literal('').as('evidence'),
            ]),
        ),
      ),
    );
