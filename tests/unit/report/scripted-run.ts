import { PipelineError } from '../../../engine/errors.ts';
import type { NodeRef, NodeStatus, Reporter, RunEvent } from '../../../engine/events.ts';
import type { Clock } from '../../../engine/report/clock.ts';

/** A clock that a test advances, which fires the timers on the way. */
export function createFakeClock(start = Date.parse('2026-11-20T10:30:00Z')) {
  let time = start;
  const timers = new Set<{ every: number; at: number; action: () => void }>();
  const clock: Clock = {
    now: () => time,
    every(milliseconds, action) {
      const timer = { every: milliseconds, at: time + milliseconds, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    pending: () => timers.size,
    advance(milliseconds: number) {
      const end = time + milliseconds;
      for (;;) {
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        time = next.at;
        next.at += next.every;
        next.action();
      }
      time = end;
    },
  };
}

export const klines: NodeRef = { id: 'extract.klines', kind: 'extract', name: 'klines' };
export const ohlcv: NodeRef = { id: 'model.ohlcv', kind: 'model', name: 'ohlcv' };
export const unique: NodeRef = { id: 'test.unique_ohlcv', kind: 'test', name: 'unique_ohlcv', parent: 'model.ohlcv' };
const coverage: NodeRef = { id: 'test.coverage', kind: 'test', name: 'coverage', parent: 'model.ohlcv' };
const rankings: NodeRef = { id: 'model.volume_rankings', kind: 'model', name: 'volume_rankings' };
export const exported: NodeRef = { id: 'export.volume_rankings', kind: 'export', name: 'volume_rankings' };

export const runStarted = (logFile: string): RunEvent => ({
  type: 'run_started',
  runId: '20261120T103000Z-ab12',
  target: 'sample',
  synthetic: true,
  asOf: new Date('2025-07-10T09:00:00Z'),
  nodes: [klines, ohlcv, unique, coverage, rankings, exported],
  range: '2025-06-17 … 2025-06-28, 12 days',
  logFile,
});

/** A run of 20 seconds in which a model fails; every kind of event occurs. */
export function playRun(reporter: Reporter, advance: (milliseconds: number) => void, logFile: string): void {
  reporter.report(runStarted(logFile));
  reporter.report({ type: 'log', level: 'debug', message: 'threads: 2' });
  reporter.report({ type: 'node_started', node: klines });
  for (let done = 1; done <= 150; done += 1) {
    const progress = { done, total: 715, unit: 'symbols', records: done * 2_254, bytes: done * 1_000 };
    reporter.report({ type: 'node_progress', node: klines, progress });
    advance(100);
  }
  advance(1_000);
  reporter.report({ type: 'log', level: 'warn', node: klines, message: 'A19: the CHECKSUM of X is stale' });
  const message = '715 staged, 1 rejected';
  reporter.report({ type: 'node_finished', node: klines, status: 'warn', seconds: 16, message });
  reporter.report({ type: 'node_started', node: ohlcv });
  reporter.report({ type: 'node_started', node: unique });
  advance(1_204);
  reporter.report({ type: 'node_finished', node: unique, status: 'pass', seconds: 0.012, message: '0 duplicates' });
  reporter.report({ type: 'node_started', node: coverage });
  reporter.report({ type: 'node_finished', node: coverage, status: 'warn', seconds: 0.3, message: '0.981 < 0.99' });
  const rows = '12,345 rows, 180 partitions';
  reporter.report({ type: 'node_finished', node: ohlcv, status: 'pass', seconds: 1.204, message: rows });
  reporter.report({ type: 'node_started', node: rankings });
  advance(2_000);
  const error = new PipelineError('MODEL_FAILED', 'no such column', { file: 'models/x.ts', line: 3, hint: 'fix it' });
  reporter.report({
    type: 'node_finished',
    node: rankings,
    status: 'error',
    seconds: 2,
    message: error.message,
    error,
  });
  const reason = 'volume_rankings failed';
  reporter.report({ type: 'node_finished', node: exported, status: 'skip', seconds: 0, message: reason });
  const counts = { pass: 2, warn: 2, error: 1, skip: 1, 'no-op': 0, reused: 0 };
  reporter.report({ type: 'run_finished', counts, seconds: 19.2, interrupted: false });
}

/** A run of 2.6 seconds that has nothing to do and repeats old warnings. */
export function playUnchangedRun(reporter: Reporter, advance: (milliseconds: number) => void, logFile: string): void {
  reporter.report(runStarted(logFile));
  reporter.report({ type: 'node_started', node: klines });
  reporter.report({ type: 'node_progress', node: klines, progress: { done: 0, total: 195, unit: 'series' } });
  reporter.report({ type: 'log', level: 'warn', node: klines, message: 'skipped X: its name is odd' });
  advance(2_600);
  const finish = (node: NodeRef, status: NodeStatus, message: string) =>
    reporter.report({ type: 'node_finished', node, status, seconds: 0.01, message });
  finish(klines, 'warn', '195 series, 1 skipped');
  reporter.report({ type: 'node_started', node: ohlcv });
  finish(unique, 'reused', 'nothing it reads has changed');
  finish(coverage, 'reused', 'nothing it reads has changed');
  finish(ohlcv, 'reused', 'nothing it reads has changed');
  finish(rankings, 'no-op', 'the var collect_volume is false');
  finish(exported, 'reused', 'unchanged');
  const counts = { pass: 0, warn: 1, error: 0, skip: 0, 'no-op': 1, reused: 4 };
  reporter.report({ type: 'run_finished', counts, seconds: 2.6, interrupted: false });
}

/** A stream that keeps what is written to it; a terminal if `columns` is given. */
export function createSink(columns?: number) {
  const chunks: string[] = [];
  const stream = {
    write(chunk: string) {
      chunks.push(chunk);
      return true;
    },
    ...(columns === undefined ? {} : { isTTY: true, columns, rows: 50, on() {}, once() {}, removeListener() {} }),
  } as unknown as NodeJS.WriteStream;
  return { stream, chunks, text: () => chunks.join('') };
}
