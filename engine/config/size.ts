const bytesOf = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

/** `1 GB`, `500 MB`: decimal units, as sizes are printed. */
export const sizePattern = /^(\d{1,6}(?:\.\d)?) ([kMGT]?B)$/;

/** The bytes of a size, or undefined where `text` is none. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = sizePattern.exec(text) ?? [];
  return unit === undefined ? undefined : Math.round(Number(count) * bytesOf[unit as keyof typeof bytesOf]);
}
