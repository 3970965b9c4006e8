import { quoteName, quoteText } from '../sql.ts';
import type { Check, Column } from './table.ts';

/** Returns what the warehouse enforces for a column's values, as SQL conditions. */
export function columnConditions(name: string, { oneOf, min, max }: Column): readonly string[] {
  return [
    ...(oneOf === undefined ? [] : [`${quoteName(name)} IN (${oneOf.map(quoteText).join(', ')})`]),
    ...(min === undefined ? [] : [`${quoteName(name)} >= ${min}`]),
    ...(max === undefined ? [] : [`${quoteName(name)} <= ${max}`]),
  ];
}

export const checkCondition = ([left, operator, right]: Check): string =>
  `${quoteName(left)} ${operator} ${quoteName(right)}`;
