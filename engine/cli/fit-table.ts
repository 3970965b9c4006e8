import { formatTable, widthOf } from './table.ts';

interface Texts {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns that stand to the right. */
  readonly right: ReadonlySet<number>;
}

export interface FittedTable {
  readonly lines: readonly string[];
  /** Columns for which there was no room. */
  readonly leftOut: readonly string[];
}

/**
 * A table within the width of a terminal, whose lines would break into a heap of figures otherwise. Where it is too
 * wide, a column that says the same in every row says it once, above; where that is not enough, the last columns go.
 */
export function fitTable({ head, rows, right }: Texts, width: number): FittedTable {
  const take = (columns: readonly number[]) =>
    formatTable(
      columns.map((column) => head[column] as string),
      rows.map((row) => columns.map((column) => row[column] as string)),
      new Set(columns.flatMap((column, at) => (right.has(column) ? [at] : []))),
    );
  const fits = (lines: readonly string[]) => lines.every((line) => widthOf(line) <= width);
  const all = [...head.keys()];
  const whole = take(all);
  if (fits(whole) || rows.length < 2) return { lines: whole, leftOut: [] };

  const isSame = (column: number) => rows.every((row) => row[column] === rows[0]?.[column]);
  const same = all.filter(isSame);
  const varying = all.filter((column) => !isSame(column));
  const said = same.map((column) => `${head[column]} ${rows[0]?.[column]}`);
  let shown = varying;
  let lines = take(shown);
  while (!fits(lines) && shown.length > 1) {
    shown = shown.slice(0, -1);
    lines = take(shown);
  }
  return {
    lines: [...(said.length === 0 ? [] : [...said, '']), ...lines],
    leftOut: varying.slice(shown.length).map((column) => head[column] as string),
  };
}
