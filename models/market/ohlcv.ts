import { type Expression, type ExpressionBuilder, sql } from 'kysely';
import { cast, rowsDigest } from '../../engine/index.ts';
import { defineModel } from '../define.ts';
import type { Database } from '../schema.ts';
import { keyParts } from './archive_key.ts';

const atHand = ['staged', 'loaded'];

const keyColumns = ['instrument_type', 'symbol', 'timeframe', 'timestamp'] as const;
const priceFigures = ['open', 'high', 'low', 'close', 'volume', 'close_time'] as const;
const tradeFigures = [
  'quote_asset_volume',
  'number_of_trades',
  'taker_buy_base_asset_volume',
  'taker_buy_quote_asset_volume',
] as const;

/** ms as 13 digits, µs as 16, decided row by row (A2). */
const instant = (text: Expression<unknown>) => {
  const value = sql`cast(${text} as BIGINT)`;
  return cast(
    'TIMESTAMP',
    sql`make_timestamp(case when abs(${value}) >= 1000000000000000 then ${value} else ${value} * 1000 end)`,
  );
};

const number = (text: Expression<string>) => cast('DOUBLE', text);

/** Every bar of the staged archives; where a daily and a monthly archive both have it, the daily one's (A12). */
export default defineModel('ohlcv', {
  inputs: ({ db }) =>
    db
      .with('archives', (archives) =>
        archives
          .selectFrom('staged_archives')
          .where('status', 'in', atHand)
          .select((eb) => {
            const { instrument_type, symbol, timeframe, month } = keyParts(eb.ref('key'));
            return [
              instrument_type.as('instrument_type'),
              symbol.as('symbol'),
              timeframe.as('timeframe'),
              month.as('month'),
              'key',
              'sha256',
            ];
          }),
      )
      .selectFrom('archives')
      .groupBy(['instrument_type', 'symbol', 'timeframe', 'month'])
      .select((eb) => [
        'instrument_type',
        'symbol',
        'timeframe',
        'month',
        rowsDigest(eb.ref('key'), eb.ref('sha256')).as('digest'),
      ]),

  query: ({ db }) =>
    db
      .with('archives', (archives) =>
        archives
          .selectFrom('staged_archives')
          .where('status', 'in', atHand)
          .select((eb) => {
            const { instrument_type, symbol, timeframe, cadence } = keyParts(eb.ref('key'));
            return [
              'key',
              instrument_type.as('instrument_type'),
              symbol.as('symbol'),
              timeframe.as('timeframe'),
              cadence.as('cadence'),
            ];
          }),
      )
      .with('bars', (bars) =>
        bars
          .selectFrom('staged_klines as line')
          .innerJoin('archives as archive', 'archive.key', 'line.archive_key')
          .select((eb) => [
            'archive.symbol',
            'archive.timeframe',
            'archive.instrument_type',
            instant(eb.ref('line.open_time')).as('timestamp'),
            number(eb.ref('line.open')).as('open'),
            number(eb.ref('line.high')).as('high'),
            number(eb.ref('line.low')).as('low'),
            number(eb.ref('line.close')).as('close'),
            number(eb.ref('line.volume')).as('volume'),
            instant(eb.ref('line.close_time')).as('close_time'),
            number(eb.ref('line.quote_volume')).as('quote_asset_volume'),
            cast('BIGINT', eb.ref('line.count')).as('number_of_trades'),
            number(eb.ref('line.taker_buy_volume')).as('taker_buy_base_asset_volume'),
            number(eb.ref('line.taker_buy_quote_volume')).as('taker_buy_quote_asset_volume'),
            'archive.cadence as data_source',
          ]),
      )
      .with('choices', (choices) =>
        choices.selectFrom('bars').select((eb) => {
          const bar = sql`(partition by ${sql.join(keyColumns.map((name) => eb.ref(name)))})`;
          const values = sql`hash(${sql.join([...priceFigures, ...tradeFigures].map((name) => eb.ref(name)))})`;
          const agree = sql`min(${values}) over ${bar} = max(${values}) over ${bar}`;
          return [
            ...keyColumns,
            ...priceFigures,
            ...tradeFigures,
            // Where both archives say the same, the source is the monthly one, whichever was at hand first.
            cast(
              'VARCHAR',
              sql`case when ${agree} then max(${eb.ref('data_source')}) over ${bar} else ${eb.ref('data_source')} end`,
            ).as('data_source'),
            cast(
              'BIGINT',
              sql`row_number() over (partition by ${sql.join(keyColumns.map((name) => eb.ref(name)))} order by ${eb.ref('data_source')})`,
            ).as('choice'),
          ];
        }),
      )
      .selectFrom('choices')
      .where('choice', '=', 1n)
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('timestamp')
      .select([
        'symbol',
        'timeframe',
        'instrument_type',
        'timestamp',
        'open',
        'high',
        'low',
        'close',
        'volume',
        'close_time',
        'quote_asset_volume',
        'number_of_trades',
        'taker_buy_base_asset_volume',
        'taker_buy_quote_asset_volume',
        'data_source',
      ]),

  rejects: ({ db }) =>
    db
      .with('judged', (judged) =>
        judged.selectFrom('staged_klines').select((eb) => ['archive_key as key', defect(eb).as('reason')]),
      )
      .with('duplicates', (duplicates) =>
        duplicates
          .selectFrom('staged_klines')
          .groupBy(['archive_key', 'open_time'])
          .having((eb) => eb(sql`count(distinct hash(${sql.join(valueColumns.map((name) => eb.ref(name)))}))`, '>', 1))
          .select((eb) => ['archive_key as key', cast('VARCHAR', eb.val('conflicting_duplicate')).as('reason')]),
      )
      .selectFrom((eb) =>
        eb
          .selectFrom('judged')
          .where('reason', 'is not', null)
          .select(['key', 'reason'])
          .unionAll(eb.selectFrom('duplicates').select(['key', 'reason']))
          .as('found'),
      )
      .groupBy('key')
      .orderBy('key')
      .select((eb) => ['key', cast('VARCHAR', sql`min(${eb.ref('reason')})`).as('reason')]),

  published: ({ db }) => [
    db
      .updateTable('staged_archives')
      .set({ status: 'loaded' })
      .where('status', '=', 'staged')
      .where(
        (eb) => {
          const { instrument_type, symbol, timeframe, month } = keyParts(eb.ref('key'));
          return cast('VARCHAR', sql`concat_ws('/', ${instrument_type}, ${symbol}, ${timeframe}, ${month})`);
        },
        'in',
        (eb) => eb.selectFrom('partition_state').where('model', '=', 'ohlcv').select('partition'),
      ),
  ],
});

const priceColumns = ['open', 'high', 'low', 'close'] as const;
const amountColumns = ['volume', 'quote_volume', 'taker_buy_volume', 'taker_buy_quote_volume'] as const;
const valueColumns = [...priceColumns, ...amountColumns, 'count'] as const;

/** Why the values of a line cannot be believed, or NULL (A11, A14). */
function defect(eb: ExpressionBuilder<Database, 'staged_klines'>) {
  const tried = (name: (typeof valueColumns)[number]) => sql`try_cast(${eb.ref(name)} as DOUBLE)`;
  const any = (tests: readonly unknown[]) => sql`(${sql.join(tests, sql` or `)})`;
  const notFinite = valueColumns.map((name) => sql`coalesce(not isfinite(${tried(name)}), true)`);
  // A cast to BIGINT alone would round `7.5` and store what nobody published.
  const notWhole = (['count', 'close_time'] as const).map(
    (name) => sql`coalesce(try_cast(${eb.ref(name)} as BIGINT) <> try_cast(${eb.ref(name)} as DOUBLE), true)`,
  );
  const negative = valueColumns.map((name) => sql`${tried(name)} < 0`);
  return cast.nullable(
    'VARCHAR',
    sql`case
      when ${any([...notFinite, ...notWhole])} then 'not_a_number'
      when ${any(negative)} then 'negative_value'
      when ${tried('low')} > least(${tried('open')}, ${tried('close')}) or ${tried('high')} < greatest(${tried('open')}, ${tried('close')}) then 'ohlc_nonsense'
    end`,
  );
}
