import { type Expression, type Kysely, sql } from 'kysely';
import { cast, rowsDigest } from '../../engine/index.ts';
import type { Database } from '../schema.ts';

/** The tables, while series are being built. */
type SeriesDatabase = Database & {
  dirty_partitions: { instrument_type: string; symbol: string; timeframe: string };
};

/** So many days may the newest archives of a series be late (A21); one that lacks more has ended. */
const daysLate = 7;

/** The last day of a delivery contract, by its name: `BTCUSDT_250627`. */
const deliveryDay = (symbol: Expression<string>) =>
  sql`cast(try_strptime(regexp_extract(${symbol}, '_(\\d{6})$', 1), '%y%m%d') as DATE)`;

/**
 * `listings`, a row a series: what the listing and the ledger say of it. `published_until` is the end of its last
 * published slot: the newest end listed for its market and timeframe, or its own, where it has ended before.
 */
export const withListings = (db: Pick<Kysely<SeriesDatabase>, 'with'>) =>
  db
    .with('series_listed', (listed) =>
      listed
        .selectFrom('archive_objects as object')
        .leftJoin('staged_archives as staged', 'staged.key', 'object.key')
        .groupBy(['object.instrument_type', 'object.symbol', 'object.timeframe'])
        .select((eb) => {
          const isDaily = sql`(${eb.ref('object.cadence')} = 'daily')`;
          const hasDaily = sql`bool_or(${isDaily})`;
          const refused = (cadence: string) =>
            sql`min(${eb.ref('object.period_start')}) filter (where ${eb.ref('object.cadence')} = ${sql.lit(cadence)} and ${eb.ref('staged.status')} in ('rejected', 'failed', 'absent'))`;
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
            // A monthly archive begins before a series may have: it says so only where there are no daily ones.
            cast
              .nullable('DATE', sql`case when ${hasDaily} then ${refused('daily')} else ${refused('monthly')} end`)
              .as('refused_from'),
            rowsDigest(eb.ref('object.key'), eb.ref('object.listed_at'), eb.ref('staged.status')).as('digest'),
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
            cast('DATE', sql`least(${newest}, ${deliveryDay(eb.ref('symbol'))} + 1)`).as('due'),
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
          'refused_from',
          'published_until',
          'digest',
        ])
        .select((eb) => [cast('BOOLEAN', sql`${eb.ref('published_until')} < ${eb.ref('newest')}`).as('has_ended')]),
    );
