import type { SqlType } from './table.ts';

/** A number as written: `digits` × 10^-`scale`. */
interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const decimal = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;
const otherBases = /^0[xo][\da-f]+$/i;

function parseDecimal(text: string): Decimal | undefined {
  if (otherBases.test(text)) return { digits: BigInt(text), scale: 0 };
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = decimal.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  return { digits: BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`), scale: fraction.length - Number(exponent) };
}

/** Returns the next whole number below, or above with `up`; the number itself if it is whole. */
function toWhole({ digits, scale }: Decimal, up: boolean): bigint {
  if (scale <= 0) return digits * 10n ** BigInt(-scale);
  const unit = 10n ** BigInt(scale);
  const quotient = digits / unit; // towards 0
  const rest = digits % unit;
  if (rest === 0n) return quotient;
  if (up) return rest > 0n ? quotient + 1n : quotient;
  return rest < 0n ? quotient - 1n : quotient;
}

const isWhole = (number: Decimal): boolean => toWhole(number, false) === toWhole(number, true);

const bitsOf: Partial<Record<SqlType, bigint>> = { TINYINT: 8n, SMALLINT: 16n, INTEGER: 32n, BIGINT: 64n };
const fits = (number: bigint, bits: bigint): boolean => BigInt.asIntN(Number(bits), number) === number;

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

const time = /^(\d{4}-\d{2}-\d{2})(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,6})?))?Z?)?$/;
const notFinite = /^([+-]?)\.?(inf|infinity|nan)$/i;

/**
 * Returns the text of a value in a form that DuckDB reads without loss; undefined if it is not a value of the type.
 * Numbers may have any notation of YAML: `0x10`, `1e3`, `.5`.
 */
export function valueText(text: string, type: SqlType): string | undefined {
  switch (type) {
    case 'VARCHAR':
      return text;
    case 'BOOLEAN':
      return /^(true|false)$/i.test(text) ? text.toLowerCase() : undefined;
    case 'DATE':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text) ? text : undefined;
    case 'TIMESTAMP': {
      const [, day = '', hours = '00', minutes = '00', seconds = '00'] = time.exec(text) ?? [];
      return day !== '' && isDay(day) ? `${day} ${hours}:${minutes}:${seconds}` : undefined;
    }
    case 'FLOAT':
    case 'DOUBLE': {
      const [, sign = '', name = ''] = notFinite.exec(text) ?? [];
      if (name !== '') return `${sign === '-' ? '-' : ''}${name.toLowerCase()}`;
      const number = parseDecimal(text);
      return number && `${number.digits}e${-number.scale}`;
    }
    default: {
      const number = parseDecimal(text);
      if (number === undefined || !isWhole(number)) return undefined;
      const whole = toWhole(number, false);
      return fits(whole, bitsOf[type] as bigint) ? String(whole) : undefined;
    }
  }
}

/**
 * Returns a bound for values of a SQL type, and the type for the comparison: a bound of whole numbers may be a
 * fraction, or outside the range of the type.
 */
export function boundText(
  text: string,
  type: SqlType,
  which: 'min' | 'max',
): { readonly text: string; readonly type: string } | undefined {
  const value = valueText(text, type);
  if (value !== undefined) return { text: value, type };
  const number = bitsOf[type] === undefined ? undefined : parseDecimal(text);
  if (number === undefined) return undefined;
  const whole = toWhole(number, which === 'min');
  const limit = 2n ** 127n - 1n;
  const clamped = whole > limit ? limit : whole < -limit ? -limit : whole;
  return { text: String(clamped), type: 'HUGEINT' };
}
