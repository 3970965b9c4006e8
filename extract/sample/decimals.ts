/** Figures are whole numbers of units of their last published decimal, so that texts are exact. */

export const decimalsOf = (text: string): number => text.split('.')[1]?.length ?? 0;

/** 10^decimals, exactly; `**` promises no such thing. */
export const unitsPerOne = (decimals: number): number => Number(`1e${decimals}`);

/** As the archive writes it: decimals are padded, nothing is a bare `0` (A5). */
export function decimalText(units: number, decimals: number): string {
  if (units === 0 || decimals === 0) return String(units);
  const digits = String(units).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
