import { type Expression, expressionBuilder } from 'kysely';
import {
  abs,
  cast,
  ceil,
  choose,
  divide,
  epochMicroseconds,
  epochMonths,
  fromEpochMicroseconds,
  fromEpochMonths,
  intDivide,
  literal,
  match,
  minus,
  type NullOf,
  neverNull,
  plus,
  shift,
  times,
  tryCast,
  type Value,
} from '../../engine/vocabulary/index.ts';
import { firstMicros } from '../../exchange/bar-rules.ts';
import { firstMonday } from '../../exchange/slots.ts';
import { longestSlots, msOfDay, timeframeNames, timeframes } from '../../exchange/timeframes.ts';

const eb = expressionBuilder<Record<never, never>>();

/** The constants of exchange/slots.ts in µs; a property test compares SQL and TypeScript. */
const microsecondsOf = (ms: number) => BigInt(ms) * 1000n;
const day = microsecondsOf(msOfDay);
const week = microsecondsOf(longestSlots['1w']);
const monday = microsecondsOf(firstMonday);

/** A published time: ms as 13 digits, µs as 16, decided row by row (A2). NULL if it is not a number. */
export function instant(text: Expression<unknown>) {
  const value = tryCast('BIGINT', text);
  return fromEpochMicroseconds(choose([[eb(abs(value), '>=', BigInt(firstMicros)), value]], times(value, 1000n)));
}

/** A CASE over timeframes: by the length of the slots in ms where they are aligned, then by name. */
function byTimeframe<T>(
  timeframe: Expression<string>,
  ofAligned: (ms: number) => Value<T>,
  others: Readonly<Record<'3d' | '1w' | '1mo', Value<T>>>,
): Value<T> {
  const aligned = timeframeNames.flatMap((name) => {
    const length = timeframes[name];
    return length === undefined ? [] : [[name, ofAligned(length)] as const];
  });
  return match(timeframe, [...aligned, ...Object.entries(others)]) as Value<T>; // there is no other timeframe
}

/**
 * The number of the slot that a time falls in, so that a bar off the grid has the slot that it opens in (A8): slots of
 * a timeframe are numbered without a hole, weeks from Monday, months by the calendar (B18). Of 3d it is the day:
 * `toSlot` makes slots of days.
 */
export function slotOrDay<T extends Date | null>(timeframe: Expression<string>, time: Expression<T>) {
  const microseconds: Expression<bigint | null> = epochMicroseconds(time);
  const slot = byTimeframe<bigint | null>(timeframe, (ms) => intDivide(microseconds, microsecondsOf(ms)), {
    '3d': intDivide(microseconds, day),
    '1w': intDivide(minus(microseconds, monday), week),
    '1mo': epochMonths(time),
  });
  return slot as Value<bigint | NullOf<T>>;
}

/** Slots of 3d are counted from the first bar of their series: it tells where in the days they begin. */
export function toSlot<T extends bigint | null>(
  timeframe: Expression<string>,
  slotOrDay: Expression<T>,
  first: Expression<bigint | null>,
) {
  const ofDay = intDivide(minus(slotOrDay as Expression<bigint>, first), 3n);
  return choose([[eb(timeframe, '=', '3d'), ofDay]], slotOrDay) as Value<bigint | NullOf<T>>;
}

/** The first slot that opens at a time or after it; `first` as for `opensAt`. */
export function slotFrom<T extends Date | null>(
  timeframe: Expression<string>,
  time: Expression<T>,
  first: Expression<bigint | null>,
) {
  const before: Expression<Date | null> = shift(time, { microseconds: -1 });
  const next = plus(slotOrDay(timeframe, before), 1n);
  const ofDays = cast('BIGINT', ceil(divide(minus(next, first), 3n)));
  return choose([[eb(timeframe, '=', '3d'), ofDays]], next) as Value<bigint | NullOf<T>>;
}

/** When a slot opens; `first` is the day of the first bar of a 3d series. */
export const opensAt = (timeframe: Expression<string>, slot: Expression<bigint>, first: Expression<bigint | null>) =>
  byTimeframe<Date>(timeframe, (ms) => fromEpochMicroseconds(times(slot, microsecondsOf(ms))), {
    '3d': fromEpochMicroseconds(times(plus(times(slot, 3n), neverNull(first)), day)),
    '1w': fromEpochMicroseconds(plus(times(slot, week), monday)),
    '1mo': fromEpochMonths(slot),
  });

/** Slots that open on one day; 1 where a slot is a day or longer. */
export const slotsOfDay = (timeframe: Expression<string>) =>
  byTimeframe(timeframe, (ms) => literal(BigInt(msOfDay / ms)), {
    '3d': literal(1n),
    '1w': literal(1n),
    '1mo': literal(1n),
  });
