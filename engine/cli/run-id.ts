/** `20261120T103000Z-ab12`: the second in which the run started, and a suffix that tells two of them apart. */
export function createRunId(now: Date, random: () => number): string {
  const second = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const suffix = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `${second}-${suffix}`;
}
