import { type Expression, type ExpressionBuilder, expressionBuilder, type Kysely } from 'kysely';
import {
  cast,
  dateLiteral,
  divide,
  literal,
  max,
  min,
  minus,
  nullIf,
  round,
  times,
  unnestDays,
} from '../engine/vocabulary/index.ts';
import type { Database } from '../models/schema.ts';

type Amount = number | bigint | null;

/** The share of a part in percent, to four digits; NULL of nothing. */
export const percentOf = (part: Expression<Amount>, whole: Expression<Amount>) =>
  round(divide(times(cast('DOUBLE', part), 100), nullIf(cast('DOUBLE', whole), 0)), 4);

/** The change since before in percent, to four digits; NULL where there is nothing to compare with. */
export const changePercent = (now: Expression<number | null>, before: Expression<number | null>) =>
  round(times(minus(divide(now, nullIf(before, 0)), 1), 100), 4);

/**
 * True if a symbol traded on a day of `daily_availability`: its bar has trades, or, without a bar (volumes are not
 * collected, or an archive was rejected), its archive is listed. A settled contract publishes flat bars for years
 * without trading (A13).
 */
export const traded = (row: ExpressionBuilder<Database, 'daily_availability'>) =>
  cast('BOOLEAN', row.fn.coalesce(row('trade_count', '>', 0n), row.ref('available')));

/** Selects every calendar day from a symbol's first row to its last, so that a day without a row is visible. */
export const symbolCalendar = (db: Kysely<Database>, table: 'daily_availability' | 'volume_rankings', symbol: string) =>
  db
    .selectFrom(table)
    .where('symbol', '=', symbol)
    .select(({ ref }) => [literal(symbol).as('symbol'), unnestDays(min(ref('date')), max(ref('date'))).as('date')]);

/** Selects the first and the last day of a table, or of one symbol in it. */
export const coveredDays = (
  db: Kysely<Database>,
  table: 'daily_availability' | 'volume_rankings',
  { symbol }: { readonly symbol?: string } = {},
) =>
  db
    .selectFrom(table)
    .$if(symbol !== undefined, (rows) => rows.where('symbol', '=', symbol as string))
    .select(({ ref }) => [min(ref('date')).as('first'), max(ref('date')).as('last')]);

/** Whether a day is in a half-open range; an open side takes all. */
export function inRange(
  day: Expression<Date>,
  { start, end }: { readonly start: Date | undefined; readonly end: Date | undefined },
) {
  const eb = expressionBuilder<Database>();
  return eb.and([
    ...(start === undefined ? [] : [eb(day, '>=', dateLiteral(start))]),
    ...(end === undefined ? [] : [eb(day, '<', dateLiteral(end))]),
  ]);
}
