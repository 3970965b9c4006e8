import { type Expression, type Kysely, sql } from 'kysely';
import { cast, type Vars } from '../../engine/index.ts';
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

/** A row for each day on which a symbol is listed, or was not long ago; without the day its URL is the same every day. */
const symbolDays = (db: Kysely<Database>, vars: Vars) =>
  db
    .with('spans', (spans) =>
      spans
        .selectFrom('listed_spans')
        .select((eb) => [
          'symbol',
          'first_date',
          'last_date',
          publicUrlUpToDay(eb.ref('symbol'), vars.string('availability_timeframe')).as('url_up_to_day'),
        ]),
    )
    .selectFrom('spans')
    .select((eb) => [
      'symbol',
      'url_up_to_day',
      cast('DATE', sql`unnest(generate_series(${eb.ref('first_date')}, ${eb.ref('last_date')}, interval 1 day))`).as(
        'date',
      ),
    ]);

/** The day's bar in the columns of daily_availability; in dollars only where the quote asset is one at par (A23). */
function bars(db: Kysely<Database>, vars: Vars) {
  if (!vars.boolean('collect_volume'))
    return db.selectFrom('daily_availability').select(['symbol', 'date', ...figures]);
  const atPar = (amount: Expression<number>, quoteAsset: Expression<string | null>) =>
    cast.nullable(
      'DOUBLE',
      sql`case when ${quoteAsset} in (${sql.join(vars.strings('usd_quote_assets').map((asset) => sql.lit(asset)))}) then ${amount} end`,
    );
  return db
    .selectFrom('ohlcv')
    .innerJoin('symbols', (join) =>
      join.onRef('symbols.instrument_type', '=', 'ohlcv.instrument_type').onRef('symbols.symbol', '=', 'ohlcv.symbol'),
    )
    .where('ohlcv.instrument_type', '=', instrumentType)
    .where('ohlcv.timeframe', '=', '1d')
    .select((eb) => [
      'ohlcv.symbol',
      cast('DATE', eb.ref('ohlcv.timestamp')).as('date'),
      atPar(eb.ref('ohlcv.quote_asset_volume'), eb.ref('symbols.quote_asset')).as('quote_volume_usdt'),
      'ohlcv.number_of_trades as trade_count',
      'ohlcv.volume as volume_base',
      'ohlcv.taker_buy_base_asset_volume as taker_buy_volume_base',
      atPar(eb.ref('ohlcv.taker_buy_quote_asset_volume'), eb.ref('symbols.quote_asset')).as(
        'taker_buy_quote_volume_usdt',
      ),
      'ohlcv.open as open_price',
      'ohlcv.high as high_price',
      'ohlcv.low as low_price',
      'ohlcv.close as close_price',
    ]);
}

/** What the key of a daily archive has before, between and after its symbol, its symbol again, and its day. */
function textsOfKey(timeframe: string): readonly Expression<string>[] {
  const key = { instrument_type: instrumentType, cadence: 'daily', symbol: '*', timeframe, period: '*' };
  return formatKey(key as ArchiveKey)
    .split('*')
    .map((text) => sql.lit(text));
}

/** Where a symbol's archives are, or would be, up to the day, whatever host they were listed on (A22). */
function publicUrlUpToDay(symbol: Expression<string>, timeframe: string) {
  const name = sql`replace(url_encode(${symbol}), '+', '%20')`;
  const [tree, between, upToDay] = textsOfKey(timeframe);
  return cast('VARCHAR', sql`${sql.lit(publicArchive)} || ${tree} || ${name} || ${between} || ${name} || ${upToDay}`);
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
            const extension = textsOfKey(vars.string('availability_timeframe')).at(-1);
            return [
              'day.date',
              'day.symbol',
              cast('BOOLEAN', eb('listed.key', 'is not', null)).as('available'),
              'listed.size_bytes as file_size_bytes',
              'listed.last_modified',
              cast('VARCHAR', sql`${eb.ref('day.url_up_to_day')} || ${eb.ref('day.date')} || ${extension}`).as('url'),
              cast('INTEGER', sql`case when ${eb.ref('listed.key')} is null then 404 else 200 end`).as('status_code'),
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
      .select((eb) => [
        'state.date',
        'state.symbol',
        'state.available',
        'state.file_size_bytes',
        'state.last_modified',
        'state.url',
        'state.status_code',
        cast(
          'TIMESTAMP',
          sql`case
            when ${eb.ref('before.available')} is not distinct from ${eb.ref('state.available')}
              and ${eb.ref('before.file_size_bytes')} is not distinct from ${eb.ref('state.file_size_bytes')}
              and ${eb.ref('before.last_modified')} is not distinct from ${eb.ref('state.last_modified')}
              and ${eb.ref('before.url')} is not distinct from ${eb.ref('state.url')}
            then ${eb.ref('before.probe_timestamp')} else ${asOf} end`,
        ).as('probe_timestamp'),
        'bar.quote_volume_usdt',
        'bar.trade_count',
        'bar.volume_base',
        'bar.taker_buy_volume_base',
        'bar.taker_buy_quote_volume_usdt',
        'bar.open_price',
        'bar.high_price',
        'bar.low_price',
        'bar.close_price',
      ]),
});
