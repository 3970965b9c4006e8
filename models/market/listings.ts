import { type Expression, expressionBuilder, type Kysely } from 'kysely';
import {
  addDays,
  addMonths,
  anyTrue,
  choose,
  extractPattern,
  firstOfMonth,
  holds,
  least,
  max,
  min,
  neverNull,
  parseYymmdd,
  shift,
} from '../../engine/vocabulary/index.ts';
import { deliveryHour } from '../../exchange/vocabulary.ts';
import type { Database } from '../schema.ts';

const { eb } = expressionBuilder<Database>();

/** Days by which the newest archives of a series may be late (A21); a series that lacks more has ended. */
const daysLate = 7;

/** The last day of a delivery contract, by its name: `BTCUSDT_250627`; NULL for any other. */
const deliveryDay = (instrumentType: Expression<string>, symbol: Expression<string>) =>
  choose([[eb(instrumentType, '<>', 'spot'), parseYymmdd(extractPattern(symbol, '_(\\d{6})$'))]]);

/**
 * `listings` has the listing and the ledger of each series in one row. `published_until` is the end of its last published
 * slot: the newest end listed for its market and timeframe, or its own if the series has ended before. `unread_from` is
 * the start of its first archive whose bars cannot be in `ohlcv`. Daily archives of a month that a verified monthly
 * archive covers are separate, as `doubted_from`, because they are evidence for whole days only.
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
        .groupBy(({ ref }) => ['instrument_type', 'symbol', 'timeframe', firstOfMonth(ref('period_start'))])
        .select(({ ref }) => [
          'instrument_type',
          'symbol',
          'timeframe',
          firstOfMonth(ref('period_start')).as('month'),
          min(ref('period_start')).ofGroup().as('day'),
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
            .on(({ eb, ref }) => eb('verified.month', '=', firstOfMonth(ref('object.period_start')))),
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
          const isDaily = eb('object.cadence', '=', 'daily');
          const status = eb.ref('staged.status');
          const isUnread = holds(eb(status, 'not in', ['staged', 'loaded']), { ifUnknown: true });
          // A month is listed whole, whenever trading began in it: its rows, or its daily archives, tell from when on (A11).
          const firstDay = eb.fn.coalesce('first.day', 'object.period_start');
          const begins = eb.fn.coalesce('staged.first_open_time', choose([[isUnread, firstDay]]));
          const lastEnd = max(eb.ref('object.period_end'));
          const lastMonth = max(eb.ref('object.period_start')).filter(eb.not(isDaily));
          return [
            'object.instrument_type',
            'object.symbol',
            'object.timeframe',
            // A month that a series ended in is listed whole; its daily archives say on which day.
            neverNull(choose([[eb(lastEnd.filter(isDaily), '>', lastMonth), lastEnd.filter(isDaily)]], lastEnd)).as(
              'listed_until',
            ),
            max(eb.ref('object.listed_at')).ofGroup().as('listed_at'),
            holds(anyTrue(isDaily)).as('has_daily'),
            min(begins)
              .filter(eb('verified.month', 'is', null))
              .as('unread_from'),
            min(begins)
              .filter(eb('verified.month', 'is not', null))
              .as('doubted_from'),
          ];
        }),
    )
    .with('series_due', (due) =>
      due
        .selectFrom('series_listed')
        .selectAll()
        .select((eb) => {
          const newest = max(eb.ref('listed_until')).over({
            partitionBy: [eb.ref('instrument_type'), eb.ref('timeframe')],
          });
          const deliveredAfter = addDays(deliveryDay(eb.ref('instrument_type'), eb.ref('symbol')), 1);
          return [
            newest.as('newest'),
            // `least` passes over NULL: only a delivery contract has a last day.
            least(newest, deliveredAfter).as('due'),
          ];
        }),
    )
    .with('series_published', (published) =>
      published
        .selectFrom('series_due')
        .selectAll()
        .select((eb) => {
          const [listed, due] = [eb.ref('listed_until'), eb.ref('due')];
          const patience = choose([[eb.ref('has_daily'), addDays(listed, daysLate)]], addMonths(listed, 1));
          return choose([[eb.between(due, listed, patience), due]], listed).as('published_until');
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
          'unread_from',
          'doubted_from',
          'published_until',
        ])
        .select((eb) => [
          holds(eb('published_until', '<', eb.ref('newest'))).as('has_ended'),
          shift(deliveryDay(eb.ref('instrument_type'), eb.ref('symbol')), { hours: deliveryHour }).as('delivered_at'),
        ]),
    );
