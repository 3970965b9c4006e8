import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Reporter } from '../../../engine/events.ts';
import { createReporter, type ReporterOptions } from '../../../engine/report/reporter.ts';
import { tempDir } from '../../support/temp.ts';
import {
  createFakeClock,
  createSink,
  exported,
  klines,
  ohlcv,
  playRun,
  playUnchangedRun,
  runStarted,
} from './scripted-run.ts';

let directory: string;
let logFile: string;
beforeEach(async () => {
  directory = await tempDir('report-');
  logFile = join(directory, 'logs', 'run.log');
});

async function start(options: Partial<ReporterOptions> = {}) {
  const fake = createFakeClock();
  const stdout = createSink();
  const stderr = createSink();
  const reporter = await createReporter({
    title: 'klinehouse run',
    format: 'text',
    quiet: false,
    debug: false,
    verbose: false,
    env: {},
    stdout: stdout.stream,
    stderr: stderr.stream,
    clock: fake.clock,
    ...options,
  });
  return { ...fake, reporter, out: stdout.text, err: stderr.text };
}

test('without a terminal, a line is printed when a node starts and ends, and every 15 s in between', async () => {
  const { reporter, advance, err } = await start();
  playRun(reporter, advance, logFile);
  await reporter.close();
  expect(err().replaceAll(logFile, 'LOG')).toBe(`\
klinehouse run · target sample (synthetic data) · as of 2025-07-10 09:00 UTC · 2025-06-17 … 2025-06-28, 12 days
6 nodes, log: LOG
1 of 6 START extract klines ............................................... [RUN]
[15s] Progress: 150/715 symbols (21%), 338,100 records processed
WARN extract klines: A19: the CHECKSUM of X is stale
1 of 6 WARN extract klines ................................................ [715 staged, 1 rejected in 16.00s]
2 of 6 START model ohlcv .................................................. [RUN]
3 of 6 START test unique_ohlcv ............................................ [RUN]
3 of 6 PASS test unique_ohlcv ............................................. [0 duplicates in 0.01s]
4 of 6 START test coverage ................................................ [RUN]
4 of 6 WARN test coverage ................................................. [0.981 < 0.99 in 0.30s]
2 of 6 OK model ohlcv ..................................................... [12,345 rows, 180 partitions in 1.20s]
5 of 6 START model volume_rankings ........................................ [RUN]
5 of 6 ERROR model volume_rankings ........................................ [no such column in 2.00s]
6 of 6 SKIP export volume_rankings ........................................ [volume_rankings failed]
Finished after 19.2s
`);
});

test('stdout has the result: what failed and why, what to do next, and the Done line last', async () => {
  const { reporter, advance, out } = await start();
  playRun(reporter, advance, logFile);
  expect(out()).toBe('');
  await reporter.close();
  expect(out().replaceAll(logFile, 'LOG')).toBe(`\
1 node failed:
  ERROR model volume_rankings: [MODEL_FAILED] models/x.ts:3: no such column
    next: fix it
2 nodes warned:
  WARN extract klines: 715 staged, 1 rejected
    A19: the CHECKSUM of X is stale
  WARN test coverage: 0.981 < 0.99
1 node skipped:
  SKIP export volume_rankings: volume_rankings failed
Log: LOG

Done. PASS=2 WARN=2 ERROR=1 SKIP=1 NO-OP=0 REUSED=0 TOTAL=6
`);
});

test('a run without problems ends with only the Done line', async () => {
  const { reporter, out } = await start();
  reporter.report(runStarted(logFile));
  const counts = { pass: 1, warn: 0, error: 0, skip: 0, 'no-op': 2, reused: 3 };
  reporter.report({ type: 'run_finished', counts, seconds: 1, interrupted: false });
  await reporter.close();
  expect(out()).toBe('Done. PASS=1 WARN=0 ERROR=0 SKIP=0 NO-OP=2 REUSED=3 TOTAL=6\n');
});

test('an interrupted run says how to continue', async () => {
  const { reporter, out, err } = await start();
  reporter.report(runStarted(logFile));
  const counts = { pass: 0, warn: 0, error: 0, skip: 6, 'no-op': 0, reused: 0 };
  reporter.report({ type: 'run_finished', counts, seconds: 3, interrupted: true });
  await reporter.close();
  expect(out()).toContain('Interrupted: run the same command again to continue.\n');
  expect(err()).toContain('Interrupted after 3.0s\n');
});

test('a long list of skipped nodes is shortened, and says so', async () => {
  const { reporter, out } = await start();
  reporter.report(runStarted(logFile));
  for (let i = 0; i < 25; i += 1)
    reporter.report({ type: 'node_finished', node: exported, status: 'skip', seconds: 0, message: 'x' });
  const counts = { pass: 0, warn: 0, error: 0, skip: 25, 'no-op': 0, reused: 0 };
  reporter.report({ type: 'run_finished', counts, seconds: 3, interrupted: false });
  await reporter.close();
  expect(out()).toContain('  … and 5 nodes more\n');
});

test('a node that reports nothing is still shown as running', async () => {
  const { reporter, advance, err } = await start();
  reporter.report(runStarted(logFile));
  reporter.report({ type: 'node_started', node: ohlcv });
  advance(30_000);
  await reporter.close();
  expect(err()).toContain('[15s] Progress: model ohlcv is running\n[30s] Progress: model ohlcv is running\n');
});

test('a progress line shows the seconds of its own node, even if two run at once', async () => {
  const { reporter, advance, err } = await start();
  reporter.report(runStarted(logFile));
  reporter.report({ type: 'node_started', node: klines });
  advance(10_000);
  reporter.report({ type: 'node_started', node: ohlcv });
  reporter.report({ type: 'node_progress', node: ohlcv, progress: { done: 1, total: 2, unit: 'partitions' } });
  advance(15_000);
  await reporter.close();
  expect(err()).toContain('[15s] Progress: extract klines is running\n');
  expect(err()).toContain('[15s] Progress: 1/2 partitions (50%) · model ohlcv\n');
});

test('no timer outlives its node or the reporter', async () => {
  const { reporter, pending } = await start();
  reporter.report(runStarted(logFile));
  reporter.report({ type: 'node_started', node: klines });
  expect(pending()).toBeGreaterThan(0);
  await reporter.close();
  expect(pending()).toBe(0);
});

test('--quiet prints the errors and the Done line', async () => {
  const { reporter, advance, out, err } = await start({ quiet: true });
  playRun(reporter, advance, logFile);
  reporter.report({ type: 'log', level: 'error', message: 'the disk is full' });
  await reporter.close();
  expect(err()).toBe(
    'model volume_rankings: error [MODEL_FAILED] models/x.ts:3: no such column\n  next: fix it\nthe disk is full\n',
  );
  expect(out()).toBe('Done. PASS=2 WARN=2 ERROR=1 SKIP=1 NO-OP=0 REUSED=0 TOTAL=6\n');
});

test('the log file has every event, debug lines and full errors, with times', async () => {
  const { reporter, advance, err } = await start({ quiet: true });
  playRun(reporter, advance, logFile);
  await reporter.close();
  const log = await readFile(logFile, 'utf8');
  expect(log).toContain('2026-11-20T10:30:00.000Z DEBUG threads: 2\n');
  expect(log).toContain('2026-11-20T10:30:15.000Z [15s] Progress: 150/715 symbols (21%), 338,100 records');
  expect(log).toContain('Z error [MODEL_FAILED] models/x.ts:3: no such column\n');
  expect(log).toContain('    at playRun');
  expect(err()).not.toContain('threads');
});

test('a log file that cannot be written causes a warning and does not end the run', async () => {
  const { reporter, advance, out, err } = await start();
  await writeFile(join(directory, 'logs'), 'a file where the folder should be');
  playRun(reporter, advance, logFile);
  await reporter.close();
  expect(err().match(/WARN the log of this run ends here: /g)).toHaveLength(1);
  expect(out()).toContain('Done. ');
});

describe('a run in which nothing changed', () => {
  const said = `\
klinehouse run · target sample (synthetic data) · as of 2025-07-10 09:00 UTC · 2025-06-17 … 2025-06-28, 12 days
Nothing changed in 2.6s: 4 reused, 1 no-op, 1 warned (klines). All: --verbose
`;

  test('prints three lines', async () => {
    const { reporter, out, err, advance } = await start();
    playUnchangedRun(reporter, advance, logFile);
    await reporter.close();
    expect(err()).toBe(said);
    expect(out()).toBe('Done. PASS=0 WARN=1 ERROR=0 SKIP=0 NO-OP=1 REUSED=4 TOTAL=6\n');
    expect((await readFile(logFile, 'utf8')).split('\n').length).toBeGreaterThan(10);
  });

  test.each([{ verbose: true }, { debug: true }])('prints everything with %o', async (options) => {
    const { reporter, out, err, advance } = await start(options);
    playUnchangedRun(reporter, advance, logFile);
    await reporter.close();
    expect(err()).toContain('REUSED model ohlcv');
    expect(out()).toContain('1 node warned:');
  });

  test('shows that it is running if it takes long', async () => {
    const { reporter, err, advance } = await start();
    reporter.report(runStarted(logFile));
    reporter.report({ type: 'node_started', node: klines });
    reporter.report({ type: 'node_progress', node: klines, progress: { done: 5, total: 10, unit: 'series' } });
    advance(15_000);
    expect(err().split('\n')[1]).toBe('[15s] Progress: 5/10 series (50%) · extract klines');
    await reporter.close();
  });

  test('prints what it held back as soon as something is fetched, or if it ends early', async () => {
    for (const end of [
      (reporter: Reporter) =>
        reporter.report({ type: 'node_progress', node: klines, progress: { done: 1, unit: 'files', bytes: 10 } }),
      (reporter: Reporter) => reporter.close(),
    ]) {
      const { reporter, err } = await start();
      reporter.report(runStarted(logFile));
      reporter.report({ type: 'node_started', node: klines });
      reporter.report({ type: 'log', level: 'warn', node: klines, message: 'odd' });
      expect(err()).not.toContain('START');
      await end(reporter);
      expect(err()).toContain('1 of 6 START extract klines');
      expect(err()).toContain('WARN extract klines: odd');
      await reporter.close();
    }
  });
});

test('in a dumb or narrow terminal, lines are plain and have no dots', async () => {
  for (const [env, columns] of [
    [{ TERM: 'dumb' }, 80],
    [{ TERM: 'xterm' }, 40],
  ] as const) {
    const sink = createSink(columns);
    const { reporter, advance } = await start({ stderr: sink.stream, env });
    playRun(reporter, advance, logFile);
    await reporter.close();
    expect(stripVTControlCharacters(sink.text()).includes('2 of 6 OK model ohlcv [12,345 rows')).toBe(true);
    if (columns === 80) expect(sink.text()).not.toContain('\u001b');
  }
});

test('statuses and error codes have colours in a terminal, unless NO_COLOR is set', async () => {
  for (const [env, isColored] of [
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ] as const) {
    const sink = createSink(80);
    const { reporter, advance } = await start({ stdout: sink.stream, env });
    playRun(reporter, advance, logFile);
    await reporter.close();
    expect(sink.text().includes('\u001b[31mERROR\u001b[39m')).toBe(isColored);
    expect(sink.text().includes('\u001b')).toBe(isColored);
  }
});
