import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import type { withAbsences } from './absences.ts';
import { opensAt, slotOrDay, slotsOfDay, toSlot } from './calendar.ts';

const slotsOfWord = sql.lit(64);
const isFull = (bits: Expression<unknown>) => sql`${bits} = 18446744073709551615`;
const none = cast('BIGINT', sql.lit(0));

/**
 * `grids`, a row a dirty series, and `missing`, what each grid lacks, day by day, as slots `[from_slot, to_slot)`. A grid
 * runs from the first bar, or from an archive before it that was refused, to the last published slot or the last bar.
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
        .selectFrom('dirty_partitions')
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
    .with('grids', (grids) =>
      grids
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
        .select(({ ref }) => {
          const timeframe = ref('series.timeframe');
          // The first slot that opens at or after the beginning of that archive.
          const refused = sql`(${slotOrDay(timeframe, sql`(${ref('listing.refused_from')} - interval 1 microsecond)`)} + 1)`;
          const first = sql`coalesce(${ref('bars.first')}, ${refused})`;
          const published = slotOrDay(timeframe, ref('listing.published_until'));
          return [
            'series.id',
            'series.instrument_type',
            'series.symbol',
            'series.timeframe',
            cast('BIGINT', first).as('first'),
            // `least` passes over NULL.
            cast('BIGINT', toSlot(timeframe, sql`least(${first}, ${refused})`, first)).as('start_slot'),
            cast.nullable('BIGINT', toSlot(timeframe, published, first)).as('end_slot'),
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
    .with('missing', (missing) =>
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
            cast('BIGINT', from).as('from_slot'),
            cast('BIGINT', to).as('to_slot'),
            opensAt(ref('timeframe'), from, ref('first')).as('opens_at'),
            cast('BOOLEAN', sql`${to} - ${from} = ${perDay}`).as('is_whole_day'),
          ];
        }),
    );
