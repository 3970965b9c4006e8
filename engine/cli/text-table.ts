import type { TextRows } from '../read.ts';
import type { Terminal } from '../report/terminal.ts';
import { type FittedTable, fitTable, recordLines } from './fit-table.ts';
import { type CellColumn, humanCell, isNumber } from './human.ts';

export interface TextTableOptions {
  readonly terminal: Terminal;
  /** What values count, by column. */
  readonly units?: Readonly<Record<string, string | undefined>>;
  /** One row, shown a line a column. */
  readonly record?: boolean;
}

const midnight = ' 00:00:00';

/**
 * The table of `show` and `query`: within the width of a terminal, its numbers formatted for a person there; a file
 * or a pipe gets every column, and the values as DuckDB writes them.
 */
export function textTable({ columns, rows }: TextRows, options: TextTableOptions): FittedTable {
  const { terminal, units = {}, record = false } = options;
  const described = columns.map(({ name, type }): CellColumn & { readonly name: string } => ({
    name,
    type,
    unit: units[name],
  }));
  const byColumn = described.map((column, at) => {
    const isDays =
      column.type === 'TIMESTAMP' && rows.every((row) => row[at] === null || row[at]?.endsWith(midnight) === true);
    return rows.map((row) => {
      const text = row[at] ?? 'NULL';
      if (isDays) return text.replace(midnight, '');
      return terminal.isTerminal ? humanCell(text, column) : text;
    });
  });
  const cells = rows.map((_, row) => byColumn.map((column) => column[row] as string));
  const head = columns.map(({ name }) => name);
  if (record) return { lines: cells.flatMap((row) => recordLines(head, row, terminal.width)), leftOut: [] };
  const right = new Set(described.flatMap((column, at) => (isNumber(column) ? [at] : [])));
  return fitTable({ head, rows: cells, right }, terminal.width);
}
