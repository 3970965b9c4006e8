import { formatDay, PipelineError } from '../../engine/index.ts';
import { abs, cast, decimal, holds, lag, meanOfDecimals, minus, round } from '../../engine/vocabulary/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { drawCalendar } from '../draw/calendar.ts';
import { drawRank, drawVolume } from '../draw/trend.ts';
import { wholeNumber } from '../parameters/parameter.ts';
import { day, dayOptions, describeCovered } from '../parameters/range.ts';
import { symbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { changePercent, coveredDays, inRange, symbolCalendar, traded } from '../sql.ts';

/** Which symbols had data on a day. */
export const snapshot = defineQuestion({
  name: 'snapshot',
  description: 'Symbols that are available on a day.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .selectFrom('daily_availability')
      .where('date', '=', date)
      .where('available', '=', true)
      .orderBy('symbol')
      .select((eb) => [
        'date',
        'symbol',
        traded(eb).as('traded'),
        'quote_volume_usdt',
        'trade_count',
        'close_price',
        'file_size_bytes',
        'last_modified',
      ]),
  units: () => ({ quote_volume_usdt: 'USDT at par', close_price: 'quote asset', file_size_bytes: 'bytes' }),
  examples: ['snapshot 2025-06-17', 'snapshot latest --format csv'],
});

/** The largest contracts of a day by turnover. */
export const top = defineQuestion({
  name: 'top',
  description: 'The largest perpetual contracts of a day by turnover.',
  parameters: { date: day('volume_rankings'), limit: wholeNumber('--limit <n>', 'contracts to show', 20) },
  query: (db, { date, limit }) =>
    db
      .selectFrom('volume_rankings')
      .where('date', '=', date)
      .orderBy('rank')
      .orderBy('symbol')
      .limit(limit)
      .select([
        'date',
        'rank',
        'symbol',
        'quote_volume_usdt',
        'market_share_pct',
        'trade_count',
        'rank_change_1d',
        'rank_change_7d',
        'rank_change_30d',
        'days_available',
      ]),
  units: () => ({
    quote_volume_usdt: 'USDT',
    market_share_pct: 'percent of the ranked turnover',
    rank_change_1d: 'ranks, negative is up',
    rank_change_7d: 'ranks, negative is up',
    rank_change_30d: 'ranks, negative is up',
  }),
  examples: ['top 2025-06-17 --limit 100', 'top latest'],
});

/** A symbol's rank, for every day of the calendar from its first to its last; a day without a rank is a gap. */
export const rank = defineQuestion({
  name: 'rank',
  description: "A symbol's rank by turnover, day by day.",
  parameters: { symbol: symbol('volume_rankings'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .selectFrom(symbolCalendar(db, 'volume_rankings', symbol).as('calendar'))
      .leftJoin('volume_rankings as day', (join) =>
        join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
      )
      .where((eb) => inRange(eb.ref('calendar.date'), { start, end }))
      .orderBy('calendar.date')
      .select([
        'calendar.date',
        'calendar.symbol',
        'day.rank',
        'day.rank_change_1d',
        'day.rank_change_7d',
        'day.rank_change_30d',
        'day.quote_volume_usdt',
        'day.market_share_pct',
        'day.percentile',
      ]),
  covers: (db, values) => coveredDays(db, 'volume_rankings', values),
  units: () => ({
    rank_change_1d: 'ranks, negative is up',
    rank_change_7d: 'ranks, negative is up',
    rank_change_30d: 'ranks, negative is up',
    quote_volume_usdt: 'USDT',
    market_share_pct: 'percent of the ranked turnover',
    percentile: 'percent of the ranked contracts that are larger',
  }),
  draw: (days, canvas) => drawRank(days, canvas),
  examples: ['rank ETHUSDT', 'rank ETHUSDT --start 2025-06-01 --end 2025-07-01 --format csv'],
});

/**
 * A symbol's turnover with its trend, for every day of the calendar from its first to its last, so that a day without
 * a row shows as a gap. Means are of the days that have a figure. Windows are counted before `start` and `end` cut
 * (B2), in days of the calendar (B3).
 */
export const volume = defineQuestion({
  name: 'volume',
  description: "A symbol's turnover, day by day, and its trend.",
  parameters: { symbol: symbol('daily_availability'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .with('trend', (trend) =>
        trend
          .selectFrom(symbolCalendar(db, 'daily_availability', symbol).as('calendar'))
          .leftJoin('daily_availability as day', (join) =>
            join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
          )
          .select((eb) => {
            const amount = eb.ref('day.quote_volume_usdt');
            const date = eb.ref('calendar.date');
            const mean = (days: number) =>
              round(meanOfDecimals(decimal(amount, 38, 10)).over({ orderBy: date, rows: { preceding: days - 1 } }), 2);
            const change = (days: number) => changePercent(amount, lag(amount, days).over({ orderBy: date }));
            return [
              'calendar.date',
              'calendar.symbol',
              'day.available',
              'day.quote_volume_usdt',
              'day.volume_base',
              'day.trade_count',
              mean(7).as('mean_7d'),
              mean(30).as('mean_30d'),
              change(1).as('change_1d_pct'),
              change(7).as('change_7d_pct'),
            ];
          }),
      )
      .selectFrom('trend')
      .where((eb) => inRange(eb.ref('date'), { start, end }))
      .orderBy('date')
      .select((eb) => [
        'date',
        'symbol',
        holds(eb.ref('available')).as('available'),
        'quote_volume_usdt',
        'volume_base',
        'trade_count',
        'mean_7d',
        'mean_30d',
        'change_1d_pct',
        'change_7d_pct',
      ]),
  covers: (db, values) => coveredDays(db, 'daily_availability', values),
  units: () => ({
    quote_volume_usdt: 'USDT at par',
    mean_7d: 'USDT at par',
    mean_30d: 'USDT at par',
    volume_base: 'base asset',
    change_1d_pct: 'percent',
    change_7d_pct: 'percent',
  }),
  draw: (days, canvas) => drawVolume(days, canvas),
  examples: ['volume BTCUSDT', 'volume BTCUSDT --start 2025-06-01 --end 2025-07-01 --output btc.parquet'],
});

/** A symbol's rows for every calendar day from its first to its last. */
export const timeline = defineQuestion({
  name: 'timeline',
  description: "A symbol's availability, day by day.",
  parameters: { symbol: symbol('daily_availability'), ...dayOptions },
  query: (db, { symbol, start, end }) =>
    db
      .selectFrom(symbolCalendar(db, 'daily_availability', symbol).as('calendar'))
      .leftJoin('daily_availability as day', (join) =>
        join.onRef('day.symbol', '=', 'calendar.symbol').onRef('day.date', '=', 'calendar.date'),
      )
      .where((eb) => inRange(eb.ref('calendar.date'), { start, end }))
      .orderBy('calendar.date')
      .select((eb) => {
        const available = holds(eb.ref('day.available'));
        return [
          'calendar.date',
          'calendar.symbol',
          available.as('available'),
          cast('BOOLEAN', eb.fn.coalesce(eb('day.trade_count', '>', 0n), available)).as('traded'),
          'day.quote_volume_usdt',
          'day.trade_count',
          'day.close_price',
          'day.file_size_bytes',
          'day.last_modified',
        ];
      }),
  covers: (db, values) => coveredDays(db, 'daily_availability', values),
  units: () => ({ quote_volume_usdt: 'USDT at par', close_price: 'quote asset', file_size_bytes: 'bytes' }),
  draw: (days, canvas) => drawCalendar(days, canvas),
  examples: ['timeline BTCUSDT', 'timeline btc/usdt --start 2025-06-01 --end 2025-07-01 --format csv'],
});

const daysBefore = (date: Date, days: number) => new Date(date.getTime() - days * msOfDay);

/** Contracts whose rank changed most since some calendar days before. */
export const movers = defineQuestion({
  name: 'movers',
  description: 'Contracts whose rank changed most since some days before.',
  parameters: {
    date: day('volume_rankings'),
    window: wholeNumber('--window <days>', 'calendar days to look back', 7),
    limit: wholeNumber('--limit <n>', 'contracts to show', 20),
  },
  query: (db, { date, window, limit }) =>
    db
      .selectFrom('volume_rankings as now')
      .innerJoin('volume_rankings as before', 'before.symbol', 'now.symbol')
      .where('now.date', '=', date)
      .where('before.date', '=', daysBefore(date, window))
      .orderBy(({ ref }) => abs(minus(ref('now.rank'), ref('before.rank'))), 'desc')
      .orderBy('now.rank')
      .orderBy('now.symbol')
      .limit(limit)
      .select((eb) => [
        'now.date',
        'now.symbol',
        'now.rank',
        'before.rank as rank_before',
        cast('INTEGER', minus(eb.ref('now.rank'), eb.ref('before.rank'))).as('rank_change'),
        'now.quote_volume_usdt',
        'before.quote_volume_usdt as quote_volume_usdt_before',
        changePercent(eb.ref('now.quote_volume_usdt'), eb.ref('before.quote_volume_usdt')).as('volume_change_pct'),
      ]),
  async check({ db, rows }, { date, window }) {
    const before = daysBefore(date, window);
    const ranked = await rows(db.selectFrom('volume_rankings').where('date', '=', before).limit(1).select('date'));
    if (ranked.length > 0) return [`compared with ${formatDay(before)}`];
    const [covered] = await rows(coveredDays(db, 'volume_rankings'));
    throw new PipelineError('USAGE', `volume_rankings has no row of ${formatDay(before)}, ${window} days before`, {
      key: 'window',
      value: String(window),
      hint: `take another window or a later day: ${describeCovered(covered)}`,
    });
  },
  units: () => ({
    rank_change: 'ranks, negative is up',
    quote_volume_usdt: 'USDT',
    quote_volume_usdt_before: 'USDT',
    volume_change_pct: 'percent',
  }),
  examples: ['movers 2025-06-17', 'movers latest --window 30 --limit 10'],
});
