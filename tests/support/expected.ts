import { expect } from 'vitest';
import { diffRows, readCsv, readParquet, type Value } from './rows.ts';

type Types = Readonly<Record<string, string>>;

/** The columns of the export of volume_rankings in order (design section 5), with their SQL types in Parquet. */
export const rankingTypes: Types = {
  date: 'DATE',
  symbol: 'VARCHAR',
  rank: 'SMALLINT',
  quote_volume_usdt: 'DOUBLE',
  trade_count: 'BIGINT',
  rank_change_1d: 'SMALLINT',
  rank_change_7d: 'SMALLINT',
  rank_change_14d: 'SMALLINT',
  rank_change_30d: 'SMALLINT',
  percentile: 'FLOAT',
  market_share_pct: 'FLOAT',
  days_available: 'TINYINT',
  generation_timestamp: 'TIMESTAMP WITH TIME ZONE',
};

/** The same for daily_availability. */
export const availabilityTypes: Types = {
  date: 'DATE',
  symbol: 'VARCHAR',
  available: 'BOOLEAN',
  file_size_bytes: 'BIGINT',
  last_modified: 'TIMESTAMP WITH TIME ZONE',
  url: 'VARCHAR',
  status_code: 'INTEGER',
  probe_timestamp: 'TIMESTAMP WITH TIME ZONE',
  quote_volume_usdt: 'DOUBLE',
  trade_count: 'BIGINT',
  volume_base: 'DOUBLE',
  taker_buy_volume_base: 'DOUBLE',
  taker_buy_quote_volume_usdt: 'DOUBLE',
  open_price: 'DOUBLE',
  high_price: 'DOUBLE',
  low_price: 'DOUBLE',
  close_price: 'DOUBLE',
};

const numeric = new Set(['DOUBLE', 'FLOAT', 'SMALLINT', 'TINYINT', 'INTEGER']);

/** Converts a field of an expected CSV to the value of its column; an empty one is NULL. */
function fieldValue(text: string, type: string | undefined): Value {
  if (text === '') return null;
  if (type === 'BIGINT') return BigInt(text);
  if (type === 'BOOLEAN') return text === 'true';
  return type !== undefined && numeric.has(type) ? Number(text) : text;
}

/** The decimals that the oracle rounds to; FLOAT also rounds to 24 bits. Everything else is equal to the last bit. */
const decimals: Readonly<Record<string, number>> = { percentile: 6, market_share_pct: 8 };

function isEqual(actual: Value, expected: Value, column: string): boolean {
  const digits = decimals[column];
  if (digits === undefined) return Object.is(actual, expected);
  const tolerance = 0.5 * 10 ** -digits + Math.abs(Number(expected)) * 2 ** -24;
  return typeof actual === 'number' && Math.abs(actual - Number(expected)) <= tolerance * (1 + 1e-9);
}

/**
 * Expects an export to have these columns and types, and the rows of an oracle's CSV in the same order. `notHeld` is
 * the column that the CSV leaves out. Returns the export's rows.
 */
export async function expectParquetEqualsCsv(
  parquet: string,
  csv: string,
  types: Types,
  notHeld: string,
): Promise<readonly (readonly Value[])[]> {
  const [actual, expected] = await Promise.all([readParquet(parquet), readCsv(csv)]);
  const all = Object.keys(types);
  const held = all.filter((name) => name !== notHeld);
  expect(actual.columns).toEqual(all.map((name) => ({ name, type: types[name] })));
  expect(expected.columns).toEqual(held);
  const difference = diffRows(
    actual.rows.map((row) => row.filter((_, at) => all[at] !== notHeld)),
    expected.rows.map((row) => row.map((text, at) => fieldValue(text, types[held[at] ?? '']))),
    held,
    isEqual,
  );
  expect(difference).toBeUndefined();
  return actual.rows;
}
