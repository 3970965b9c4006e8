import {
  addDays,
  anyTrue,
  condition,
  count,
  countDistinct,
  countWhere,
  descending,
  exactSum,
  max,
  min,
  neverNull,
  rowNumber,
  sortedTexts,
  sum,
} from '../../engine/vocabulary/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { day, dayOptions, days } from '../parameters/range.ts';
import { defineQuestion } from '../question.ts';
import { changePercent, coveredDays, inRange, percentOf, traded } from '../sql.ts';

/** The contents of the warehouse in one row. */
export const summary = defineQuestion({
  name: 'summary',
  description: 'What the warehouse holds: days, symbols, coverage, volume.',
  parameters: {},
  query: (db) =>
    db
      .with('newest', (newest) =>
        newest
          .selectFrom('daily_availability')
          .where('date', '=', (eb) =>
            eb.selectFrom('daily_availability').select(({ ref }) => neverNull(max(ref('date'))).as('date')),
          )
          .select((eb) => [
            countWhere(eb.ref('available')).as('available_on_last_day'),
            countWhere(traded(eb)).as('traded_on_last_day'),
          ]),
      )
      .with('ranked', (ranked) =>
        ranked
          .selectFrom('volume_rankings')
          .select((eb) => [
            min(eb.ref('date')).as('first_ranked_day'),
            max(eb.ref('date')).as('last_ranked_day'),
            countDistinct(eb.ref('date')).as('ranked_days'),
            countDistinct(eb.ref('symbol')).as('ranked_symbols'),
          ]),
      )
      .with('whole', (whole) =>
        whole.selectFrom('daily_availability').select((eb) => {
          const available = countWhere(eb.ref('available'));
          return [
            min(eb.ref('date')).as('first_day'),
            max(eb.ref('date')).as('last_day'),
            countDistinct(eb.ref('date')).as('days'),
            countDistinct(eb.ref('symbol')).as('symbols'),
            count().as('symbol_days'),
            available.as('available_symbol_days'),
            percentOf(countWhere(eb.and([eb.ref('available'), eb('trade_count', 'is not', null)])), available).as(
              'figures_pct',
            ),
            exactSum(eb.ref('quote_volume_usdt')).as('quote_volume_usdt'),
          ];
        }),
      )
      .selectFrom(['whole', 'newest', 'ranked'])
      .select([
        'whole.first_day',
        'whole.last_day',
        'whole.days',
        'whole.symbols',
        'newest.available_on_last_day',
        'newest.traded_on_last_day',
        'whole.symbol_days',
        'whole.available_symbol_days',
        'whole.figures_pct',
        'whole.quote_volume_usdt',
        'ranked.first_ranked_day',
        'ranked.last_ranked_day',
        'ranked.ranked_days',
        'ranked.ranked_symbols',
      ]),
  units: () => ({ figures_pct: 'percent of available symbol-days that have a bar', quote_volume_usdt: 'USDT at par' }),
  record: true,
  examples: ['summary', 'summary --target live --format json'],
});

/** Which symbols were available between two days, and how much of it. */
export const range = defineQuestion({
  name: 'range',
  description: 'Symbols that are available in a range of days, and on how many.',
  parameters: days,
  query: (db, { start, end }) =>
    db
      .selectFrom('daily_availability')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .groupBy('symbol')
      .having((eb) => condition(anyTrue(eb.ref('available'))))
      .orderBy('symbol')
      .select((eb) => {
        const available = eb.ref('available');
        return [
          'symbol',
          min(eb.ref('date')).filter(available).as('first_available'),
          max(eb.ref('date')).filter(available).as('last_available'),
          countWhere(available).as('days_available'),
          countWhere(traded(eb)).as('days_traded'),
          exactSum(eb.ref('quote_volume_usdt')).as('quote_volume_usdt'),
          sum(eb.ref('trade_count')).as('trade_count'),
        ];
      }),
  covers: (db) => coveredDays(db, 'daily_availability'),
  units: () => ({ quote_volume_usdt: 'USDT at par' }),
  examples: ['range 2025-06-01 2025-07-01'],
});

/** How many of the symbols available on a day have figures; of a whole history, day by day. */
export const coverage = defineQuestion({
  name: 'coverage',
  description: 'Share of the available symbols that have figures, day by day.',
  parameters: dayOptions,
  query: (db, { start, end }) =>
    db
      .selectFrom('daily_availability')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .groupBy('date')
      .orderBy('date')
      .select((eb) => {
        const available = eb.ref('available');
        const lacking = eb.and([available, eb('trade_count', 'is', null)]);
        const withBar = countWhere(eb.and([available, eb('trade_count', 'is not', null)]));
        const withVolume = countWhere(eb.and([available, eb('quote_volume_usdt', 'is not', null)]));
        return [
          'date',
          countWhere(available).as('available'),
          withBar.as('with_bar'),
          withVolume.as('with_quote_volume'),
          percentOf(withBar, countWhere(available)).as('bar_pct'),
          percentOf(withVolume, countWhere(available)).as('quote_volume_pct'),
          sortedTexts(eb.ref('symbol'), ' ', lacking).as('without_bar'),
        ];
      }),
  covers: (db) => coveredDays(db, 'daily_availability'),
  units: () => ({ bar_pct: 'percent of available', quote_volume_pct: 'percent of available' }),
  examples: ['coverage', 'coverage --start 2025-06-01 --end 2025-07-01'],
});

const comparedWith = [0, 1, 7] as const;

/** The whole USD-M market on a day, in one row; turnover of contracts that are quoted in a US dollar at par. */
export const market = defineQuestion({
  name: 'market',
  description: 'The whole market on a day: turnover, trades, concentration.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .with('members', (members) =>
        members
          .selectFrom('daily_availability')
          .where(
            'date',
            'in',
            comparedWith.map((days) => new Date(date.getTime() - days * msOfDay)),
          )
          .select((eb) => [
            'date',
            'symbol',
            'available',
            traded(eb).as('traded'),
            'quote_volume_usdt',
            'taker_buy_quote_volume_usdt',
            'trade_count',
            rowNumber()
              .over({
                partitionBy: eb.ref('date'),
                orderBy: [descending(eb.ref('quote_volume_usdt')), eb.ref('symbol')],
              })
              .as('place'),
          ]),
      )
      .with('days', (days) =>
        days
          .selectFrom('members')
          .groupBy('date')
          .select((eb) => {
            const volume = eb.ref('quote_volume_usdt');
            const first = (places: bigint) => exactSum(eb.case().when('place', '<=', places).then(volume).end());
            return [
              'date',
              countWhere(eb.ref('available')).as('symbols_available'),
              countWhere(eb.ref('traded')).as('symbols_traded'),
              exactSum(volume).as('quote_volume_usdt'),
              exactSum(eb.ref('taker_buy_quote_volume_usdt')).as('taker_buy_quote_volume_usdt'),
              sum(eb.ref('trade_count')).as('trade_count'),
              min(eb.ref('symbol'))
                .filter(eb('place', '=', 1n))
                .as('largest_symbol'),
              percentOf(first(1n), exactSum(volume)).as('largest_share_pct'),
              percentOf(first(10n), exactSum(volume)).as('ten_largest_share_pct'),
            ];
          }),
      )
      .selectFrom('days as day')
      .leftJoin('days as yesterday', (join) =>
        join.on((eb) => eb('yesterday.date', '=', addDays(eb.ref('day.date'), -1))),
      )
      .leftJoin('days as week', (join) => join.on((eb) => eb('week.date', '=', addDays(eb.ref('day.date'), -7))))
      .where('day.date', '=', date)
      .select((eb) => {
        const volume = eb.ref('day.quote_volume_usdt');
        return [
          'day.date',
          'day.symbols_available',
          'day.symbols_traded',
          'day.quote_volume_usdt',
          changePercent(volume, eb.ref('yesterday.quote_volume_usdt')).as('volume_change_1d_pct'),
          changePercent(volume, eb.ref('week.quote_volume_usdt')).as('volume_change_7d_pct'),
          'day.trade_count',
          percentOf(eb.ref('day.taker_buy_quote_volume_usdt'), volume).as('taker_buy_share_pct'),
          'day.largest_symbol',
          'day.largest_share_pct',
          'day.ten_largest_share_pct',
        ];
      }),
  units: () => ({
    quote_volume_usdt: 'USDT at par',
    volume_change_1d_pct: 'percent',
    volume_change_7d_pct: 'percent',
    taker_buy_share_pct: 'percent of the turnover',
    largest_share_pct: 'percent of the turnover',
    ten_largest_share_pct: 'percent of the turnover',
  }),
  record: true,
  examples: ['market 2025-06-17', 'market latest --format json'],
});
