/** Days have no leap seconds and no summer time: all of it is UTC. */
export const msOfHour = 3_600_000;
export const msOfDay = 24 * msOfHour;

const steps = 'kmgt';

/**
 * A size: a number and a unit, a blank between them or not, in any case. `kB`, `MB`, `GB` and `TB` are powers of 1000,
 * `KiB`, `MiB`, `GiB` and `TiB` of 1024. That is how DuckDB reads and prints sizes, and how reports print them.
 */
export const sizePattern = /^(\d{1,9}(?:\.\d{1,3})?) ?(?:([kKmMgGtT])([iI])?)?[bB]$/;

/** The bytes of a size such as `1 GB`, `64 MiB` or `4GB`; undefined if `text` is not one. */
export function parseSize(text: string): number | undefined {
  const [matched, count, step = '', binary] = sizePattern.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const power = step === '' ? 0 : steps.indexOf(step.toLowerCase()) + 1;
  return Math.round(Number(count) * (binary === undefined ? 1000 : 1024) ** power);
}
