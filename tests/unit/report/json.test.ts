import { expect, test } from 'vitest';
import { PipelineError } from '../../../engine/errors.ts';
import { createJsonReporter, toJsonLine } from '../../../engine/report/json.ts';
import { createFakeClock, playRun } from './scripted-run.ts';

function play(options: { quiet?: boolean; debug?: boolean } = {}) {
  const { clock, advance } = createFakeClock();
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const reporter = createJsonReporter({ write, clock, quiet: false, debug: false, ...options });
  playRun(reporter, advance, 'run.log');
  return lines;
}

test('each event is one line with ts, level and its own fields', () => {
  const lines = play();
  expect(lines[0]).toBe(
    '{"ts":"2026-11-20T10:30:00.000Z","level":"info","type":"run_started","runId":"20261120T103000Z-ab12","target":"sample","synthetic":true,"asOf":"2025-07-10T09:00:00.000Z","nodes":[{"id":"extract.klines","kind":"extract","name":"klines"},{"id":"model.ohlcv","kind":"model","name":"ohlcv"},{"id":"test.unique_ohlcv","kind":"test","name":"unique_ohlcv","parent":"model.ohlcv"},{"id":"test.coverage","kind":"test","name":"coverage","parent":"model.ohlcv"},{"id":"model.volume_rankings","kind":"model","name":"volume_rankings"},{"id":"export.volume_rankings","kind":"export","name":"volume_rankings"}],"range":"2025-06-17 … 2025-06-28, 12 days","logFile":"run.log"}',
  );
  expect(lines.at(-1)).toBe(
    '{"ts":"2026-11-20T10:30:19.204Z","level":"info","type":"run_finished","counts":{"pass":2,"warn":2,"error":1,"skip":1,"no-op":0,"reused":0},"seconds":19.2,"interrupted":false}',
  );
  expect(lines.map((line) => JSON.parse(line).level).filter((level) => level !== 'info')).toEqual([
    'warn',
    'warn',
    'warn',
    'error',
  ]);
});

test('progress of 150 files in 15 seconds is 15 lines', () => {
  expect(play().filter((line) => line.includes('"node_progress"'))).toHaveLength(15);
});

test('a failed node has the code and the details of its error', () => {
  const failed = play().find((line) => line.includes('"status":"error"')) ?? '';
  expect(JSON.parse(failed).error).toEqual({
    code: 'MODEL_FAILED',
    message: 'no such column',
    file: 'models/x.ts',
    line: 3,
    hint: 'fix it',
  });
});

test('debug lines and stacks come with --debug only', () => {
  expect(play().some((line) => line.includes('threads: 2'))).toBe(false);
  const lines = play({ debug: true });
  expect(lines.some((line) => line.includes('threads: 2'))).toBe(true);
  expect(lines.some((line) => line.includes('"stack":"PipelineError: no such column\\n'))).toBe(true);
});

test('--quiet prints only errors', () => {
  expect(play({ quiet: true }).map((line) => JSON.parse(line).type)).toEqual(['node_finished']);
});

test('bigint, Date and nested errors are written without throwing', () => {
  const cause = new TypeError('socket closed');
  const error = new PipelineError('ARCHIVE_UNREACHABLE', 'no answer', { url: 'http://127.0.0.1/', attempt: 5, cause });
  expect(toJsonLine({ small: 3n, big: 2n ** 60n, day: new Date(0), error, other: cause })).toBe(
    '{"small":3,"big":"1152921504606846976","day":"1970-01-01T00:00:00.000Z","error":{"code":"ARCHIVE_UNREACHABLE","message":"no answer","url":"http://127.0.0.1/","attempt":5,"cause":"socket closed"},"other":{"code":"INTERNAL","message":"socket closed"}}',
  );
});
