import type { Expression } from 'kysely';
import { cast, literal, type NullOf, type Operand, type Value, word } from './value.ts';

/** A DATE or a TIMESTAMP; TypeScript has one type for both. */
type Time = Date | null;

/** The run's clock. */
export const asOf = (): Value<Date> => cast('TIMESTAMP', word<Date>('as_of'));

/** A day as a constant. */
export const dateLiteral = (date: Date): Value<Date> => cast('DATE', literal(date.toISOString().slice(0, 10)));

/** The day that a time is on, as DATE. */
export const dayOf = <T extends Time>(time: Expression<T>): Value<Date | NullOf<T>> => cast('DATE', time);

/** The day so many days later. */
export const addDays = <T extends Time, N extends number | null>(
  date: Expression<T>,
  days: Operand<N>,
): Value<Date | NullOf<T | N>> => word('add_days', date, days);

/** The day so many months later; the last of its month where that has no such day. */
export const addMonths = <T extends Time>(date: Expression<T>, months: number): Value<Date | NullOf<T>> =>
  word('add_months', date, months);

/** Days from one DATE to another. */
export const daysBetween = <A extends Time, B extends Time>(
  from: Expression<A>,
  to: Expression<B>,
): Value<bigint | NullOf<A | B>> => word('days_between', from, to);

const microsecondsOf = { microseconds: 1, milliseconds: 1000, hours: 3_600_000_000, days: 86_400_000_000 } as const;

/** The time so much later, or earlier if negative, as TIMESTAMP. */
export function shift<T extends Time>(
  time: Expression<T>,
  by: Readonly<Partial<Record<keyof typeof microsecondsOf, number>>>,
): Value<Date | NullOf<T>> {
  const total = Object.entries(by).reduce((sum, [unit, n]) => sum + n * microsecondsOf[unit as 'days'], 0);
  return word('add_microseconds', time, total);
}

/** Microseconds since 1970. */
export const epochMicroseconds = <T extends Time>(time: Expression<T>): Value<bigint | NullOf<T>> =>
  word('epoch_microseconds', time);

/** Milliseconds since 1970. */
export const epochMilliseconds = <T extends Time>(time: Expression<T>): Value<bigint | NullOf<T>> =>
  word('epoch_milliseconds', time);

/** Months since January 1970. */
export const epochMonths = <T extends Time>(time: Expression<T>): Value<bigint | NullOf<T>> =>
  word('epoch_months', time);

export const fromEpochMicroseconds = <N extends bigint | null>(microseconds: Expression<N>): Value<Date | NullOf<N>> =>
  word('from_epoch_microseconds', microseconds);

/** The first instant of a month, counted from January 1970. */
export const fromEpochMonths = <N extends bigint | null>(months: Expression<N>): Value<Date | NullOf<N>> =>
  word('from_epoch_months', months);

/** The first day of the month that a time is in, as DATE. */
export const firstOfMonth = <T extends Time>(time: Expression<T>): Value<Date | NullOf<T>> =>
  word('first_of_month', time);

/** The beginning of the unit that a time is in, as TIMESTAMP; weeks begin on Monday. */
export const truncate = <T extends Time>(
  unit: 'day' | 'week' | 'month',
  time: Expression<T>,
): Value<Date | NullOf<T>> => word('truncate', time, unit);

/** The beginning of the bucket that a time is in, counted from an origin or, for parts of a day, from midnight. */
export const bucket = <T extends Time, O extends Time = Date>(
  milliseconds: number,
  time: Expression<T>,
  origin?: Expression<O>,
): Value<Date | NullOf<T | O>> =>
  origin === undefined ? word('bucket', time, milliseconds) : word('bucket_from', time, milliseconds, origin);

/** `2025-07-10T09:00:00Z`. */
export const formatInstant = <T extends Time>(time: Expression<T>): Value<string | NullOf<T>> =>
  word('format_instant', time);

/** The day of a text like `250627`; NULL for other texts. */
export const parseYymmdd = (text: Expression<string | null>): Value<Date | null> => word('parse_yymmdd', text);
