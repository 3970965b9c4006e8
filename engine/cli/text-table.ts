import { formatAmount, formatShare, groupDigits } from '../format.ts';
import type { TextRows } from '../read.ts';
import { cutTo, type Terminal, widthOf } from '../report/terminal.ts';

/**
 * Formats lines of columns, two blanks apart; the columns of `right` are right-aligned. A column without any value is
 * left out, and without rows there is no header either.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  if (rows.length === 0) return [];
  const used = head.map((_, column) => column).filter((column) => rows.some((row) => row[column] !== ''));
  const lines = [head, ...rows];
  const widths = new Map(used.map((column) => [column, Math.max(...lines.map((line) => widthOf(line[column] ?? '')))]));
  const pad = (cell: string, column: number): string => {
    const blanks = ' '.repeat((widths.get(column) ?? 0) - widthOf(cell));
    return right.has(column) ? blanks + cell : cell + blanks;
  };
  return lines.map((line) =>
    used
      .map((column) => pad(line[column] ?? '', column))
      .join('  ')
      .trimEnd(),
  );
}

interface Texts {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Right-aligned columns. */
  readonly right: ReadonlySet<number>;
}

interface FittedTable {
  readonly lines: readonly string[];
  /** Columns that did not fit. */
  readonly leftOut: readonly string[];
}

/** The narrowest that a text is cut to; below that the column is left out. */
const readable = 16;
const between = 2;

/**
 * Fits a table into the width of a terminal, where its lines would otherwise wrap. If it is too wide, a single row is
 * shown with a line per column. For several rows, a column with the same value in every row is shown once, above; if
 * that is not enough, the last columns are dropped, and a text is cut if enough of it stays readable.
 */
export function fitTable({ head, rows, right }: Texts, width: number): FittedTable {
  const [first] = rows;
  if (first === undefined) return { lines: [], leftOut: [] };
  const all = [...head.keys()];
  const whole = take(all);
  if (widest(whole) <= width) return { lines: whole, leftOut: [] };
  if (rows.length === 1) return { lines: recordLines(head, first, width), leftOut: [] };

  const isSame = (column: number) => rows.every((row) => row[column] === first[column]);
  const changing = all.filter((column) => !isSame(column));
  const varying = changing.length === 0 ? all : changing;
  const said = all
    .filter((column) => !varying.includes(column))
    .map((column) => cutTo(`${head[column]} ${first[column]}`, width));
  const { lines, count } = takeAsFits(varying);
  return {
    lines: [...(said.length === 0 ? [] : [...said, '']), ...lines],
    leftOut: varying.slice(count).map((column) => head[column] as string),
  };

  function take(columns: readonly number[], lastWidth = Number.POSITIVE_INFINITY): readonly string[] {
    const cellsOf = (row: readonly string[]) =>
      columns.map((column, at) => cutTo(row[column] as string, at === columns.length - 1 ? lastWidth : Infinity));
    return formatTable(
      cellsOf(head),
      rows.map(cellsOf),
      new Set(columns.flatMap((column, at) => (right.has(column) ? [at] : []))),
    );
  }

  function takeAsFits(columns: readonly number[]): { readonly lines: readonly string[]; readonly count: number } {
    const lines = take(columns);
    if (widest(lines) <= width) return { lines, count: columns.length };
    const before = columns.slice(0, -1);
    if (before.length === 0) return { lines: take(columns, width), count: 1 };
    const room = width - widest(take(before)) - between;
    const isCut = room >= readable && !right.has(columns.at(-1) as number);
    return isCut ? { lines: take(columns, room), count: columns.length } : takeAsFits(before);
  }
}

const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map(widthOf));

/** Formats one row with a line per column. */
const recordLines = (head: readonly string[], row: readonly string[], width: number): readonly string[] =>
  formatTable(
    ['', ''],
    head.map((name, at) => [name, row[at] as string]),
  )
    .slice(1)
    .map((line) => cutTo(line, width));

interface TextTableOptions {
  readonly terminal: Terminal;
  /** Units of the values, by column. */
  readonly units?: Readonly<Record<string, string | undefined>>;
  /** True for a single row, shown with a line per column. */
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

/** A column of a result: its SQL type and the unit of its values, from `Column.unit` or a question. */
export interface CellColumn {
  readonly type: string;
  readonly unit?: string | undefined;
}

const wholeType = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;
const numberType = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|FLOAT|DOUBLE|DECIMAL)/;

const isNumber = ({ type }: CellColumn): boolean => numberType.test(type);

/** A finite number without an exponent. */
const plain = /^-?\d+(\.\d+)?$/;

/**
 * Formats a value printed by DuckDB for a person: `21.36 bn EUR`, `34.9 %`, `▲2`, `12,345`. A price keeps all its
 * digits, and anything that is not a plain number stays as it is.
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
