import { type Reason, reason } from '../verify/reason.ts';
import { openRows } from './rows.ts';

const [high, low, closeTime, count] = [2, 3, 6, 8];
const prices = [1, 2, 3, 4];
const values = [...prices, 5, 7, count, 9, 10];

/**
 * What the load would find in the values of a CSV that is well formed (A11, A14): the rules of `rejects` in
 * models/market/ohlcv.ts, asked here only of the few archives that known_defects names.
 */
export function badValue(file: string): Reason | undefined {
  using rows = openRows(file);
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const fields = row.split(',');
    const numberIn = (column: number) => (fields[column]?.trim() ? Number(fields[column]) : Number.NaN);
    const found = defectOf(numberIn);
    if (found !== undefined) return reason(found, `the row that opens at ${fields[0]}`);
  }
  return undefined;
}

function defectOf(numberIn: (column: number) => number) {
  if (!values.every((column) => Number.isFinite(numberIn(column)))) return 'not_a_number';
  if (![closeTime, count].every((column) => Number.isInteger(numberIn(column)))) return 'not_a_number';
  if (values.some((column) => numberIn(column) < 0)) return 'negative_value';
  const isSane = prices.every((column) => numberIn(low) <= numberIn(column) && numberIn(column) <= numberIn(high));
  return isSane ? undefined : 'ohlc_nonsense';
}
