import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import type { withAbsences } from './absences.ts';
import { opensAt, slotFrom, slotOrDay, slotsOfDay, toSlot } from './calendar.ts';

const slotsOfWord = sql.lit(64);
const isFull = (bits: Expression<unknown>) => sql`${bits} = 18446744073709551615`;
const none = cast('BIGINT', sql.lit(0));

/**
 * `grids`, a row a series of which archives were asked for, and `missing`, what each grid lacks, day by day, as slots `[from_slot, to_slot)`. A grid
 * runs from the first bar, or from an archive before it that was not read (A28), to the last published slot or the last
 * bar. A day on which a contract is delivered is in two parts (A32).
 *
 * Bars are gathered in one pass into words of 64 slots, a bit each; full words, which is nearly all, are not looked
 * into again, and nothing is joined to bars, which would take four times as long as gathering them.
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
        .groupBy(({ ref }) => ['instrument_type', 'symbol', 'timeframe', sql`${ref('slot')} // ${slotsOfWord}`])
        .select(({ ref }) => [
          'instrument_type',
          'symbol',
          'timeframe',
          cast('BIGINT', sql`${ref('slot')} // ${slotsOfWord} * ${slotsOfWord}`).as('first_slot'),
          sql<unknown>`bit_or(1::UBIGINT << cast(${ref('slot')} % ${slotsOfWord} as UBIGINT))`.as('bits'),
        ]),
    )
    .with('series', (series) =>
      series
        .selectFrom(({ selectFrom }) =>
          selectFrom('staged_archives as own')
            .distinct()
            .select(({ ref }) => ['instrument_type', 'symbol', cast('VARCHAR', ref('timeframe')).as('timeframe')])
            .where('timeframe', 'is not', null)
            .as('own'),
        )
        .select(['instrument_type', 'symbol', 'timeframe', cast('BIGINT', sql`row_number() over ()`).as('id')]),
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
          const bitsSet = sql`list_filter(range(64), lambda bit: (${bits} >> cast(bit as UBIGINT)) & 1 = 1)`;
          return [
            'series.id',
            cast(
              'BIGINT',
              sql`${ref('first_slot')} + unnest(case when ${isFull(bits)} then [0] else ${bitsSet} end)`,
            ).as('slot'),
            cast('BIGINT', sql`case when ${isFull(bits)} then ${slotsOfWord} else 1 end`).as('width'),
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
              .select(({ ref }) => ['id', cast('BIGINT', sql`min(${ref('slot')})`).as('first')])
              .as('bars'),
          (join) => join.onRef('bars.id', '=', 'series.id'),
        )
        .selectAll('series')
        .select(({ ref }) => {
          const [unread, doubted] = [ref('listing.unread_from'), ref('listing.doubted_from')];
          const head = slotOrDay(ref('series.timeframe'), sql`least(${unread}, ${doubted})`);
          return [
            cast('BIGINT', sql`coalesce(${ref('bars.first')}, ${head})`).as('first'),
            cast.nullable('TIMESTAMP', unread).as('unread_from'),
            cast.nullable('TIMESTAMP', doubted).as('doubted_from'),
            cast.nullable('TIMESTAMP', ref('listing.published_until')).as('published_until'),
            cast.nullable('TIMESTAMP', ref('listing.delivered_at')).as('delivered_at'),
          ];
        }),
    )
    .with('heads', (heads) =>
      heads
        .selectFrom('bounds')
        .selectAll()
        .select(({ ref }) => [toSlot(ref('timeframe'), ref('first'), ref('first')).as('first_slot')]),
    )
    .with('grids', (grids) =>
      grids.selectFrom('heads').select(({ ref }) => {
        const [timeframe, first] = [ref('timeframe'), ref('first')];
        // The verified archive of its month says that nothing was traded on its first day before the first bar.
        const firstDay = sql`cast(${opensAt(timeframe, ref('first_slot'), first)} as DATE)`;
        const doubted = sql`case when ${ref('doubted_from')} < ${firstDay} then ${ref('doubted_from')} end`;
        const begins = sql`least(${ref('unread_from')}, ${doubted})`;
        return [
          'id',
          'instrument_type',
          'symbol',
          'timeframe',
          'first',
          // `least` passes over NULL.
          cast('BIGINT', sql`least(${ref('first_slot')}, ${slotFrom(timeframe, begins, first)})`).as('start_slot'),
          cast
            .nullable('BIGINT', toSlot(timeframe, slotOrDay(timeframe, ref('published_until')), first))
            .as('end_slot'),
          cast.nullable('BIGINT', slotFrom(timeframe, ref('delivered_at'), first)).as('delivered_slot'),
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
        .unionAll(spans.selectFrom('grids').select(['id', 'start_slot as slot', none.as('width')]))
        .unionAll(
          spans
            .selectFrom('grids')
            .where('end_slot', 'is not', null)
            .select(['id', cast('BIGINT', sql.ref('end_slot')).as('slot'), none.as('width')]),
        ),
    )
    .with('runs', (runs) =>
      runs
        .selectFrom('spans')
        .select(({ ref }) => [
          'id',
          cast
            .nullable(
              'BIGINT',
              sql`max(${ref('slot')} + ${ref('width')}) over (partition by ${ref('id')} order by ${ref('slot')} rows between unbounded preceding and 1 preceding)`,
            )
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
              return [
                'grids.id',
                'grids.timeframe',
                'grids.first',
                'grids.delivered_slot',
                'runs.from_slot',
                'runs.to_slot',
                perDay.as('per_day'),
                cast(
                  'BIGINT',
                  sql`unnest(range(${ref('runs.from_slot')} // ${perDay}, (${ref('runs.to_slot')} - 1) // ${perDay} + 1))`,
                ).as('part'),
              ];
            })
            .as('run'),
        )
        .select(({ ref }) => {
          const [part, perDay] = [ref('part'), ref('per_day')];
          const from = sql`greatest(${ref('from_slot')}, ${part} * ${perDay})`;
          const to = sql`least(${ref('to_slot')}, (${part} + 1) * ${perDay})`;
          return [
            'id',
            'timeframe',
            'first',
            'delivered_slot',
            cast('BIGINT', from).as('from_slot'),
            cast('BIGINT', to).as('to_slot'),
            cast('BOOLEAN', sql`${to} - ${from} = ${perDay}`).as('is_whole_day'),
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
              const isSplit = sql`${delivered} > ${from} and ${delivered} < ${to}`;
              const parts = sql`case when ${isSplit} then [${from}, ${delivered}, ${to}] else [${from}, ${to}] end`;
              return [
                cast('BIGINT', sql`unnest(${parts}[:-2])`).as('part_from'),
                cast('BIGINT', sql`unnest(${parts}[2:])`).as('part_to'),
              ];
            })
            .as('day'),
        )
        .select(({ ref }) => [
          'id',
          'part_from as from_slot',
          'part_to as to_slot',
          opensAt(ref('timeframe'), ref('part_from'), ref('first')).as('opens_at'),
          'is_whole_day',
          cast('BOOLEAN', sql`coalesce(${ref('part_from')} >= ${ref('delivered_slot')}, false)`).as('is_delivered'),
        ]),
    );
