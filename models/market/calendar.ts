import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { firstMicros } from '../../exchange/bar-rules.ts';
import { firstMonday } from '../../exchange/slots.ts';
import { longestSlots, msOfDay, timeframeNames, timeframes } from '../../exchange/timeframes.ts';

/** What exchange/slots.ts says, in SQL and µs; a property test holds the two together. */
const microsecondsOf = (ms: number) => sql.lit(ms * 1000);
const day = microsecondsOf(msOfDay);
const week = microsecondsOf(longestSlots['1w']);
const monday = microsecondsOf(firstMonday);

/** A published time: ms as 13 digits, µs as 16, decided row by row (A2). NULL where it is not a number. */
export const instant = (text: Expression<unknown>) => {
  const value = sql`try_cast(${text} as BIGINT)`;
  return cast(
    'TIMESTAMP',
    sql`make_timestamp(case when abs(${value}) >= ${sql.lit(firstMicros)} then ${value} else ${value} * 1000 end)`,
  );
};

const daysOf = (time: Expression<unknown>) => sql`(epoch_us(${time}) // ${day})`;

/** The first day of the month that a time is in. */
export const monthOf = (time: Expression<unknown>) => cast('DATE', sql`date_trunc('month', ${time})`);

/** A CASE over timeframes; SQL by the length of the slots in ms where they are aligned, then by name. */
const byTimeframe = (
  timeframe: Expression<string>,
  ofAligned: (ms: number) => Expression<unknown>,
  others: Readonly<Record<'3d' | '1w' | '1mo', Expression<unknown>>>,
) =>
  sql`case ${timeframe} ${sql.join(
    [
      ...timeframeNames.flatMap((name) => {
        const length = timeframes[name];
        return length === undefined ? [] : [[name, ofAligned(length)] as const];
      }),
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
    byTimeframe(timeframe, (ms) => sql`epoch_us(${time}) // ${microsecondsOf(ms)}`, {
      '3d': daysOf(time),
      '1w': sql`(epoch_us(${time}) - ${monday}) // ${week}`,
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
    byTimeframe(timeframe, (ms) => sql`make_timestamp(${slot} * ${microsecondsOf(ms)})`, {
      '3d': sql`make_timestamp((${first} + 3 * ${slot}) * ${day})`,
      '1w': sql`make_timestamp(${slot} * ${week} + ${monday})`,
      '1mo': sql`DATE '1970-01-01' + to_months(cast(${slot} as INTEGER))`,
    }),
  );

/** Slots that open on one day; 1 where a slot is a day or longer. */
export const slotsOfDay = (timeframe: Expression<string>) =>
  cast(
    'BIGINT',
    byTimeframe(timeframe, (ms) => sql.lit(msOfDay / ms), {
      '3d': sql.lit(1),
      '1w': sql.lit(1),
      '1mo': sql.lit(1),
    }),
  );
