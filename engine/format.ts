/** Formats numbers, sizes and times for people. The output is the same on every machine, so no locale is used. */

/** `12,345`. */
export function formatCount(count: number | bigint): string {
  const digits = (typeof count === 'bigint' ? count : Math.round(count)).toString();
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `12,345 rows`. */
export const countOf = (count: number | bigint, noun: string, nouns = `${noun}s`): string =>
  `${formatCount(count)} ${Number(count) === 1 ? noun : nouns}`;

/** The same for a noun given in the plural: `1 file`, but `1 series`. */
export const countIn = (count: number, nouns: string): string =>
  countOf(count, nouns === 'series' ? nouns : nouns.replace(/ies$/, 'y').replace(/s$/, ''), nouns);

/** `-12,345.678`: groups the digits of a number as written; the digits after the point stay as they are. */
export const groupDigits = (text: string): string =>
  text.replace(/\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));

const amountUnits = [
  [1e12, 'tn'],
  [1e9, 'bn'],
  [1e6, 'm'],
] as const;

/** `21.36 bn`, `512.30 m`, `123,456.78`: an amount of money. */
export function formatAmount(amount: number): string {
  // From here on, two digits after the point round up to 1.00 of the unit.
  const unit = amountUnits.find(([size]) => Math.abs(amount) >= 0.999995 * size);
  if (unit === undefined)
    return Number.isInteger(amount) ? groupDigits(String(amount)) : groupDigits(amount.toFixed(2));
  return `${groupDigits((amount / unit[0]).toFixed(2))} ${unit[1]}`;
}

/** `34.9 %`: three significant digits, more only before the point. */
export function formatShare(percent: number): string {
  if (percent === 0) return '0 %';
  return `${groupDigits(Math.abs(percent) >= 100 ? percent.toFixed(0) : percent.toPrecision(3))} %`;
}

/** Decimal units, one digit after the point: `999 B`, `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = bytes;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (scaled >= (unit === 0 ? 1000 : 999.95) && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit]}`;
}

/** `1.2s`, `2m 05s`, `1h 02m`; `digits` after the point apply below a minute. */
export function formatDuration(seconds: number, digits = 1): string {
  const short = seconds.toFixed(digits);
  if (Number(short) < 60) return `${short}s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** `45 files/s`; one digit after the point below ten. */
export function formatRate(perSecond: number, unit: string): string {
  return `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond)} ${unit}/s`;
}

/** Whole percent; 100 only when everything is done. */
export function formatPercent(done: number, total: number): string {
  if (total <= 0) return '100%';
  const percent = Math.round((done / total) * 100);
  return `${done < total ? Math.min(percent, 99) : percent}%`;
}

/** `2025-07-10 09:00 UTC`, with seconds if they are not zero. */
export function formatUtc(date: Date): string {
  const [day, time] = date.toISOString().split('T') as [string, string];
  return `${day} ${time.slice(0, date.getUTCSeconds() === 0 ? 5 : 8)} UTC`;
}
