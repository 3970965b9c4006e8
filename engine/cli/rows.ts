import { formatTable } from './table.ts';

type Row = Readonly<Record<string, unknown>>;

/** Rows of a table for a person: numbers to the right, days without a time where a column has none but midnights. */
export function formatRows(columns: readonly string[], rows: readonly Row[]): string[] {
  const values = columns.map((column) => rows.map((row) => row[column]));
  const right = new Set([...columns.keys()].filter((column) => values[column]?.some(isNumeric)));
  const cells = values.map((column) => {
    const hasTimes = column.some((value) => value instanceof Date && value.getTime() % 86_400_000 !== 0);
    return column.map((value) => formatValue(value, hasTimes));
  });
  return formatTable(
    columns,
    rows.map((_, row) => cells.map((column) => column[row] ?? '')),
    right,
  );
}

const isNumeric = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';

function formatValue(value: unknown, hasTimes: boolean): string {
  if (value === null || value === undefined) return 'NULL';
  if (!(value instanceof Date)) return String(value);
  const text = value.toISOString();
  return hasTimes ? text.slice(0, 19).replace('T', ' ') : text.slice(0, 10);
}
