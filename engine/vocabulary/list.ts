import type { Expression } from 'kysely';
import { cast, type NullOf, type Operand, type Value, word } from './value.ts';

/** A list within a query. No column of a table has this type: `unnest` makes rows of it. */
export interface List<T> {
  readonly sqlType: 'LIST';
  readonly of: T;
}

export const list = <T>(...values: readonly Expression<T>[]): Value<List<T>> => word('list', ...values);

/** A list of constants; it may be empty. */
export const texts = (values: readonly string[]): Value<List<string>> => word('list_of_texts', ...values);

/** The whole numbers from one up to another, which is excluded. */
export const wholeNumbers = (from: Expression<bigint>, to: Expression<bigint>): Value<List<bigint>> =>
  word('whole_numbers', from, to);

/** All but the first. */
export const butFirst = <T>(values: Expression<List<T>>): Value<List<T>> => word('but_first', values);
/** All but the last. */
export const butLast = <T>(values: Expression<List<T>>): Value<List<T>> => word('but_last', values);

export const contains = <T, V extends T | null>(
  values: Expression<List<T>>,
  value: Operand<V>,
): Value<boolean | NullOf<V>> => word('contains', values, value);

/** A row for each value. A SELECT may do that once, since engines disagree on two lists: see `unnestPairs`. */
export const unnest = <T>(values: Expression<List<T>>): Value<T> => word('unnest', values);

/** A row for each place of two lists of the same length: `[left, right]`. */
export const unnestPairs = <A, B>(
  left: Expression<List<A>>,
  right: Expression<List<B>>,
): readonly [Value<A>, Value<B>] => [word('unnest_left', left, right), word('unnest_right', left, right)];

/** A row for each day of the calendar, both included. */
export const unnestDays = (first: Expression<Date | null>, last: Expression<Date | null>): Value<Date> =>
  cast('DATE', unnest(word<List<Date>>('days_from_to', first, last)));

/** 64 bits as an unsigned number. */
export interface Bits {
  readonly sqlType: 'UBIGINT';
}

export const noBits = (): Value<Bits> => word('no_bits');
export const allBits = (): Value<Bits> => word('all_bits');

/** The bit at a place from 0 to 63. */
export const bitAt = (place: Expression<bigint>): Value<Bits> => word('bit_at', place);

/** The places of the bits that are set. */
export const bitsSet = (bits: Expression<Bits>): Value<List<bigint>> => word('bits_set', bits);

export const bitsAnd = (left: Expression<Bits>, right: Expression<Bits>): Value<Bits> => word('bits_and', left, right);

/** Moves every bit towards place 0. */
export const shiftRight = (bits: Expression<Bits>, places: Expression<bigint>): Value<Bits> =>
  word('shift_right', bits, places);
