import {
  addDays,
  cast,
  characters,
  choose,
  countWhere,
  dayOf,
  daysBetween,
  endsWith,
  firstCharacters,
  lag,
  lastBy,
  max,
  min,
  minus,
  plus,
} from '../../engine/vocabulary/index.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import { defineModel } from '../define.ts';
import { contractType, pairOf } from './names.ts';

/** Every ticker listed, what its name says (A22, A23, A27), and when it was there (A24, A25). */
export default defineModel('symbols', {
  query: ({ db }) =>
    db
      .with('daily', (daily) =>
        daily
          .selectFrom('archive_objects')
          .where('cadence', '=', 'daily')
          .distinct()
          .select(['instrument_type', 'symbol']),
      )
      .with('periods', (periods) =>
        periods
          .selectFrom('archive_objects as object')
          .leftJoin('daily', (join) =>
            join
              .onRef('daily.instrument_type', '=', 'object.instrument_type')
              .onRef('daily.symbol', '=', 'object.symbol'),
          )
          // Monthly files say the month only, so they count where a symbol has no daily ones.
          .where((eb) => eb.or([eb('object.cadence', '=', 'daily'), eb('daily.symbol', 'is', null)]))
          .distinct()
          .select(['object.instrument_type', 'object.symbol', 'object.period_start', 'object.period_end']),
      )
      .with('holes', (holes) =>
        holes.selectFrom('periods').select((eb) => [
          'instrument_type',
          'symbol',
          'period_start',
          'period_end',
          daysBetween(
            lag(eb.ref('period_end')).over({
              partitionBy: [eb.ref('instrument_type'), eb.ref('symbol')],
              orderBy: eb.ref('period_start'),
            }),
            eb.ref('period_start'),
          ).as('days_away'),
        ]),
      )
      .with('listed', (listed) =>
        listed
          .selectFrom('holes')
          .groupBy(['instrument_type', 'symbol'])
          .select((eb) => [
            'instrument_type',
            'symbol',
            min(eb.ref('period_start')).ofGroup().as('first_date'),
            addDays(max(eb.ref('period_end')).ofGroup(), -1).as('last_date'),
            cast('INTEGER', plus(countWhere(eb('days_away', '>', BigInt(daysOfASpell))), 1n)).as('spells'),
          ]),
      )
      .with('traded', (traded) =>
        traded
          .selectFrom('ohlcv')
          .where('number_of_trades', '>', 0n)
          .groupBy(['instrument_type', 'symbol'])
          .select((eb) => ['instrument_type', 'symbol', dayOf(max(eb.ref('timestamp'))).as('last_traded_date')]),
      )
      // A coin-margined name is BASE + USD; in the other markets an exception decides, else the longest suffix (A27).
      .with('named', (named) =>
        named
          .selectFrom('listed')
          .leftJoin('symbol_exceptions as exception', (join) =>
            join.on((eb) => eb('exception.name', '=', pairOf(eb.ref('listed.symbol')))),
          )
          .leftJoin('known_quote_assets as known', (join) =>
            join.on((eb) => {
              const name = pairOf(eb.ref('listed.symbol'));
              const asset = eb.ref('known.asset');
              return eb.and([endsWith(name, asset), eb(characters(name), '>', characters(asset))]);
            }),
          )
          .groupBy(['listed.instrument_type', 'listed.symbol', 'exception.quote_asset'])
          .select((eb) => {
            const name = pairOf(eb.ref('listed.symbol'));
            const longest = lastBy(eb.ref('known.asset'), characters(eb.ref('known.asset')));
            const inDollars = choose([[eb(name, 'like', '_%USD'), 'USD']]);
            return [
              'listed.instrument_type',
              'listed.symbol',
              choose(
                [[eb('listed.instrument_type', '=', 'futures-cm'), inDollars]],
                eb.fn.coalesce('exception.quote_asset', longest),
              ).as('quote_asset'),
            ];
          }),
      )
      .selectFrom('listed')
      .innerJoin('named', (join) =>
        join.onRef('named.instrument_type', '=', 'listed.instrument_type').onRef('named.symbol', '=', 'listed.symbol'),
      )
      .leftJoin('traded', (join) =>
        join
          .onRef('traded.instrument_type', '=', 'listed.instrument_type')
          .onRef('traded.symbol', '=', 'listed.symbol'),
      )
      .orderBy('listed.instrument_type')
      .orderBy('listed.symbol')
      .select((eb) => {
        const name = pairOf(eb.ref('listed.symbol'));
        const quote = eb.ref('named.quote_asset');
        return [
          'listed.instrument_type',
          'listed.symbol',
          firstCharacters(name, minus(characters(name), characters(quote))).as('base_asset'),
          'named.quote_asset',
          contractType(eb.ref('listed.instrument_type'), eb.ref('listed.symbol')).as('contract_type'),
          'listed.first_date',
          'listed.last_date',
          'traded.last_traded_date',
          'listed.spells',
        ];
      }),
});
