import { type Expression, type Kysely, sql } from 'kysely';
import { cast, exactDecimal, exactSum, type Vars } from '../../engine/index.ts';
import { defineDataTest } from '../../models/define.ts';
import { opensAt, slotOrDay, toSlot } from '../../models/market/calendar.ts';
import type { Database } from '../../models/schema.ts';

const minuteUs = sql.lit(60_000_000);

const matchesNone = (name: Expression<unknown>, patterns: readonly string[]) =>
  patterns.length === 0
    ? sql`true`
    : sql`not (${sql.join(
        patterns.map((pattern) => sql`${name} glob ${sql.lit(pattern)}`),
        sql` or `,
      )})`;

/** Bars on the grid whose minutes are all present, next to the sums of those minutes. */
const compared = (db: Kysely<Database>) =>
  db
    .with('minute_series', (minutes) =>
      minutes.selectFrom('ohlcv').where('timeframe', '=', '1m').distinct().select(['instrument_type', 'symbol']),
    )
    .with('bars', (bars) =>
      bars
        .selectFrom('ohlcv as bar')
        .innerJoin('minute_series as minutes', (join) =>
          join.onRef('minutes.instrument_type', '=', 'bar.instrument_type').onRef('minutes.symbol', '=', 'bar.symbol'),
        )
        .where('bar.timeframe', 'not in', ['1s', '1m'])
        .selectAll('bar')
        .select(({ ref }) => [slotOrDay(ref('bar.timeframe'), ref('bar.timestamp')).as('slot_or_day')]),
    )
    .with('firsts', (firsts) =>
      firsts
        .selectFrom('bars')
        .groupBy(['instrument_type', 'symbol', 'timeframe'])
        .select(({ ref }) => [
          'instrument_type',
          'symbol',
          'timeframe',
          cast('BIGINT', sql`min(${ref('slot_or_day')})`).as('first'),
        ]),
    )
    .with('sums', (sums) =>
      sums
        .selectFrom(({ selectFrom }) =>
          selectFrom(
            selectFrom('ohlcv')
              .where('timeframe', '=', '1m')
              .selectAll()
              .select(({ ref }) => [exactDecimal(ref('volume')).as('exact_volume')])
              .as('minute'),
          )
            .innerJoin('firsts', (join) =>
              join
                .onRef('firsts.instrument_type', '=', 'minute.instrument_type')
                .onRef('firsts.symbol', '=', 'minute.symbol'),
            )
            .selectAll('minute')
            .select(({ ref }) => {
              const length = ref('firsts.timeframe');
              return [
                'firsts.timeframe as length',
                'firsts.first',
                toSlot(length, slotOrDay(length, ref('minute.timestamp')), ref('firsts.first')).as('slot'),
              ];
            })
            .as('minute'),
        )
        .groupBy(['instrument_type', 'symbol', 'length', 'first', 'slot'])
        .select(({ ref }) => {
          const at = ref('timestamp');
          return [
            'instrument_type',
            'symbol',
            'length',
            opensAt(ref('length'), ref('slot'), ref('first')).as('opens_at'),
            opensAt(ref('length'), sql`(${ref('slot')} + 1)`, ref('first')).as('closes_at'),
            cast('BIGINT', sql`count(*)`).as('minutes'),
            cast('BOOLEAN', sql`bool_and(epoch_us(${at}) % ${minuteUs} = 0)`).as('on_grid'),
            cast('DOUBLE', sql`arg_min(${ref('open')}, ${at})`).as('open'),
            cast('DOUBLE', sql`max(${ref('high')})`).as('high'),
            cast('DOUBLE', sql`min(${ref('low')})`).as('low'),
            cast('DOUBLE', sql`arg_max(${ref('close')}, ${at})`).as('close'),
            cast('DOUBLE', exactSum(ref('volume'), ref('exact_volume'))).as('volume'),
            cast('BIGINT', sql`sum(${ref('number_of_trades')})`).as('number_of_trades'),
          ];
        }),
    )
    .selectFrom('bars as bar')
    .innerJoin('sums', (join) =>
      join
        .onRef('sums.instrument_type', '=', 'bar.instrument_type')
        .onRef('sums.symbol', '=', 'bar.symbol')
        .onRef('sums.length', '=', 'bar.timeframe')
        .onRef('sums.opens_at', '=', 'bar.timestamp')
        .on('sums.on_grid', '=', true)
        .on(
          ({ ref }) =>
            sql<boolean>`${ref('sums.minutes')} * ${minuteUs} = epoch_us(${ref('sums.closes_at')}) - epoch_us(${ref('sums.opens_at')})`,
        ),
    );

const differing = (db: Kysely<Database>, vars: Vars) =>
  compared(db)
    .where(({ ref }) => {
      const name = sql`concat_ws('/', ${ref('bar.instrument_type')}, ${ref('bar.symbol')}, ${ref('bar.timeframe')}, cast(${ref('bar.timestamp')} as DATE))`;
      return sql<boolean>`${matchesNone(name, vars.strings('resampling_exceptions'))}`;
    })
    .where(({ or, eb, ref }) =>
      or([
        eb('bar.open', '<>', ref('sums.open')),
        eb('bar.high', '<>', ref('sums.high')),
        eb('bar.low', '<>', ref('sums.low')),
        eb('bar.close', '<>', ref('sums.close')),
        eb('bar.number_of_trades', '<>', ref('sums.number_of_trades')),
        eb('bar.volume', '<>', ref('sums.volume')),
      ]),
    );

export default defineDataTest({
  description:
    'A bar whose minutes are all present equals the sum of its 1m bars: open, high, low, close, volume and trades.',
  failures: ({ db, vars }) =>
    differing(db, vars).select([
      'bar.instrument_type',
      'bar.symbol',
      'bar.timeframe',
      'bar.timestamp',
      'bar.open',
      'sums.open as open_of_minutes',
      'bar.high',
      'sums.high as high_of_minutes',
      'bar.low',
      'sums.low as low_of_minutes',
      'bar.close',
      'sums.close as close_of_minutes',
      'bar.volume',
      'sums.volume as volume_of_minutes',
      'bar.number_of_trades',
      'sums.number_of_trades as number_of_trades_of_minutes',
    ]),
});
