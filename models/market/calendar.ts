import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';

const second = 1_000_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Length in µs of the slots that begin at multiples of it since 1970. */
const aligned = {
  '1s': second,
  '1m': minute,
  '3m': 3 * minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '30m': 30 * minute,
  '1h': hour,
  '2h': 2 * hour,
  '4h': 4 * hour,
  '6h': 6 * hour,
  '8h': 8 * hour,
  '12h': 12 * hour,
  '1d': day,
} as const;

/** 1970-01-05, a Monday: weeks begin then (B18). */
const firstMonday = 4 * day;
const week = 7 * day;

const daysOf = (time: Expression<unknown>) => sql`(epoch_us(${time}) // ${sql.lit(day)})`;

/** The first day of the month that a time is in. */
export const monthOf = (time: Expression<unknown>) => cast('DATE', sql`date_trunc('month', ${time})`);

/** A CASE over timeframes; SQL by the length of the slots where they are aligned, then by name. */
const byTimeframe = (
  timeframe: Expression<string>,
  ofAligned: (length: number) => Expression<unknown>,
  others: Readonly<Record<'3d' | '1w' | '1mo', Expression<unknown>>>,
) =>
  sql`case ${timeframe} ${sql.join(
    [
      ...Object.entries(aligned).map(([name, length]) => [name, ofAligned(length)] as const),
      ...Object.entries(others),
    ].map(([name, expression]) => sql`when ${sql.lit(name)} then ${expression}`),
    sql` `,
  )} end`;

/**
 * The number of the slot that a time falls in, so that a bar off the grid has the slot that it opens in (A8): slots of
 * a timeframe are numbered without a hole, weeks from Monday, months by the calendar (B18). Of 3d it is the day:
 * `toSlot` makes slots of days.
 */
export const slotOrDay = (timeframe: Expression<string>, time: Expression<unknown>) =>
  cast(
    'BIGINT',
    byTimeframe(timeframe, (length) => sql`epoch_us(${time}) // ${sql.lit(length)}`, {
      '3d': daysOf(time),
      '1w': sql`(epoch_us(${time}) - ${sql.lit(firstMonday)}) // ${sql.lit(week)}`,
      '1mo': sql`date_diff('month', DATE '1970-01-01', cast(${time} as DATE))`,
    }),
  );

/** Slots of 3d are counted from the first bar of their series: it tells where in the days they begin. */
export const toSlot = (timeframe: Expression<string>, slotOrDay: Expression<unknown>, first: Expression<unknown>) =>
  cast('BIGINT', sql`case when ${timeframe} = '3d' then (${slotOrDay} - ${first}) // 3 else ${slotOrDay} end`);

/** The first slot that opens at a time or after it; `first` as for `opensAt`. */
export const slotFrom = (timeframe: Expression<string>, time: Expression<unknown>, first: Expression<unknown>) => {
  const next = sql`(${slotOrDay(timeframe, sql`(${time} - interval 1 microsecond)`)} + 1)`;
  return cast('BIGINT', sql`case when ${timeframe} = '3d' then ceil((${next} - ${first}) / 3) else ${next} end`);
};

/** When a slot opens; `first` is the day of the first bar of a 3d series. */
export const opensAt = (timeframe: Expression<string>, slot: Expression<unknown>, first: Expression<unknown>) =>
  cast(
    'TIMESTAMP',
    byTimeframe(timeframe, (length) => sql`make_timestamp(${slot} * ${sql.lit(length)})`, {
      '3d': sql`make_timestamp((${first} + 3 * ${slot}) * ${sql.lit(day)})`,
      '1w': sql`make_timestamp(${slot} * ${sql.lit(week)} + ${sql.lit(firstMonday)})`,
      '1mo': sql`DATE '1970-01-01' + to_months(cast(${slot} as INTEGER))`,
    }),
  );

/** Slots that open on one day; 1 where a slot is a day or longer. */
export const slotsOfDay = (timeframe: Expression<string>) =>
  cast(
    'BIGINT',
    byTimeframe(timeframe, (length) => sql.lit(day / length), {
      '3d': sql.lit(1),
      '1w': sql.lit(1),
      '1mo': sql.lit(1),
    }),
  );
