import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { NodeRef } from '../../../engine/events.ts';
import { createTtyReporter } from '../../../engine/report/tty.ts';
import {
  createFakeClock,
  createSink,
  klines,
  ohlcv,
  playRun,
  playUnchangedRun,
  runStarted,
  unique,
} from './scripted-run.ts';

function start(columns = 100, more: { readonly isShort?: boolean } = {}) {
  const fake = createFakeClock();
  const sink = createSink(columns);
  const terminal = sink.stream;
  const options = { title: 'klinehouse run', terminal, clock: fake.clock, color: false, debug: false, ...more };
  /** The frame that remains after the terminal is released. */
  const lastFrame = () => {
    const text = sink.chunks.map(stripVTControlCharacters).findLast((chunk) => chunk.trim() !== '') ?? '';
    return text.split('\n').map((line) => line.trimEnd());
  };
  const frames = () => sink.chunks.map(stripVTControlCharacters);
  return { ...fake, sink, frames, lastFrame, reporter: createTtyReporter(options) };
}

/** Lets listr2 draw: it does so on its own time, at each change, once it has loaded. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('the last frame has a line per extract, model and export, with the tests on the line of their model', async () => {
  const { reporter, advance, frames, lastFrame } = start();
  playRun(reporter, advance, 'run.log');
  await reporter.close();
  expect(frames()[0]).toBe(
    'klinehouse run · target sample (synthetic data) · as of 2025-07-10 09:00 UTC · 2025-06-17 … 2025-06-28, 12 days\n',
  );
  expect(lastFrame()).toEqual([
    '⚠ extract klines          715 staged, 1 rejected  16.0s',
    '  ⚠ A19: the CHECKSUM of X is stale',
    '✔ model ohlcv             12,345 rows, 180 partitions · 1 test passed  1.2s',
    '  ⚠ coverage: 0.981 < 0.99',
    '✖ model volume_rankings   no such column  2.0s',
    '↓ export volume_rankings  volume_rankings failed',
    '',
  ]);
});

test('a running node shows its progress, its speed and the time left', async () => {
  const { reporter, advance, frames } = start();
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'node_started', node: klines });
  await until(() => frames().some((frame) => frame.includes('extract klines')));
  reporter.report({ type: 'node_progress', node: klines, progress: { done: 0, total: 100, unit: 'files' } });
  advance(1_000);
  reporter.report({ type: 'node_progress', node: klines, progress: { done: 20, total: 100, unit: 'files' } });
  advance(1_000);
  const shown = () => frames().some((frame) => frame.includes('20/100 files 20% · 8s left · 10 files/s  2.0s'));
  await until(shown);
  await reporter.close();
  expect(shown()).toBe(true);
});

test('ten thousand progress events draw only as often as the clock ticks', async () => {
  const { reporter, advance, frames } = start();
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'node_started', node: klines });
  await until(() => frames().some((frame) => frame.includes('extract klines')));
  const before = frames().length;
  for (let done = 0; done < 10_000; done += 1)
    reporter.report({ type: 'node_progress', node: klines, progress: { done, unit: 'files' } });
  expect(frames().length).toBe(before);
  advance(200);
  expect(frames().length).toBeGreaterThan(before);
  await reporter.close();
});

test('a run in which nothing changed leaves one line', async () => {
  const { reporter, advance, lastFrame } = start(100, { isShort: true });
  playUnchangedRun(reporter, advance, 'run.log');
  await reporter.close();
  expect(lastFrame()).toEqual(['Nothing changed in 2.6s: 4 reused, 1 no-op, 1 warned (klines). All: --verbose', '']);
});

test('lines are cut to the width of the terminal, but not their time', async () => {
  const { reporter, advance, lastFrame } = start(40);
  playRun(reporter, advance, 'run.log');
  await reporter.close();
  expect(lastFrame().every((line) => line.length <= 40)).toBe(true);
  expect(lastFrame()[0]).toBe('⚠ extract klines          71…  16.0s');
});

test('from the sixth warning of a node on, warnings are only counted', async () => {
  const { reporter, lastFrame } = start();
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'node_started', node: klines });
  for (let i = 1; i <= 8; i += 1) reporter.report({ type: 'log', level: 'warn', node: klines, message: `file ${i}` });
  reporter.report({ type: 'node_finished', node: klines, status: 'warn', seconds: 1, message: 'done' });
  await reporter.close();
  expect(lastFrame().slice(1)).toEqual([
    ...[1, 2, 3, 4, 5].map((i) => `  ⚠ file ${i}`),
    '  … and 3 more in the log',
    '',
  ]);
});

test('tests without a running model share one line', async () => {
  const { reporter, lastFrame } = start();
  reporter.report(runStarted('run.log'));
  const finish = (node: NodeRef, status: 'pass' | 'error' | 'skip', message: string) =>
    reporter.report({ type: 'node_finished', node, status, seconds: 0.1, message });
  finish(unique, 'pass', '0 duplicates');
  finish({ ...unique, id: 'test.range', name: 'range' }, 'error', '3 rows below 0');
  finish({ ...unique, id: 'test.other', name: 'other' }, 'skip', 'model ohlcv failed');
  await reporter.close();
  expect(lastFrame()).toEqual(['✖ tests                   1 test passed', '  ✖ range: 3 rows below 0', '']);
});

test('messages without a node are on separate lines', async () => {
  const { reporter, frames, lastFrame } = start();
  reporter.report({ type: 'log', level: 'info', message: 'waiting for another run' });
  expect(frames()).toEqual(['waiting for another run\n']);
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'log', level: 'warn', message: 'the disk is nearly full' });
  reporter.report({ type: 'log', level: 'debug', message: 'threads: 2' });
  await reporter.close();
  expect(lastFrame()).toEqual(['⚠ the disk is nearly full', '']);
});

test('closing early releases the terminal: no timer, the cursor shown, the node marked', async () => {
  const { reporter, pending, sink, lastFrame } = start();
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'node_started', node: ohlcv });
  await reporter.close();
  expect(pending()).toBe(0);
  expect(lastFrame()[0]).toBe('↓ model ohlcv             interrupted');
  expect(sink.text().lastIndexOf('\u001b[?25h')).toBeGreaterThan(sink.text().lastIndexOf('\u001b[?25l'));
  sink.stream.write('free');
  expect(sink.chunks.at(-1)).toBe('free');
});

test('nothing is drawn during a question; what happened meanwhile is drawn after it', async () => {
  const { reporter, frames, sink, advance, lastFrame } = start();
  reporter.report(runStarted('run.log'));
  reporter.report({ type: 'node_started', node: klines });
  await until(() => frames().some((frame) => frame.includes('extract klines')));
  await reporter.pause?.(async () => {
    const before = sink.chunks.length;
    reporter.report({ type: 'node_started', node: ohlcv });
    reporter.report({ type: 'node_finished', node: ohlcv, status: 'pass', seconds: 1, message: '7 rows' });
    advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sink.chunks.length).toBe(before);
  });
  reporter.report({ type: 'node_finished', node: klines, status: 'pass', seconds: 2, message: '9 new' });
  await reporter.close();
  expect(lastFrame()).toEqual(['✔ extract klines          9 new  2.0s', '✔ model ohlcv             7 rows  1.0s', '']);
});
