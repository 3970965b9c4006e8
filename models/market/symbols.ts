import { sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import { defineModel } from '../define.ts';
import { contractType, pairOf, statedQuote } from './names.ts';

/** Every ticker listed, what its name says (A22, A23, A27), and when it was there (A24, A25). */
export default defineModel('symbols', {
  query: ({ db, vars }) =>
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
        holes
          .selectFrom('periods')
          .select((eb) => [
            'instrument_type',
            'symbol',
            'period_start',
            'period_end',
            cast
              .nullable(
                'INTEGER',
                sql`${eb.ref('period_start')} - lag(${eb.ref('period_end')}) over (partition by ${eb.ref('instrument_type')}, ${eb.ref('symbol')} order by ${eb.ref('period_start')})`,
              )
              .as('days_away'),
          ]),
      )
      .with('listed', (listed) =>
        listed
          .selectFrom('holes')
          .groupBy(['instrument_type', 'symbol'])
          .select((eb) => [
            'instrument_type',
            'symbol',
            cast('DATE', sql`min(${eb.ref('period_start')})`).as('first_date'),
            cast('DATE', sql`max(${eb.ref('period_end')}) - 1`).as('last_date'),
            cast('INTEGER', sql`1 + count(*) filter (where ${eb.ref('days_away')} > ${sql.lit(daysOfASpell)})`).as(
              'spells',
            ),
          ]),
      )
      .with('traded', (traded) =>
        traded
          .selectFrom('ohlcv')
          .where('number_of_trades', '>', 0n)
          .groupBy(['instrument_type', 'symbol'])
          .select((eb) => [
            'instrument_type',
            'symbol',
            cast.nullable('DATE', sql`max(${eb.ref('timestamp')})`).as('last_traded_date'),
          ]),
      )
      .with('quotes', (quotes) =>
        quotes.selectNoFrom(() =>
          cast(
            'VARCHAR',
            sql`unnest([${sql.join(vars.strings('known_quote_assets').map((asset) => sql.lit(asset)))}])`,
          ).as('asset'),
        ),
      )
      .with('named', (named) =>
        named
          .selectFrom('listed')
          .leftJoin('quotes', (join) =>
            join.on((eb) => {
              const name = pairOf(eb.ref('listed.symbol'));
              return sql<boolean>`(ends_with(${name}, ${eb.ref('quotes.asset')}) and length(${name}) > length(${eb.ref('quotes.asset')}))`;
            }),
          )
          .groupBy(['instrument_type', 'symbol'])
          .select((eb) => {
            const stated = statedQuote(eb.ref('instrument_type'), pairOf(eb.ref('symbol')), vars);
            const longest = sql`arg_max(${eb.ref('quotes.asset')}, length(${eb.ref('quotes.asset')}))`;
            return [
              'instrument_type',
              'symbol',
              cast
                .nullable(
                  'VARCHAR',
                  sql`case when ${eb.ref('instrument_type')} = 'futures-cm' then ${stated} else coalesce(${stated}, ${longest}) end`,
                )
                .as('quote_asset'),
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
          cast.nullable('VARCHAR', sql`left(${name}, length(${name}) - length(${quote}))`).as('base_asset'),
          'named.quote_asset',
          contractType(eb.ref('listed.instrument_type'), eb.ref('listed.symbol')).as('contract_type'),
          'listed.first_date',
          'listed.last_date',
          'traded.last_traded_date',
          'listed.spells',
        ];
      }),
});
