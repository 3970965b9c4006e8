import type { Expression } from 'kysely';
import { type Decimal, type NullOf, type Operand, type Value, word } from './value.ts';

/** A number of any SQL type: BIGINT reads as `bigint`, the others as `number`. The two do not mix: cast one of them. */
type Numeric = number | bigint | Decimal | null;

/** An operand that a number can be combined with. */
type Like<A> = A extends bigint ? bigint | null : A extends Decimal ? Decimal | null : number | null;

type Base<A> = Exclude<A, null> extends bigint ? bigint : Exclude<A, null> extends Decimal ? Decimal : number;

const arithmetic =
  (name: 'plus' | 'minus' | 'times' | 'remainder' | 'int_divide') =>
  <A extends Numeric, B extends Like<Exclude<A, null>>>(
    left: Expression<A>,
    right: Operand<B>,
  ): Value<Base<A> | NullOf<A | B>> =>
    word(name, left, right);

export const plus = arithmetic('plus');
export const minus = arithmetic('minus');
export const times = arithmetic('times');
/** The remainder of an integer division, with the sign of the dividend. */
export const remainder = arithmetic('remainder');
/** The whole part of a quotient: -7 by 2 is -3. */
export const intDivide = arithmetic('int_divide');

/** A quotient as DOUBLE. A divisor that may be 0 needs `nullIf`. */
export const divide = <A extends Numeric, B extends Numeric>(
  dividend: Expression<A>,
  divisor: Operand<B>,
): Value<number | NullOf<A | B>> => word('divide', dividend, divisor);

/** True if a part is at least so much of the whole; the ratio is exact, as 0.9 is not as a DOUBLE. */
export const isShare = <A extends bigint | null, B extends bigint | null>(
  part: Expression<A>,
  ratio: number,
  whole: Expression<B>,
): Value<boolean | NullOf<A | B>> => word('is_share', part, String(ratio), whole);

export const abs = <T extends Numeric>(value: Expression<T>): Value<T> => word('abs', value);
export const floor = <T extends number | null>(value: Expression<T>): Value<T> => word('floor', value);
export const ceil = <T extends number | null>(value: Expression<T>): Value<T> => word('ceil', value);

/** Half is rounded away from 0. */
export const round = <T extends number | null>(value: Expression<T>, digits: number): Value<T> =>
  word('round', value, digits);

export const infinity = (): Value<number> => word('infinity');

/** False for NaN and the infinities. */
export const isFiniteNumber = <T extends number | null>(value: Expression<T>): Value<boolean | NullOf<T>> =>
  word('is_finite', value);

const extreme =
  (name: 'least' | 'greatest') =>
  <A, B extends A | null>(one: Expression<A>, another: Operand<B>): Value<Exclude<A, null> | (NullOf<A> & NullOf<B>)> =>
    word(name, one, another);

/** The smaller of two; NULL only if both are. */
export const least = extreme('least');
/** The larger of two; NULL only if both are. */
export const greatest = extreme('greatest');

/** NULL where the value is the given one. */
export const nullIf = <T>(value: Expression<T>, unwanted: Operand<Exclude<T, null>>): Value<T | null> =>
  word('null_if', value, unwanted);
