import type { Expression } from 'kysely';
import {
  anyTrue,
  cast,
  epochMicroseconds,
  holds,
  joinTexts,
  list,
  match,
  min,
  neverNull,
  rowsDigest,
  texts,
  tryCast,
  unnestPairs,
} from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';
import { archivesAtHand, builtMonths } from './archives_at_hand.ts';
import { instant } from './calendar.ts';

/** Published column → its name in `ohlcv`. */
const columnOf = {
  open: 'open',
  high: 'high',
  low: 'low',
  close: 'close',
  volume: 'volume',
  close_time: 'close_time',
  quote_volume: 'quote_asset_volume',
  count: 'number_of_trades',
  taker_buy_volume: 'taker_buy_base_asset_volume',
  taker_buy_quote_volume: 'taker_buy_quote_asset_volume',
} as const;
const published = Object.keys(columnOf) as (keyof typeof columnOf)[];

const barColumns = ['instrument_type', 'symbol', 'timeframe', 'timestamp'] as const;

/**
 * The figures in which a monthly and a daily archive differ for the same bar (A12), one row each. `ohlcv` has the daily
 * figures, so only its bars from daily archives are compared, and only in months for which both kinds are staged.
 */
export default defineModel('conflicts', {
  inputs: ({ db }) =>
    db
      .with('months', (months) =>
        months
          .selectFrom(archivesAtHand(db).select('cadence').as('archive'))
          .groupBy(['instrument_type', 'symbol', 'timeframe', 'month'])
          .having(({ and, eb }) =>
            and([holds(anyTrue(eb('cadence', '=', 'daily'))), holds(anyTrue(eb('cadence', '=', 'monthly')))]),
          )
          .select((eb) => [
            'instrument_type',
            'symbol',
            'timeframe',
            'month',
            rowsDigest(eb.ref('key'), eb.ref('sha256')).as('digest'),
          ]),
      )
      .selectFrom('months')
      .innerJoin(builtMonths(db).as('built'), (join) =>
        join
          .onRef('built.instrument_type', '=', 'months.instrument_type')
          .onRef('built.symbol', '=', 'months.symbol')
          .onRef('built.timeframe', '=', 'months.timeframe')
          .onRef('built.month', '=', 'months.month'),
      )
      .select(({ ref }) => [
        'months.instrument_type',
        'months.symbol',
        'months.timeframe',
        'months.month',
        joinTexts('/', ref('months.digest'), ref('built.digest')).as('digest'),
      ]),

  sources: { ohlcv: {} },

  query: ({ db }) =>
    db
      .with('daily_bars', (daily) =>
        daily
          .selectFrom('ohlcv as bar')
          .where('bar.data_source', '=', 'daily')
          .select(['bar.instrument_type', 'bar.symbol', 'bar.timeframe', 'bar.timestamp']),
      )
      .with('texts', (lines) =>
        lines
          .selectFrom('overlapping_klines as line')
          .innerJoin('daily_bars as bar', (join) =>
            join
              .onRef('bar.instrument_type', '=', 'line.instrument_type')
              .onRef('bar.symbol', '=', 'line.symbol')
              .onRef('bar.timeframe', '=', 'line.timeframe')
              .on(({ eb, ref }) => eb('bar.timestamp', '=', instant(ref('line.open_time')))),
          )
          .select(({ ref }) => {
            const names = texts(published.map((name) => columnOf[name]));
            const [name, text] = unnestPairs(names, list(...published.map((name) => ref(`line.${name}`))));
            return [
              'bar.instrument_type',
              'bar.symbol',
              'bar.timeframe',
              'bar.timestamp',
              'line.data_source as cadence',
              'line.archive_key as key',
              name.as('column_name'),
              text.as('text'),
            ];
          }),
      )
      .with('figures', (figures) =>
        figures
          .selectFrom('texts')
          .groupBy([...barColumns, 'column_name'])
          .select(({ eb, ref }) => {
            // A row may stand twice in its archive (A10).
            const of = (cadence: 'monthly' | 'daily', value: Expression<string>) =>
              neverNull(min(value).filter(eb('cadence', '=', cadence)));
            return [
              ...barColumns,
              of('monthly', ref('key')).as('monthly_key'),
              of('daily', ref('key')).as('daily_key'),
              'column_name',
              of('monthly', ref('text')).as('monthly_value'),
              of('daily', ref('text')).as('daily_value'),
            ];
          }),
      )
      .selectFrom('figures')
      .where('monthly_key', 'is not', null)
      .where(({ eb, ref }) => {
        const stored = (text: Expression<string>) =>
          match(
            ref('column_name'),
            [['close_time', cast('DOUBLE', epochMicroseconds(instant(text)))]],
            tryCast('DOUBLE', text),
          );
        return eb(stored(ref('monthly_value')), 'is distinct from', stored(ref('daily_value')));
      })
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('timestamp')
      .orderBy('column_name')
      .selectAll(),
});
