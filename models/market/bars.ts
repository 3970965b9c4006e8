import { type Expression, type ExpressionBuilder, expressionBuilder, type Kysely } from 'kysely';
import {
  abs,
  type Condition,
  cast,
  choose,
  count,
  floor,
  holds,
  infinity,
  max,
  min,
  neverNull,
  rowHash,
  rowNumber,
} from '../../engine/vocabulary/index.ts';
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

const { and, eb } = expressionBuilder<Database>();

type Lines = ExpressionBuilder<Database, 'staged_klines'> | ExpressionBuilder<Database, 'overlapping_klines'>;

/**
 * The bar of a line, without a `data_source` where its values cannot be believed (A11, A14): the table refuses a NULL
 * there, and with it the whole build. To DuckDB a NaN is larger than any other double, so the rules of pairs hold a value
 * between 0 and infinity by its neighbours.
 */
export function barOf(lines: Lines) {
  const ref = lines.ref as (name: string) => Expression<string>;
  const double = (name: string) => cast('DOUBLE', ref(name));
  const smallest = figuresOfLine.filter((name) => pairs.every(({ greater }) => greater !== name));
  const largest = figuresOfLine.filter((name) => pairs.every(({ lesser }) => lesser !== name));
  const isBelievable = and([
    ...smallest.map((name) => eb(double(name), '>=', 0)),
    ...pairs.map(({ lesser, greater }) => eb(double(lesser), '<=', double(greater))),
    ...largest.map((name) => eb(double(name), '<', infinity())),
    ...wholes.map(double).flatMap((whole) => [eb(floor(whole), '=', whole), eb(abs(whole), '<', inexact)]),
  ]);
  return [
    cast('VARCHAR', ref('symbol')).as('symbol'),
    cast('VARCHAR', ref('timeframe')).as('timeframe'),
    cast('VARCHAR', ref('instrument_type')).as('instrument_type'),
    neverNull(instant(ref('open_time'))).as('timestamp'),
    double('open').as('open'),
    double('high').as('high'),
    double('low').as('low'),
    double('close').as('close'),
    double('volume').as('volume'),
    neverNull(instant(double('close_time'))).as('close_time'),
    double('quote_volume').as('quote_asset_volume'),
    cast('BIGINT', double('count')).as('number_of_trades'),
    double('taker_buy_volume').as('taker_buy_base_asset_volume'),
    double('taker_buy_quote_volume').as('taker_buy_quote_asset_volume'),
    neverNull(choose([[isBelievable, ref('data_source')]])).as('data_source'),
  ] as const;
}

/**
 * Every bar of `overlapping_klines` once, in storage order. If a daily and a monthly archive differ, the daily one wins
 * (A12); if they agree, the bar is labelled monthly. A bar from the exchange stands in where no archive has it. A bar for
 * which one file has two different rows has no `data_source`.
 */
export const chosenBars = (db: Kysely<Database>) =>
  db
    .selectFrom(({ selectFrom }) =>
      selectFrom(selectFrom('overlapping_klines').select(barOf).as('bar'))
        .selectAll()
        .select((lines) => {
          const source = lines.ref('data_source');
          const bar = { partitionBy: keyColumns.map((name) => lines.ref(name)) };
          const values = rowHash(...figures.map((name) => lines.ref(name)));
          /** True if these lines say the same of the bar. */
          const agree = (of: Condition) =>
            holds(eb(min(values).filter(of).over(bar), '=', max(values).filter(of).over(bar)), { ifUnknown: true });
          const each = ['daily', 'monthly', 'rest'].map((one) => agree(eb(source, '=', one)));
          const archived = eb(source, '<>', 'rest');
          return [
            holds(and([eb(count().over(bar), '=', count(source).over(bar)), ...each])).as('is_believable'),
            agree(archived).as('is_agreed'),
            lines.fn.coalesce(max(source).filter(archived).over(bar), source).as('last_source'),
            rowNumber()
              .over({ ...bar, orderBy: source })
              .as('choice'),
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
      neverNull(
        choose([
          [and([ref('is_believable'), ref('is_agreed')]), ref('last_source')],
          [ref('is_believable'), ref('data_source')],
        ]),
      ).as('data_source'),
    ]);
