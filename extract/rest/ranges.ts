/** `[from, to)` in ms since 1970. */
export type Range = readonly [from: number, to: number];

/** All that any of them covers, ascending and apart. */
export function union(ranges: Iterable<Range>): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (from >= to) continue;
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** What is left of `ranges` without `cut`; both ascending and apart. */
export function subtract(ranges: readonly Range[], cut: readonly Range[]): readonly Range[] {
  const left: Range[] = [];
  let at = 0;
  for (const [start, to] of ranges) {
    let from = start;
    while (at < cut.length && (cut[at] as Range)[1] <= from) at++;
    for (let i = at; i < cut.length && (cut[i] as Range)[0] < to; i++) {
      const [cutFrom, cutTo] = cut[i] as Range;
      if (cutFrom > from) left.push([from, cutFrom]);
      from = Math.max(from, cutTo);
    }
    if (from < to) left.push([from, to]);
  }
  return left;
}

/** Whether a time is in one of ascending ranges. */
export function holds(ranges: readonly Range[], time: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as Range)[1] <= time) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && (ranges[low] as Range)[0] <= time;
}
