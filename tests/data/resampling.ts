import type { Kysely } from 'kysely';
import {
  allTrue,
  count,
  dayOf,
  epochMicroseconds,
  exactDecimal,
  exactSum,
  firstBy,
  hasGlob,
  holds,
  lastBy,
  max,
  min,
  minus,
  neverNull,
  plus,
  remainder,
  sum,
  times,
} from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';
import { opensAt, slotOrDay, toSlot } from '../../models/market/calendar.ts';
import type { Database } from '../../models/schema.ts';

const minuteUs = 60_000_000n;

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
        .select(({ ref }) => ['instrument_type', 'symbol', 'timeframe', min(ref('slot_or_day')).ofGroup().as('first')]),
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
        .select(({ eb, ref }) => {
          const at = ref('timestamp');
          const isOnGrid = eb(remainder(epochMicroseconds(at), minuteUs), '=', 0n);
          return [
            'instrument_type',
            'symbol',
            'length',
            opensAt(ref('length'), ref('slot'), ref('first')).as('opens_at'),
            opensAt(ref('length'), plus(ref('slot'), 1n), ref('first')).as('closes_at'),
            count().as('minutes'),
            holds(allTrue(isOnGrid)).as('on_grid'),
            firstBy(ref('open'), at).ofGroup().as('open'),
            max(ref('high')).ofGroup().as('high'),
            min(ref('low')).ofGroup().as('low'),
            lastBy(ref('close'), at).ofGroup().as('close'),
            neverNull(exactSum(ref('volume'), ref('exact_volume'))).as('volume'),
            sum(ref('number_of_trades')).ofGroup().as('number_of_trades'),
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
        .on(({ eb, ref }) => {
          const length = minus(epochMicroseconds(ref('sums.closes_at')), epochMicroseconds(ref('sums.opens_at')));
          return eb(times(ref('sums.minutes'), minuteUs), '=', length);
        }),
    );

const differing = (db: Kysely<Database>) =>
  compared(db)
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('resampling_exceptions as known')
            .whereRef('known.instrument_type', '=', 'bar.instrument_type')
            .where(({ ref }) => hasGlob(ref('bar.symbol'), ref('known.symbol')))
            .where(({ ref }) => hasGlob(ref('bar.timeframe'), ref('known.timeframe')))
            .where(({ eb, ref }) => eb('known.date', '=', dayOf(ref('bar.timestamp'))))
            .select('known.date'),
        ),
      ),
    )
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
  failures: ({ db }) =>
    differing(db).select([
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
