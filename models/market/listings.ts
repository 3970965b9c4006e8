import { type Expression, type Kysely, sql } from 'kysely';
import { cast, rowsDigest } from '../../engine/index.ts';
import { deliveryHour } from '../../exchange/vocabulary.ts';
import type { Database } from '../schema.ts';
import { monthOf } from './calendar.ts';

/** So many days may the newest archives of a series be late (A21); one that lacks more has ended. */
const daysLate = 7;

/** The last day of a delivery contract, by its name: `BTCUSDT_250627`; NULL for any other. */
const deliveryDay = (instrumentType: Expression<string>, symbol: Expression<string>) =>
  sql`case when ${instrumentType} <> 'spot' then cast(try_strptime(regexp_extract(${symbol}, '_(\\d{6})$', 1), '%y%m%d') as DATE) end`;

/**
 * `listings`, a row a series: what the listing and the ledger say of it. `published_until` is the end of its last
 * published slot: the newest end listed for its market and timeframe, or its own, where it has ended before.
 * `unread_from` is the beginning of its first archive of which no bar can be expected in `ohlcv`; daily archives of a
 * month that a verified monthly archive covers are apart, as `doubted_from`: they say something of whole days only.
 */
export const withListings = (db: Pick<Kysely<Database>, 'with'>) =>
  db
    .with('verified_months', (months) =>
      months
        .selectFrom('archive_objects as object')
        .innerJoin('staged_archives as staged', 'staged.key', 'object.key')
        .where('object.cadence', '=', 'monthly')
        .where('staged.status', 'in', ['staged', 'loaded'])
        .select(['object.instrument_type', 'object.symbol', 'object.timeframe', 'object.period_start as month']),
    )
    .with('first_days', (days) =>
      days
        .selectFrom('archive_objects')
        .where('cadence', '=', 'daily')
        .groupBy(({ ref }) => ['instrument_type', 'symbol', 'timeframe', monthOf(ref('period_start'))])
        .select(({ ref }) => [
          'instrument_type',
          'symbol',
          'timeframe',
          monthOf(ref('period_start')).as('month'),
          cast('DATE', sql`min(${ref('period_start')})`).as('day'),
        ]),
    )
    .with('series_listed', (listed) =>
      listed
        .selectFrom('archive_objects as object')
        .leftJoin('staged_archives as staged', 'staged.key', 'object.key')
        .leftJoin('verified_months as verified', (join) =>
          join
            .onRef('verified.instrument_type', '=', 'object.instrument_type')
            .onRef('verified.symbol', '=', 'object.symbol')
            .onRef('verified.timeframe', '=', 'object.timeframe')
            .on('object.cadence', '=', 'daily')
            .on(({ eb, ref }) => eb('verified.month', '=', monthOf(ref('object.period_start')))),
        )
        .leftJoin('first_days as first', (join) =>
          join
            .onRef('first.instrument_type', '=', 'object.instrument_type')
            .onRef('first.symbol', '=', 'object.symbol')
            .onRef('first.timeframe', '=', 'object.timeframe')
            .onRef('first.month', '=', 'object.period_start')
            .on('object.cadence', '=', 'monthly'),
        )
        .groupBy(['object.instrument_type', 'object.symbol', 'object.timeframe'])
        .select((eb) => {
          const isDaily = sql`(${eb.ref('object.cadence')} = 'daily')`;
          const hasDaily = sql`bool_or(${isDaily})`;
          const status = eb.ref('staged.status');
          const isUnread = sql`coalesce(${status} not in ('staged', 'loaded'), true)`;
          // A month is listed whole, whenever trading began in it: its rows, or its daily archives, tell from when on (A11).
          const begins = sql`coalesce(${eb.ref('staged.first_open_time')}, case when ${isUnread} then coalesce(${eb.ref('first.day')}, ${eb.ref('object.period_start')}) end)`;
          const isDoubted = sql`(${eb.ref('verified.month')} is not null)`;
          return [
            'object.instrument_type',
            'object.symbol',
            'object.timeframe',
            // A month that a series ended in is listed whole; its daily archives say on which day.
            cast(
              'DATE',
              sql`case when max(${eb.ref('object.period_end')}) filter (where ${isDaily}) > max(${eb.ref('object.period_start')}) filter (where not ${isDaily})
                then max(${eb.ref('object.period_end')}) filter (where ${isDaily}) else max(${eb.ref('object.period_end')}) end`,
            ).as('listed_until'),
            cast('TIMESTAMP', sql`max(${eb.ref('object.listed_at')})`).as('listed_at'),
            cast('BOOLEAN', hasDaily).as('has_daily'),
            cast('DATE', sql`min(${eb.ref('object.period_start')})`).as('listed_from'),
            cast.nullable('TIMESTAMP', sql`min(${begins}) filter (where not ${isDoubted})`).as('unread_from'),
            cast.nullable('TIMESTAMP', sql`min(${begins}) filter (where ${isDoubted})`).as('doubted_from'),
            cast('BOOLEAN', sql`coalesce(bool_or(${status} in ('rejected', 'failed', 'absent')), false)`).as(
              'was_refused',
            ),
            rowsDigest(
              eb.ref('object.key'),
              eb.ref('object.listed_at'),
              eb.ref('staged.instrument_type'),
              eb.ref('staged.symbol'),
              eb.ref('staged.timeframe'),
              eb.ref('staged.status'),
              eb.ref('staged.first_open_time'),
            ).as('digest'),
          ];
        }),
    )
    .with('series_due', (due) =>
      due
        .selectFrom('series_listed')
        .selectAll()
        .select((eb) => {
          const newest = sql`max(${eb.ref('listed_until')}) over (partition by ${eb.ref('instrument_type')}, ${eb.ref('timeframe')})`;
          return [
            cast('DATE', newest).as('newest'),
            // `least` passes over NULL: only a delivery contract has a last day.
            cast('DATE', sql`least(${newest}, ${deliveryDay(eb.ref('instrument_type'), eb.ref('symbol'))} + 1)`).as(
              'due',
            ),
          ];
        }),
    )
    .with('series_published', (published) =>
      published
        .selectFrom('series_due')
        .selectAll()
        .select((eb) => {
          const [listed, due] = [eb.ref('listed_until'), eb.ref('due')];
          const grace = sql`case when ${eb.ref('has_daily')} then to_days(${sql.lit(daysLate)}) else to_months(1) end`;
          return [
            cast(
              'DATE',
              sql`case when ${due} between ${listed} and ${listed} + ${grace} then ${due} else ${listed} end`,
            ).as('published_until'),
          ];
        }),
    )
    .with('listings', (listings) =>
      listings
        .selectFrom('series_published')
        .select([
          'instrument_type',
          'symbol',
          'timeframe',
          'listed_until',
          'listed_at',
          'has_daily',
          'listed_from',
          'unread_from',
          'doubted_from',
          'was_refused',
          'published_until',
          'digest',
        ])
        .select((eb) => [
          cast('BOOLEAN', sql`${eb.ref('published_until')} < ${eb.ref('newest')}`).as('has_ended'),
          cast
            .nullable(
              'TIMESTAMP',
              sql`${deliveryDay(eb.ref('instrument_type'), eb.ref('symbol'))} + to_hours(${sql.lit(deliveryHour)})`,
            )
            .as('delivered_at'),
        ]),
    );
