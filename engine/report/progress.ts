import type { Progress } from '../extract.ts';
import { countIn, formatBytes, formatCount, formatDuration, formatPercent, formatRate } from '../format.ts';

const sampleEvery = 500;
const samplesKept = 30;

export interface Speed {
  readonly unitsPerSecond: number;
  readonly bytesPerSecond?: number;
  readonly secondsLeft?: number;
}

/** The newest progress of one node and its speed over the last 15 seconds. `update` is cheap enough for every file. */
export interface Meter {
  update(progress: Progress): void;
  readonly latest: Progress | undefined;
  /** `undefined` until there is something to measure. */
  speed(): Speed | undefined;
}

export function createMeter(now: () => number): Meter {
  let latest: Progress | undefined;
  let samples: { readonly time: number; readonly done: number; readonly bytes: number }[] = [];

  return {
    update(progress) {
      // Another unit or a smaller count means another phase of the node, so its speed is measured again.
      if (latest !== undefined && (progress.unit !== latest.unit || progress.done < latest.done)) samples = [];
      latest = progress;
      const time = now();
      const last = samples.at(-1);
      if (last !== undefined && time - last.time < sampleEvery) return;
      samples.push({ time, done: progress.done, bytes: progress.bytes ?? 0 });
      if (samples.length > samplesKept) samples.shift();
    },
    get latest() {
      return latest;
    },
    speed() {
      const first = samples[0];
      if (latest === undefined || first === undefined) return undefined;
      const seconds = (now() - first.time) / 1000;
      if (seconds * 1000 < sampleEvery) return undefined;
      const unitsPerSecond = (latest.done - first.done) / seconds;
      const bytesPerSecond = ((latest.bytes ?? 0) - first.bytes) / seconds;
      const left = secondsLeft(latest, unitsPerSecond, bytesPerSecond);
      return {
        unitsPerSecond,
        ...(latest.bytes === undefined ? {} : { bytesPerSecond }),
        ...(left === undefined ? {} : { secondsLeft: left }),
      };
    },
  };
}

/** Uses bytes if their total is known, because files differ in size by a factor of thousands. */
function secondsLeft(progress: Progress, unitsPerSecond: number, bytesPerSecond: number): number | undefined {
  const { done, total, bytes = 0, totalBytes } = progress;
  if (totalBytes !== undefined && bytesPerSecond > 0) return Math.max(0, totalBytes - bytes) / bytesPerSecond;
  if (total !== undefined && unitsPerSecond > 0) return Math.max(0, total - done) / unitsPerSecond;
  return undefined;
}

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

/**
 * For a terminal: `150/715 files 21% · 40s left · 45 files/s · 2 retries · 12.3 MB · 3.2 MB/s`, cut on the right if it
 * is narrow.
 */
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
