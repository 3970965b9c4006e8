import type { Figure } from './options.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** The median of the ratios of the rounds, so that a slow minute of the machine affects both sides or neither. */
export const medianRatio = (ours: readonly number[], peer: readonly number[]): number =>
  median(ours.map((value, round) => value / (peer[round] ?? Number.NaN)));

export const seconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} s`;
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** Formats rows as aligned columns. */
export function textTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function figureTable(figures: readonly Figure[]): readonly string[] {
  const holds = (figure: Figure): string => (figure.holds === undefined ? '' : figure.holds ? 'yes' : 'NO');
  return textTable([
    ['BAR', 'WHAT', 'OURS', 'PEER', 'RATIO', 'DEMAND', 'HOLDS'],
    ...figures.map((it) => [it.bar, it.what, it.ours, it.peer, it.ratio, it.demand, holds(it)]),
  ]);
}
