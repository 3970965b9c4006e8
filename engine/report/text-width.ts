/** Characters that take two cells of a terminal, as in 東京 (A22). */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

/** Cells of a terminal that a text takes. */
export const widthOf = (text: string): number => text.length + (text.match(wide)?.length ?? 0);

/** Text of at most this many cells of a terminal; what is cut off shows as `…`. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let used = 1; // the `…`
  for (const character of text) {
    used += widthOf(character);
    if (used > width) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}
