import type { Progress } from '../extract.ts';

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
      // Another unit, or less than before, is another phase of the node: its speed is measured afresh.
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

/** By bytes where their total is known, because files differ in size by a factor of thousands. */
function secondsLeft(progress: Progress, unitsPerSecond: number, bytesPerSecond: number): number | undefined {
  const { done, total, bytes = 0, totalBytes } = progress;
  if (totalBytes !== undefined && bytesPerSecond > 0) return Math.max(0, totalBytes - bytes) / bytesPerSecond;
  if (total !== undefined && unitsPerSecond > 0) return Math.max(0, total - done) / unitsPerSecond;
  return undefined;
}
