import { type Expression, type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { cast, formatDay } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';

/** A day as a SQL literal: `2025-06-17`. */
export const dayLiteral = (day: Date) => cast('DATE', sql.lit(formatDay(day)));

export const count = () => cast('BIGINT', sql`count(*)`);

export const countWhere = (condition: Expression<unknown>) => cast('BIGINT', sql`count(*) filter (where ${condition})`);

/** The share of a part in percent, rounded to four decimals; NULL if the whole is 0. */
export const percentOf = (part: Expression<unknown>, whole: Expression<unknown>) =>
  cast.nullable('DOUBLE', sql`round(100 * ${part} / nullif(${whole}, 0), 4)`);

/** The change in percent, rounded to four decimals; NULL if there is no earlier value. */
export const changePercent = (now: Expression<unknown>, before: Expression<unknown>) =>
  cast.nullable('DOUBLE', sql`round(100 * (${now} / nullif(${before}, 0) - 1), 4)`);

/**
 * True if a symbol traded on a day of `daily_availability`: its bar has trades, or, without a bar (volumes are not
 * collected, or an archive was rejected), its archive is listed. A settled contract publishes flat bars for years
 * without trading (A13).
 */
export const traded = (row: ExpressionBuilder<Database, 'daily_availability'>) =>
  cast('BOOLEAN', sql`coalesce(${row.ref('trade_count')} > 0, ${row.ref('available')})`);

/** Selects every calendar day from a symbol's first row to its last, so that a day without a row is visible. */
export const symbolCalendar = (db: Kysely<Database>, table: 'daily_availability' | 'volume_rankings', symbol: string) =>
  db
    .selectFrom(table)
    .where('symbol', '=', symbol)
    .select((eb) => [
      cast('VARCHAR', sql.lit(symbol)).as('symbol'),
      cast('DATE', sql`unnest(generate_series(min(${eb.ref('date')}), max(${eb.ref('date')}), interval 1 day))`).as(
        'date',
      ),
    ]);

/** Selects the first and the last day of a table, or of one symbol in it. */
export const coveredDays = (
  db: Kysely<Database>,
  table: 'daily_availability' | 'volume_rankings',
  { symbol }: { readonly symbol?: string } = {},
) =>
  db
    .selectFrom(table)
    .$if(symbol !== undefined, (rows) => rows.where('symbol', '=', symbol as string))
    .select((eb) => [
      cast.nullable('DATE', sql`min(${eb.ref('date')})`).as('first'),
      cast.nullable('DATE', sql`max(${eb.ref('date')})`).as('last'),
    ]);

/** True if a day is in a half-open range; an open side has no limit. */
export const inRange = (
  day: Expression<Date>,
  { start, end }: { readonly start: Date | undefined; readonly end: Date | undefined },
) =>
  sql<boolean>`(${start === undefined ? sql`true` : sql`${day} >= ${dayLiteral(start)}`} and ${end === undefined ? sql`true` : sql`${day} < ${dayLiteral(end)}`})`;
