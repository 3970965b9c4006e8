import { type Expression, expressionBuilder, type Kysely } from 'kysely';
import {
  allBits,
  anyBits,
  type Bits,
  bitAt,
  bitsSet,
  butFirst,
  butLast,
  cast,
  choose,
  dayOf,
  greatest,
  holds,
  intDivide,
  least,
  list,
  literal,
  max,
  min,
  minus,
  neverNull,
  plus,
  remainder,
  rowNumber,
  times,
  unnest,
  unnestPairs,
  wholeNumbers,
} from '../../engine/vocabulary/index.ts';
import type { Database } from '../schema.ts';
import type { withAbsences } from './absences.ts';
import { opensAt, slotFrom, slotOrDay, slotsOfDay, toSlot } from './calendar.ts';

const { and, eb } = expressionBuilder<Database>();
const slotsOfWord = 64n;
const isFull = (bits: Expression<Bits>) => eb(bits, '=', allBits());

/** The series of which archives were requested. */
export const requestedSeries = (db: Pick<Kysely<Database>, 'selectFrom'>) =>
  db
    .selectFrom('staged_archives')
    .distinct()
    .where('timeframe', 'is not', null)
    .select(({ ref }) => ['instrument_type', 'symbol', neverNull(ref('timeframe')).as('timeframe')]);

/**
 * `grids` has a row for each series with requested archives, and `missing` the slots `[from_slot, to_slot)` that each
 * grid lacks, day by day. A grid runs from the first bar, or from an earlier archive that was not read (A28), to the
 * last published slot or the last bar. The day on which a contract is delivered has two parts (A32).
 *
 * Bars are collected in one pass into words of 64 slots, one bit each. Full words, which are nearly all of them, are not
 * looked into again, and nothing is joined to bars, since that takes four times as long as collecting them.
 */
export const withMissing = (db: ReturnType<typeof withAbsences>) =>
  db
    .with('words', (words) =>
      words
        .selectFrom(({ selectFrom }) =>
          selectFrom('ohlcv')
            .select(({ ref }) => [
              'instrument_type',
              'symbol',
              'timeframe',
              slotOrDay(ref('timeframe'), ref('timestamp')).as('slot'),
            ])
            .as('bar'),
        )
        .groupBy(({ ref }) => ['instrument_type', 'symbol', 'timeframe', intDivide(ref('slot'), slotsOfWord)])
        .select(({ ref }) => [
          'instrument_type',
          'symbol',
          'timeframe',
          times(intDivide(ref('slot'), slotsOfWord), slotsOfWord).as('first_slot'),
          anyBits(bitAt(remainder(ref('slot'), slotsOfWord)))
            .ofGroup()
            .as('bits'),
        ]),
    )
    .with('series', (series) =>
      series
        .selectFrom(requestedSeries(series).as('own'))
        .select(['instrument_type', 'symbol', 'timeframe', rowNumber().over().as('id')]),
    )
    .with('covered', (covered) =>
      covered
        .selectFrom('words')
        .innerJoin('series', (join) =>
          join
            .onRef('series.instrument_type', '=', 'words.instrument_type')
            .onRef('series.symbol', '=', 'words.symbol')
            .onRef('series.timeframe', '=', 'words.timeframe'),
        )
        .select(({ ref }) => {
          const bits = ref('words.bits');
          const places = choose([[isFull(bits), list(literal(0n))]], bitsSet(bits));
          return [
            'series.id',
            plus(ref('first_slot'), unnest(places)).as('slot'),
            choose([[isFull(bits), slotsOfWord]], 1n).as('width'),
          ];
        }),
    )
    .with('bounds', (bounds) =>
      bounds
        .selectFrom('series')
        .leftJoin('listings as listing', (join) =>
          join
            .onRef('listing.instrument_type', '=', 'series.instrument_type')
            .onRef('listing.symbol', '=', 'series.symbol')
            .onRef('listing.timeframe', '=', 'series.timeframe'),
        )
        .leftJoin(
          ({ selectFrom }) =>
            selectFrom('covered')
              .groupBy('id')
              .select(({ ref }) => ['id', min(ref('slot')).ofGroup().as('first')])
              .as('bars'),
          (join) => join.onRef('bars.id', '=', 'series.id'),
        )
        .selectAll('series')
        .select(({ fn, ref }) => {
          const head = least(ref('listing.unread_from'), ref('listing.doubted_from'));
          return [
            neverNull(fn.coalesce(ref('bars.first'), slotOrDay(ref('series.timeframe'), head))).as('first'),
            'listing.unread_from',
            'listing.doubted_from',
            cast('TIMESTAMP', ref('listing.published_until')).as('published_until'),
            'listing.delivered_at',
          ];
        }),
    )
    .with('heads', (heads) =>
      heads
        .selectFrom('bounds')
        .selectAll()
        .select(({ ref }) => [toSlot(ref('timeframe'), ref('first'), ref('first')).as('first_slot')]),
    )
    .with('beginnings', (beginnings) =>
      beginnings
        .selectFrom('heads')
        .selectAll()
        .select(({ ref }) => {
          // The verified archive of its month says that nothing was traded on its first day before the first bar.
          const firstDay = dayOf(opensAt(ref('timeframe'), ref('first_slot'), ref('first')));
          const doubted = choose([[eb(ref('doubted_from'), '<', firstDay), ref('doubted_from')]]);
          return [least(ref('unread_from'), doubted).as('begins_at')];
        }),
    )
    .with('grids', (grids) =>
      grids.selectFrom('beginnings').select(({ ref }) => {
        const [timeframe, first] = [ref('timeframe'), ref('first')];
        return [
          'id',
          'instrument_type',
          'symbol',
          'timeframe',
          'first',
          // `least` passes over NULL.
          least(ref('first_slot'), slotFrom(timeframe, ref('begins_at'), first)).as('start_slot'),
          toSlot(timeframe, slotOrDay(timeframe, ref('published_until')), first).as('end_slot'),
          slotFrom(timeframe, ref('delivered_at'), first).as('delivered_slot'),
        ];
      }),
    )
    .with('spans', (spans) =>
      spans
        .selectFrom('covered')
        .innerJoin('grids', 'grids.id', 'covered.id')
        .select(({ ref }) => [
          'grids.id',
          toSlot(ref('grids.timeframe'), ref('covered.slot'), ref('grids.first')).as('slot'),
          'covered.width',
        ])
        .unionAll(spans.selectFrom('grids').select(['id', 'start_slot as slot', literal(0n).as('width')]))
        .unionAll(
          spans
            .selectFrom('grids')
            .where('end_slot', 'is not', null)
            .select(({ ref }) => ['id', neverNull(ref('end_slot')).as('slot'), literal(0n).as('width')]),
        ),
    )
    .with('runs', (runs) =>
      runs.selectFrom('spans').select(({ ref }) => [
        'id',
        max(plus(ref('slot'), ref('width')))
          .over({ partitionBy: ref('id'), orderBy: ref('slot'), rows: 'before' })
          .as('from_slot'),
        'slot as to_slot',
      ]),
    )
    .with('missing_days', (missing) =>
      missing
        .selectFrom(({ selectFrom }) =>
          selectFrom('runs')
            .innerJoin('grids', 'grids.id', 'runs.id')
            .whereRef('runs.from_slot', '<', 'runs.to_slot')
            .select(({ ref }) => {
              const perDay = slotsOfDay(ref('grids.timeframe'));
              const [from, to] = [neverNull(ref('runs.from_slot')), ref('runs.to_slot')];
              const days = wholeNumbers(intDivide(from, perDay), plus(intDivide(minus(to, 1n), perDay), 1n));
              return [
                'grids.id',
                'grids.timeframe',
                'grids.first',
                'grids.delivered_slot',
                from.as('from_slot'),
                'runs.to_slot',
                perDay.as('per_day'),
                unnest(days).as('part'),
              ];
            })
            .as('run'),
        )
        .select(({ ref }) => {
          const [part, perDay] = [ref('part'), ref('per_day')];
          const from = greatest(ref('from_slot'), times(part, perDay));
          const to = least(ref('to_slot'), times(plus(part, 1n), perDay));
          return [
            'id',
            'timeframe',
            'first',
            'delivered_slot',
            from.as('from_slot'),
            to.as('to_slot'),
            holds(eb(minus(to, from), '=', perDay)).as('is_whole_day'),
          ];
        }),
    )
    .with('missing', (missing) =>
      missing
        .selectFrom(({ selectFrom }) =>
          selectFrom('missing_days')
            .selectAll()
            .select(({ ref }) => {
              const [from, delivered, to] = [ref('from_slot'), ref('delivered_slot'), ref('to_slot')];
              const isSplit = and([eb(delivered, '>', from), eb(delivered, '<', to)]);
              const borders = choose([[isSplit, list(from, neverNull(delivered), to)]], list(from, to));
              const [partFrom, partTo] = unnestPairs(butLast(borders), butFirst(borders));
              return [partFrom.as('part_from'), partTo.as('part_to')];
            })
            .as('day'),
        )
        .select(({ ref }) => [
          'id',
          'part_from as from_slot',
          'part_to as to_slot',
          opensAt(ref('timeframe'), ref('part_from'), ref('first')).as('opens_at'),
          'is_whole_day',
          holds(eb(ref('part_from'), '>=', ref('delivered_slot'))).as('is_delivered'),
        ]),
    );
