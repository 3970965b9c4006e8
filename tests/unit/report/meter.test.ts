import { expect, test } from 'vitest';
import { createMeter, liveProgress, progressLine } from '../../../engine/report/progress.ts';
import { createFakeClock } from './scripted-run.ts';

test('nothing is measured during the first half second', () => {
  const { clock, advance } = createFakeClock();
  const meter = createMeter(clock.now);
  expect(meter.speed()).toBeUndefined();
  meter.update({ done: 0, unit: 'files' });
  advance(400);
  meter.update({ done: 40, unit: 'files' });
  expect(meter.speed()).toBeUndefined();
});

test('the speed covers the last 15 seconds, so a slow start is forgotten', () => {
  const { clock, advance } = createFakeClock();
  const meter = createMeter(clock.now);
  let done = 0;
  const go = (seconds: number, perSecond: number) => {
    for (let i = 0; i < seconds * 2; i += 1) {
      advance(500);
      done += perSecond / 2;
      meter.update({ done, total: 2_000, unit: 'files' });
    }
  };
  go(60, 2);
  go(20, 50);
  expect(meter.speed()?.unitsPerSecond).toBeCloseTo(50, 0);
  expect(meter.speed()?.secondsLeft).toBeCloseTo((2_000 - done) / 50, 0);
});

test('a node that stalls gets slower, and its time left grows', () => {
  const { clock, advance } = createFakeClock();
  const meter = createMeter(clock.now);
  meter.update({ done: 0, total: 100, unit: 'files' });
  advance(1_000);
  meter.update({ done: 50, total: 100, unit: 'files' });
  const before = meter.speed();
  advance(9_000);
  expect(before?.secondsLeft).toBe(1);
  expect(meter.speed()?.secondsLeft).toBe(10);
});

test('the time left is measured by bytes if their total is known', () => {
  const { clock, advance } = createFakeClock();
  const meter = createMeter(clock.now);
  meter.update({ done: 0, total: 100, unit: 'files', bytes: 0, totalBytes: 1_000 });
  advance(2_000);
  meter.update({ done: 90, total: 100, unit: 'files', bytes: 500, totalBytes: 1_000 });
  expect(meter.speed()).toEqual({ unitsPerSecond: 45, bytesPerSecond: 250, secondsLeft: 2 });
});

test('each phase of a node is measured separately', () => {
  const { clock, advance } = createFakeClock();
  const meter = createMeter(clock.now);
  meter.update({ done: 500, unit: 'pages' });
  advance(5_000);
  meter.update({ done: 0, unit: 'files' });
  advance(1_000);
  meter.update({ done: 10, unit: 'files' });
  expect(meter.speed()?.unitsPerSecond).toBe(10);
});

test('a progress line has exactly the form of design.md section 4', () => {
  const progress = { done: 150, total: 715, unit: 'symbols', records: 338_100 };
  expect(progressLine(progress, 15)).toBe('[15s] Progress: 150/715 symbols (21%), 338,100 records processed');
});

test('a progress line leaves out what is unknown and shows problems', () => {
  expect(progressLine({ done: 1_500, unit: 'pages' }, 30.2)).toBe('[30s] Progress: 1,500 pages');
  expect(progressLine({ done: 3, total: 9, unit: 'files', bytes: 5e6, retries: 1, rejected: 2 }, 45)).toBe(
    '[45s] Progress: 3/9 files (33%), 5.0 MB, 1 retry, 2 rejected',
  );
});

test('live progress shows the progress, the speed, the problems and the time left', () => {
  const progress = { done: 150, total: 715, unit: 'files', records: 338_100, bytes: 12.3e6, retries: 2, rejected: 1 };
  const speed = { unitsPerSecond: 45, bytesPerSecond: 3.2e6, secondsLeft: 124.2 };
  expect(liveProgress(progress, speed)).toBe(
    '150/715 files 21% · 2m 05s left · 45 files/s · 2 retries · 1 rejected · 338,100 records · 12.3 MB · 3.2 MB/s',
  );
  expect(liveProgress({ done: 7, unit: 'pages' }, undefined)).toBe('7 pages');
});
