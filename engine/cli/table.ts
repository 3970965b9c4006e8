/** Characters that take two cells of a terminal, as in 币安人生USDT (A22). */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

export const widthOf = (text: string): number => text.length + (text.match(wide)?.length ?? 0);

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
