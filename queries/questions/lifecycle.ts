import type { Kysely } from 'kysely';
import { countOf, formatDay } from '../../engine/index.ts';
import {
  count,
  countWhere,
  daysBetween,
  greatest,
  holds,
  max,
  min,
  minus,
  neverNull,
  scalar,
  times,
} from '../../engine/vocabulary/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import type { Database } from '../../models/schema.ts';
import { day } from '../parameters/range.ts';
import { defineQuestion } from '../question.ts';
import { traded } from '../sql.ts';

/**
 * Symbols that began to trade on a day: for the first time, or again after more than 7 days, as a ticker does that is
 * used for another coin (A24). A whole day that was published late makes no listing of the next one (A21).
 */
export const listings = defineQuestion({
  name: 'listings',
  description: 'Symbols that began to trade on a day.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .with('trading', (trading) =>
        trading
          .selectFrom('daily_availability')
          .where('date', '<=', date)
          .where((eb) => traded(eb))
          .select(['date', 'symbol', 'quote_volume_usdt', 'trade_count', 'open_price', 'close_price']),
      )
      .selectFrom('trading as day')
      .leftJoin('trading as before', (join) =>
        join.onRef('before.symbol', '=', 'day.symbol').onRef('before.date', '<', 'day.date'),
      )
      .where('day.date', '=', date)
      // For the very first day, it is unknown who traded on the day before.
      .where('day.date', '>', (eb) =>
        eb.selectFrom('daily_availability').select(({ ref }) => neverNull(min(ref('date'))).as('first')),
      )
      .groupBy([
        'day.date',
        'day.symbol',
        'day.quote_volume_usdt',
        'day.trade_count',
        'day.open_price',
        'day.close_price',
      ])
      .having((eb) => {
        const away = minus(daysBetween(max(eb.ref('before.date')), eb.ref('day.date')), 1n);
        return holds(eb(away, '>', BigInt(daysOfASpell)), { ifUnknown: true });
      })
      .orderBy('day.symbol')
      .select((eb) => [
        'day.date',
        'day.symbol',
        max(eb.ref('before.date')).as('previously_traded'),
        'day.quote_volume_usdt',
        'day.trade_count',
        'day.open_price',
        'day.close_price',
      ]),
  async check({ db, rows }, { date }) {
    const [{ first } = { first: date }] = await rows(
      db.selectFrom('daily_availability').select(({ ref }) => neverNull(min(ref('date'))).as('first')),
    );
    if (first < date) return [];
    return [`the record begins on ${formatDay(date)}: who began to trade on that day is not known`];
  },
  units: () => ({ quote_volume_usdt: 'USDT at par', open_price: 'quote asset', close_price: 'quote asset' }),
  examples: ['listings 2025-06-17'],
});

const dayBefore = (date: Date) => new Date(date.getTime() - msOfDay);

/**
 * The fate of every symbol that traded on the day before `date`, in published days: those on which at least half as many
 * symbols are available.
 */
const fates = (db: Kysely<Database>, date: Date) =>
  db
    .with('last', (last) =>
      last
        .selectFrom('daily_availability')
        .where('date', '=', dayBefore(date))
        .where((eb) => traded(eb))
        .select(['symbol', 'date', 'quote_volume_usdt', 'close_price']),
    )
    .with('after', (after) =>
      after
        .selectFrom('daily_availability')
        .where('date', '>=', date)
        .select((eb) => ['symbol', 'date', 'available', 'trade_count', traded(eb).as('traded')]),
    )
    .with('published', (published) =>
      published
        .selectFrom('after')
        .groupBy('date')
        .having((eb) => {
          const expected = neverNull(scalar(eb.selectFrom('last').select(count().as('symbols'))));
          return eb(times(countWhere(eb.ref('available')), 2n), '>=', expected);
        })
        .select('date'),
    )
    .selectFrom('last')
    .leftJoin('after', 'after.symbol', 'last.symbol')
    .groupBy(['last.symbol', 'last.date', 'last.quote_volume_usdt', 'last.close_price'])
    .select((eb) => [
      'last.symbol',
      'last.date as last_traded',
      'last.quote_volume_usdt',
      'last.close_price',
      min(eb.ref('after.date')).filter(eb.ref('after.traded')).as('returned'),
      countWhere(eb.and([eb('after.available', '=', true), eb('after.trade_count', '=', 0n)])).as('flat_bars'),
      neverNull(scalar(eb.selectFrom('published').select(count().as('days')))).as('days_published'),
    ]);

/**
 * Symbols that traded on the day before, but not from this day on. Trading counts, not files: a settled contract still
 * publishes flat bars for years (A13), and a late archive (A21) is not a delisting. So a symbol with flat bars has left
 * at once, and one without bars once the archive has continued without it for more than 7 days, which also ends a spell
 * (A24).
 */
export const delistings = defineQuestion({
  name: 'delistings',
  description: 'Symbols that no longer trade from a day on, by trading and not by files.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .selectFrom(fates(db, date).as('fate'))
      .where((eb) => {
        const away = minus(daysBetween(eb.ref('last_traded'), eb.ref('returned')), 1n);
        const silence = greatest(times(eb.ref('flat_bars'), BigInt(daysOfASpell + 1)), eb.ref('days_published'));
        return eb(eb.fn.coalesce(away, silence), '>', BigInt(daysOfASpell));
      })
      .orderBy('symbol')
      .select((eb) => [
        'symbol',
        'last_traded',
        eb.case().when('flat_bars', '>', 0n).then('flat bars').else('no archives').end().as('evidence'),
        'days_published',
        'returned',
        'quote_volume_usdt',
        'close_price',
      ]),
  async check({ db, rows }, { date }) {
    const undecided = await rows(
      db
        .selectFrom(fates(db, date).as('fate'))
        .where('returned', 'is', null)
        .where('flat_bars', '=', 0n)
        .where('days_published', '<=', BigInt(daysOfASpell))
        .orderBy('symbol')
        .select('symbol'),
    );
    if (undecided.length === 0) return [];
    const names = undecided.slice(0, 5).map(({ symbol }) => symbol);
    return [
      `${countOf(undecided.length, 'more has', 'more have')} no bar yet (${names.join(', ')}${undecided.length > 5 ? ', …' : ''}): ` +
        `too few days are published since to tell a delisting from a late archive`,
    ];
  },
  units: () => ({ quote_volume_usdt: 'USDT at par, of the last day', close_price: 'quote asset' }),
  examples: ['delistings 2025-06-17'],
});
