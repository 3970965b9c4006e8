const decimals = 20;

/** Converts a decimal text to an integer number of 10⁻²⁰. */
function scaled(text: string): bigint {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = BigInt(whole + fraction);
  const shift = decimals - fraction.length + Number(exponent);
  if (shift < 0) throw new Error(`${text} has more than ${decimals} decimals`);
  const value = digits * 10n ** BigInt(shift);
  return sign === '-' ? -value : value;
}

/** The double nearest to the sum of decimal texts, as the archive would publish it. */
export function nearestToSum(texts: readonly string[]): number {
  const sum = texts.reduce((total, text) => total + scaled(text), 0n);
  return Number(`${sum}e-${decimals}`);
}
