import type { Progress } from '../extract.ts';
import { countIn, formatBytes, formatCount, formatDuration, formatPercent, formatRate } from '../format.ts';
import type { Speed } from './meter.ts';

/** For a log: `[15s] Progress: 150/715 files (21%), 338,100 records processed`. */
export function progressLine(progress: Progress, seconds: number): string {
  const { done, total, unit, records, bytes } = progress;
  const parts = [
    total === undefined
      ? countIn(done, unit)
      : `${formatCount(done)}/${formatCount(total)} ${unit} (${formatPercent(done, total)})`,
  ];
  if (records !== undefined) parts.push(`${countIn(records, 'records')} processed`);
  else if (bytes !== undefined) parts.push(formatBytes(bytes));
  return `[${Math.round(seconds)}s] Progress: ${[...parts, ...troubles(progress)].join(', ')}`;
}

/** For a terminal: `150/715 files 21% · 40s left · 45 files/s · 2 retries · 12.3 MB · 3.2 MB/s`, cut on the right where it is narrow. */
export function liveProgress(progress: Progress, speed: Speed | undefined): string {
  const { done, total, unit, records, bytes } = progress;
  const parts = [
    total === undefined
      ? countIn(done, unit)
      : `${formatCount(done)}/${formatCount(total)} ${unit} ${formatPercent(done, total)}`,
  ];
  if (speed?.secondsLeft !== undefined) parts.push(`${formatDuration(Math.ceil(speed.secondsLeft), 0)} left`);
  if (speed !== undefined) parts.push(formatRate(speed.unitsPerSecond, unit));
  parts.push(...troubles(progress));
  if (records !== undefined) parts.push(countIn(records, 'records'));
  if (bytes !== undefined) parts.push(formatBytes(bytes));
  if (speed?.bytesPerSecond !== undefined) parts.push(`${formatBytes(speed.bytesPerSecond)}/s`);
  return parts.join(' · ');
}

function troubles({ retries = 0, rejected = 0 }: Progress): string[] {
  const parts: string[] = [];
  if (retries > 0) parts.push(countIn(retries, 'retries'));
  if (rejected > 0) parts.push(`${formatCount(rejected)} rejected`);
  return parts;
}
