import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { listenForSignals } from '../../../engine/cli/io.ts';

function start() {
  let time = 0;
  const exits: number[] = [];
  const source = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
  const signal = listenForSignals(source, () => time);
  const send = (name: string, at: number) => {
    time = at;
    source.emit(name);
  };
  return { signal, exits, send };
}

test('the first signal aborts but does not end the process', () => {
  const { signal, exits, send } = start();
  expect(signal.aborted).toBe(false);
  send('SIGINT', 0);
  expect(signal.aborted).toBe(true);
  expect(exits).toEqual([]);
});

test('the same Ctrl-C, passed on by pnpm, does not count as a second one', () => {
  const { exits, send } = start();
  send('SIGINT', 0);
  send('SIGINT', 20);
  send('SIGTERM', 200);
  expect(exits).toEqual([]);
});

test('a second Ctrl-C ends the process at once', () => {
  const { exits, send } = start();
  send('SIGINT', 0);
  send('SIGINT', 400);
  expect(exits).toEqual([130]);
});

test('a process that does not end by itself is ended within a second', () => {
  vi.useFakeTimers();
  try {
    const { exits, send } = start();
    send('SIGTERM', 0);
    vi.advanceTimersByTime(899);
    expect(exits).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(exits).toEqual([130]);
  } finally {
    vi.useRealTimers();
  }
});
