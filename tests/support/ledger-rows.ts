import { parseStagedKey, periodOf } from '../../exchange/keys.ts';

type Value = string | number | null;

/** A row of `staged_archives`, without the columns that follow from its key. */
export interface LedgerRow {
  readonly key: string;
  readonly status: 'staged' | 'loaded' | 'rejected' | 'absent' | 'failed';
  readonly [column: string]: Value;
}

const literal = (value: Value): string =>
  value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;

/** The statement that writes rows into the ledger as the extract would. */
export function insertLedger(...rows: readonly LedgerRow[]): string {
  const selects = rows.map((row) => {
    const parts = parseStagedKey(row.key);
    const period = parts && periodOf(parts);
    if (parts === undefined || period === undefined) throw new Error(`${row.key} is not a key of the ledger`);
    const { instrument_type, cadence, symbol, timeframe } = parts;
    const values: Readonly<Record<string, Value>> = {
      ...{ instrument_type, cadence, symbol, timeframe },
      ...{ period_start: isoDay(period.start), period_end: isoDay(period.end) },
      ...{ etag: 'e', staged_at: '2025-07-10', ...row },
    };
    return `SELECT ${Object.entries(values).map(([name, value]) => `${literal(value)} AS "${name}"`)}`;
  });
  return `INSERT INTO staged_archives BY NAME ${selects.join(' UNION ALL BY NAME ')}`;
}

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
