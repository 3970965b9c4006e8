import { formatAmount, formatShare, groupDigits } from '../format.ts';

/** A column of a result: its SQL type, and what its values count, as `Column.unit` or a question says. */
export interface CellColumn {
  readonly type: string;
  readonly unit?: string | undefined;
}

const wholeType = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const numberType = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|FLOAT|DOUBLE|DECIMAL)/;

export const isNumber = ({ type }: CellColumn): boolean => numberType.test(type);

/** A number without an exponent that is no infinity. */
const plain = /^-?\d+(\.\d+)?$/;

/**
 * A value as DuckDB writes it, for a person: `21.36 bn EUR`, `34.9 %`, `▲2`, `12,345`. A price keeps all its digits,
 * and what is no plain number stays as it is.
 */
export function humanCell(text: string, { type, unit = '' }: CellColumn): string {
  if (!numberType.test(type) || !plain.test(text)) return text;
  if (unit.startsWith('ranks, negative is up')) return formatMove(Number(text));
  if (unit.startsWith('percent')) return formatShare(Number(text));
  const currency = /^[A-Z]{3,5}\b/.exec(unit)?.[0];
  if (currency !== undefined && !wholeType.test(type)) return `${formatAmount(Number(text))} ${currency}`;
  return groupDigits(text);
}

/** Places that a rank moved; a smaller rank is further up. */
function formatMove(change: number): string {
  if (change === 0) return '=';
  return change < 0 ? `▲${-change}` : `▼${change}`;
}
