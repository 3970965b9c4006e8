import { type Kysely, sql } from 'kysely';
import { cast, countOf } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import type { Database } from '../../models/schema.ts';
import { day } from '../parameters/day.ts';
import { defineQuestion } from '../question.ts';
import { countWhere, traded } from '../sql.ts';

const dayBefore = (date: Date) => new Date(date.getTime() - msOfDay);

/**
 * What became of every symbol that traded on the day before `date`, counted in days that the archive has published:
 * those on which at least half as many symbols are available.
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
        .having((eb) => sql<boolean>`2 * ${countWhere(eb.ref('available'))} >= (select count(*) from last)`)
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
      cast.nullable('DATE', sql`min(${eb.ref('after.date')}) filter (where ${eb.ref('after.traded')})`).as('returned'),
      countWhere(sql`${eb.ref('after.available')} and ${eb.ref('after.trade_count')} = 0`).as('flat_bars'),
      cast('BIGINT', eb.selectFrom('published').select(cast('BIGINT', sql`count(*)`).as('days'))).as('days_published'),
    ]);

/**
 * Symbols that traded on the day before and not from this day on. By trading, not by files: a settled contract
 * publishes flat bars for years (A13) and has left; an archive that comes late (A21) is no delisting. So a symbol
 * without bars has left when the archive has gone on without it for more than 7 days, which is also what ends a spell
 * (A24); one with flat bars has left at once.
 */
export const delistings = defineQuestion({
  name: 'delistings',
  description: 'Symbols that no longer trade from a day on, by trading and not by files.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .selectFrom(fates(db, date).as('fate'))
      .where((eb) => {
        const away = sql`${eb.ref('returned')} - ${eb.ref('last_traded')} - 1`;
        const silence = sql`greatest(${eb.ref('flat_bars')} * ${sql.lit(daysOfASpell + 1)}, ${eb.ref('days_published')})`;
        return sql<boolean>`coalesce(${away}, ${silence}) > ${sql.lit(daysOfASpell)}`;
      })
      .orderBy('symbol')
      .select((eb) => [
        'symbol',
        'last_traded',
        cast('VARCHAR', sql`case when ${eb.ref('flat_bars')} > 0 then 'flat bars' else 'no archives' end`).as(
          'evidence',
        ),
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
