import { distance } from 'fastest-levenshtein';

/** `did you mean X?` for the nearest of `names`, where one is near. */
export function closest(text: string, names: Iterable<string>): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of names) {
    const edits = distance(text.toLowerCase(), name.toLowerCase());
    if (best === undefined || edits < best.edits) best = { name, edits };
  }
  if (best === undefined || best.edits > Math.max(2, Math.floor(best.name.length / 3))) return undefined;
  return `did you mean ${best.name}?`;
}
