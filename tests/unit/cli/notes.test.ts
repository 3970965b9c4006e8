import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createNotes } from '../../../engine/cli/io.ts';
import type { CommandIo } from '../../../engine/command.ts';

function notes(terminal: object, options: Parameters<typeof createNotes>[1] = {}) {
  let text = '';
  const write = (chunk: Buffer, _: unknown, done: () => void) => {
    text += chunk;
    done();
  };
  const stderr = Object.assign(new Writable({ write }), terminal);
  const note = createNotes({ stderr, now: () => new Date(0) } as unknown as CommandIo, options);
  return { note, written: () => text };
}

test('a note is wrapped between words to the width of a terminal, and not elsewhere', () => {
  const terminal = notes({ isTTY: true, columns: 12 });
  terminal.note('units: volume in USDT, averylongword here');
  expect(terminal.written()).toBe('units:\n  volume in\n  USDT,\n  averylongword\n  here\n');
  const file = notes({});
  file.note('units: volume in USDT, averylongword here');
  expect(file.written()).toBe('units: volume in USDT, averylongword here\n');
});

test('a note is a record with JSON output, and nothing with --quiet', () => {
  const json = notes({ isTTY: true, columns: 10 }, { logFormat: 'json' });
  json.note('a note of many words');
  expect(JSON.parse(json.written())).toMatchObject({ message: 'a note of many words', level: 'info' });
  const quiet = notes({}, { quiet: true });
  quiet.note('hush');
  expect(quiet.written()).toBe('');
});
