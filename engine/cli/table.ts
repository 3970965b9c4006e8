import { widthOf } from '../report/text-width.ts';

/**
 * Lines of columns, two blanks apart, the columns of `right` to the right; a column without any value is left out, and
 * without a row there is no head either.
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
