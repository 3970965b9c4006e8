import { type Expression, type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { figures as figuresOfLine, inexact, pairs, wholes } from '../../exchange/bar-rules.ts';
import type { Database } from '../schema.ts';
import { instant } from './calendar.ts';

const keyColumns = ['instrument_type', 'symbol', 'timeframe', 'timestamp'] as const;
const figures = [
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
] as const;

const infinite = sql`'inf'::DOUBLE`;

type Lines = ExpressionBuilder<Database, 'staged_klines'> | ExpressionBuilder<Database, 'overlapping_klines'>;

/**
 * The bar of a line, without a `data_source` where its values cannot be believed (A11, A14): the table refuses a NULL
 * there, and with it the whole build. To DuckDB a NaN is larger than any other double, so the rules of pairs hold a value
 * between 0 and infinity by its neighbours.
 */
export function barOf(lines: Lines) {
  const ref = lines.ref as (name: string) => Expression<unknown>;
  const double = (name: string) => cast('DOUBLE', ref(name));
  const smallest = figuresOfLine.filter((name) => pairs.every(({ greater }) => greater !== name));
  const largest = figuresOfLine.filter((name) => pairs.every(({ lesser }) => lesser !== name));
  const conditions = [
    ...smallest.map((name) => sql`${double(name)} >= 0`),
    ...pairs.map(({ lesser, greater }) => sql`${double(lesser)} <= ${double(greater)}`),
    ...largest.map((name) => sql`${double(name)} < ${infinite}`),
    ...wholes.map(double).map((whole) => sql`floor(${whole}) = ${whole} and abs(${whole}) < ${sql.lit(inexact)}`),
  ];
  return [
    cast('VARCHAR', ref('symbol')).as('symbol'),
    cast('VARCHAR', ref('timeframe')).as('timeframe'),
    cast('VARCHAR', ref('instrument_type')).as('instrument_type'),
    instant(ref('open_time')).as('timestamp'),
    double('open').as('open'),
    double('high').as('high'),
    double('low').as('low'),
    double('close').as('close'),
    double('volume').as('volume'),
    instant(double('close_time')).as('close_time'),
    double('quote_volume').as('quote_asset_volume'),
    cast('BIGINT', double('count')).as('number_of_trades'),
    double('taker_buy_volume').as('taker_buy_base_asset_volume'),
    double('taker_buy_quote_volume').as('taker_buy_quote_asset_volume'),
    cast('VARCHAR', sql`case when ${sql.join(conditions, sql` and `)} then ${ref('data_source')} end`).as(
      'data_source',
    ),
  ] as const;
}

/**
 * Every bar of `overlapping_klines` once, in the order in which they are stored: the daily archive's where a monthly one differs
 * (A12), labelled monthly where both say the same, whichever was at hand first; the exchange's own where no archive has
 * it. Where one file says two things of a bar, it has no `data_source` either.
 */
export const chosenBars = (db: Kysely<Database>) =>
  db
    .selectFrom(({ selectFrom }) =>
      selectFrom(selectFrom('overlapping_klines').select(barOf).as('bar'))
        .selectAll()
        .select(({ ref }) => {
          const bar = sql`over (partition by ${sql.join(keyColumns.map((name) => ref(name)))})`;
          const values = sql`hash(${sql.join(figures.map((name) => ref(name)))})`;
          const agree = (of: Expression<unknown>) =>
            sql`coalesce(min(${values}) ${of} ${bar} = max(${values}) ${of} ${bar}, true)`;
          const each = ['daily', 'monthly', 'rest'].map((one) =>
            agree(sql`filter (where ${ref('data_source')} = ${sql.lit(one)})`),
          );
          const archived = sql`filter (where ${ref('data_source')} <> 'rest')`;
          return [
            cast(
              'BOOLEAN',
              sql`count(*) ${bar} = count(${ref('data_source')}) ${bar} and ${sql.join(each, sql` and `)}`,
            ).as('is_believable'),
            cast('BOOLEAN', agree(archived)).as('is_agreed'),
            cast('VARCHAR', sql`coalesce(max(${ref('data_source')}) ${archived} ${bar}, ${ref('data_source')})`).as(
              'last_source',
            ),
            cast(
              'BIGINT',
              sql`row_number() over (partition by ${sql.join(keyColumns.map((name) => ref(name)))} order by ${ref('data_source')})`,
            ).as('choice'),
          ];
        })
        .as('bar'),
    )
    .where('choice', '=', 1n)
    .orderBy('instrument_type')
    .orderBy('timeframe')
    .orderBy('symbol')
    .orderBy('timestamp')
    .select(({ ref }) => [
      'symbol',
      'timeframe',
      'instrument_type',
      'timestamp',
      ...figures,
      cast(
        'VARCHAR',
        sql`case when not ${ref('is_believable')} then NULL when ${ref('is_agreed')} then ${ref('last_source')} else ${ref('data_source')} end`,
      ).as('data_source'),
    ]);
