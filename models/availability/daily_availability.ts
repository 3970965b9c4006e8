import type { Expression, Kysely } from 'kysely';
import type { Vars } from '../../engine/index.ts';
import {
  cast,
  choose,
  concat,
  dayOf,
  holds,
  neverNull,
  percentEncode,
  unnestDays,
} from '../../engine/vocabulary/index.ts';
import { type ArchiveKey, formatKey, publicArchive } from '../../exchange/keys.ts';
import { defineModel } from '../define.ts';
import type { Database } from '../schema.ts';
import { instrumentType, listedDays } from './listed_spans.ts';

/** The nine figures, as daily_availability names them. */
const figures = [
  'quote_volume_usdt',
  'trade_count',
  'volume_base',
  'taker_buy_volume_base',
  'taker_buy_quote_volume_usdt',
  'open_price',
  'high_price',
  'low_price',
  'close_price',
] as const;

/** A row for each day on which a symbol is listed, or was not long ago; its URL but for the day is the same every day. */
const symbolDays = (db: Kysely<Database>, vars: Vars) =>
  db
    .with('spans', (spans) =>
      spans
        .selectFrom('listed_spans')
        .select(({ ref }) => [
          'symbol',
          'first_date',
          'last_date',
          publicUrlUpToDay(ref('symbol'), vars.string('availability_timeframe')).as('url_up_to_day'),
        ]),
    )
    .selectFrom('spans')
    .select(({ ref }) => ['symbol', 'url_up_to_day', unnestDays(ref('first_date'), ref('last_date')).as('date')]);

/** The day's bar in the columns of daily_availability; in dollars only where the quote asset is one at par (A23). */
function bars(db: Kysely<Database>, vars: Vars) {
  if (!vars.boolean('collect_volume'))
    return db.selectFrom('daily_availability').select(['symbol', 'date', ...figures]);
  return db
    .selectFrom('ohlcv')
    .innerJoin('symbols', (join) =>
      join.onRef('symbols.instrument_type', '=', 'ohlcv.instrument_type').onRef('symbols.symbol', '=', 'ohlcv.symbol'),
    )
    .where('ohlcv.instrument_type', '=', instrumentType)
    .where('ohlcv.timeframe', '=', '1d')
    .select(({ eb, ref }) => {
      const isAtPar = eb('symbols.quote_asset', 'in', vars.strings('usd_quote_assets'));
      return [
        'ohlcv.symbol',
        dayOf(ref('ohlcv.timestamp')).as('date'),
        choose([[isAtPar, ref('ohlcv.quote_asset_volume')]]).as('quote_volume_usdt'),
        'ohlcv.number_of_trades as trade_count',
        'ohlcv.volume as volume_base',
        'ohlcv.taker_buy_base_asset_volume as taker_buy_volume_base',
        choose([[isAtPar, ref('ohlcv.taker_buy_quote_asset_volume')]]).as('taker_buy_quote_volume_usdt'),
        'ohlcv.open as open_price',
        'ohlcv.high as high_price',
        'ohlcv.low as low_price',
        'ohlcv.close as close_price',
      ];
    });
}

/** Returns the constant parts of a daily archive's key: before, between and after its two symbols and its day. */
function textsOfKey(timeframe: string): readonly string[] {
  const key = { instrument_type: instrumentType, cadence: 'daily', symbol: '*', timeframe, period: '*' };
  return formatKey(key as ArchiveKey).split('*');
}

/** The URL of a symbol's daily archives, listed or not, up to the day; always on the public host (A22). */
function publicUrlUpToDay(symbol: Expression<string>, timeframe: string) {
  const name = percentEncode(symbol);
  const [tree = '', between = '', upToDay = ''] = textsOfKey(timeframe);
  return concat(publicArchive, tree, name, between, name, upToDay);
}

export default defineModel('daily_availability', {
  sources: {
    listed_spans: { by: { date: ['first_date', 'last_date'] } },
    archive_objects: { by: { date: 'period_start' } },
    ohlcv: { by: { date: 'timestamp' } },
    symbols: { through: 'ohlcv', on: ['instrument_type', 'symbol'] },
  },

  query: ({ db, vars, asOf }) =>
    db
      .with('states', (states) =>
        states
          .selectFrom(symbolDays(db, vars).as('day'))
          .leftJoin(listedDays(db, vars).as('listed'), (join) =>
            join.onRef('listed.symbol', '=', 'day.symbol').onRef('listed.date', '=', 'day.date'),
          )
          .select((eb) => {
            const extension = textsOfKey(vars.string('availability_timeframe')).at(-1) ?? '';
            return [
              'day.date',
              'day.symbol',
              holds(eb('listed.key', 'is not', null)).as('available'),
              'listed.size_bytes as file_size_bytes',
              'listed.last_modified',
              concat(eb.ref('day.url_up_to_day'), cast('VARCHAR', eb.ref('day.date')), extension).as('url'),
              choose([[eb('listed.key', 'is', null), 404]], 200).as('status_code'),
            ];
          }),
      )
      .selectFrom('states as state')
      .leftJoin('daily_availability as before', (join) =>
        join.onRef('before.symbol', '=', 'state.symbol').onRef('before.date', '=', 'state.date'),
      )
      .leftJoin(bars(db, vars).as('bar'), (join) =>
        join.onRef('bar.symbol', '=', 'state.symbol').onRef('bar.date', '=', 'state.date'),
      )
      .orderBy('state.date')
      .orderBy('state.symbol')
      .select(({ and, eb, ref }) => {
        const isUnchanged = and(
          (['available', 'file_size_bytes', 'last_modified', 'url'] as const).map((name) =>
            eb(`before.${name}`, 'is not distinct from', ref(`state.${name}`)),
          ),
        );
        return [
          'state.date',
          'state.symbol',
          'state.available',
          'state.file_size_bytes',
          'state.last_modified',
          'state.url',
          'state.status_code',
          choose([[isUnchanged, neverNull(ref('before.probe_timestamp'))]], asOf).as('probe_timestamp'),
          'bar.quote_volume_usdt',
          'bar.trade_count',
          'bar.volume_base',
          'bar.taker_buy_volume_base',
          'bar.taker_buy_quote_volume_usdt',
          'bar.open_price',
          'bar.high_price',
          'bar.low_price',
          'bar.close_price',
        ];
      }),
});
