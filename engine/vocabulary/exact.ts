import { type Expression, expressionBuilder } from 'kysely';
import { max, sumOfDecimals, sumOfDoubles } from './aggregate.ts';
import { abs } from './number.ts';
import { cast, choose, type Decimal, type NullOf, type Value, word } from './value.ts';

/** A DECIMAL of so many digits, `scale` of them after the point; rounded. */
export const decimal = <T extends number | string | null>(
  value: Expression<T>,
  digits: number,
  scale: number,
): Value<Decimal | NullOf<T>> => word('to_decimal', value, digits, scale);

/** Decimals of a sum; they leave 25 digits before the point. */
const decimals = 13;

/**
 * The decimals that the shortest text of a DOUBLE below a limit may have: 17 significant digits tell all doubles apart.
 * A DECIMAL of 18 digits holds that text exactly, and reading one takes a tenth of the time that 38 digits take.
 */
const tiers = [
  [1e5, decimals],
  [1e7, 11],
  [1e9, 9],
  [1e11, 7],
  [1e13, 5],
  [1e15, 3],
  [1e17, 1],
] as const;
const [largest] = tiers.at(-1) as (typeof tiers)[number];

const eb = expressionBuilder<Record<never, never>>();

/** Converts a DOUBLE to the DECIMAL of its shortest text, rounded to 13 decimals; NULL from 1e17 on. */
export function exactDecimal(amount: Expression<number | null>): Value<Decimal | null> {
  const text = cast('VARCHAR', amount);
  const ofSize = choose(
    tiers.map(([limit, scale]) => [eb(abs(amount), '<', limit), decimal(text, 18, scale)] as const),
  );
  return word('to_decimal', ofSize, 38, decimals);
}

/**
 * The exact sum of DOUBLE values that were read from decimal texts of up to 13 decimals, rounded once, so that the
 * order in which threads add does not matter (B21) and a sum of published figures equals the published sum (B32). NULL
 * if there are no values.
 *
 * Each value counts as its shortest text, which is the text it was read from as long as a DOUBLE can tell such texts
 * apart. A group with a value of 1e17 or more, which has no decimals left, is added up as DOUBLE. If the same values
 * are summed in several ways, compute `exact` once: it is most of the work.
 */
export function exactSum(
  amount: Expression<number | null>,
  exact: Expression<Decimal | null> = exactDecimal(amount),
): Value<number | null> {
  // A cast from DECIMAL to DOUBLE divides, and may round twice; one from a text does not.
  const rounded = cast('DOUBLE', cast('VARCHAR', sumOfDecimals(exact)));
  return choose([[eb(max(abs(amount)), '>=', largest), sumOfDoubles(amount)]], rounded);
}
