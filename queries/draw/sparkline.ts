const levels = '▁▂▃▄▅▆▇█';

/** The mean of each of `width` slices, or the values themselves where they fit; a slice without a value is null. */
export function squeeze(values: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, at) => {
    const slice = values.slice(
      Math.floor((at * values.length) / width),
      Math.floor(((at + 1) * values.length) / width),
    );
    const present = slice.filter((value) => value !== null);
    return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
  });
}

/** One character a value, from its smallest to its largest; a gap is a blank. */
export function sparkline(values: readonly (number | null)[]): string {
  const present = values.filter((value) => value !== null);
  const low = Math.min(...present);
  const span = Math.max(...present) - low;
  const level = (value: number) => (span === 0 ? 3 : Math.round(((value - low) / span) * (levels.length - 1)));
  return values.map((value) => (value === null ? ' ' : levels[level(value)])).join('');
}
