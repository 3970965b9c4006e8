import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { readFiles } from '../../checks/files.ts';
import { root } from '../../support/pipeline.ts';

const folder = 'tests/fixtures/types';

/** Code that must not compile says so on its line: `// error: TEXT` is part of the compiler's message there. */
interface Expected {
  readonly line: number;
  readonly text: string;
}

const found = new Map<string, { line: number; message: string }[]>();
const files = await readFiles(root, [`${folder}/*.ts`]);

beforeAll(async () => {
  const output = await promisify(execFile)(
    join(root, 'node_modules/.bin/tsc'),
    ['--noEmit', '--pretty', 'false', '-p', folder],
    {
      cwd: root,
    },
  ).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
  for (const report of output.split(/\n(?=\S)/)) {
    const [, file = '', line, message = ''] = /^(.+?)\((\d+),\d+\): error ([\s\S]*)$/.exec(report) ?? [];
    found.set(file, [...(found.get(file) ?? []), { line: Number(line), message }]);
  }
}, 60_000);

const expectedIn = (text: string): readonly Expected[] =>
  text.split('\n').flatMap((line, at) => {
    const [, marker] = /\/\/ error: (.+)$/.exec(line) ?? [];
    return marker === undefined ? [] : [{ line: at + 1, text: marker }];
  });

test.each(files.map(({ path, text }) => [path.slice(folder.length + 1), path, text] as const))(
  '%s: the compiler finds exactly the marked errors',
  (_, path, text) => {
    const expected = expectedIn(text);
    const errors = found.get(path) ?? [];
    expect(errors.map(({ line }) => line)).toEqual(expected.map(({ line }) => line));
    for (const [at, { text: wanted }] of expected.entries()) expect(errors[at]?.message).toContain(wanted);
  },
);

test('there is a fixture for each way in which a query can differ from its table', () => {
  expect(files.map(({ path }) => path.slice(folder.length + 1))).toEqual([
    'definitions.ts',
    'extra-column.ts',
    'may-be-null.ts',
    'missing-column.ts',
    'model-tests.ts',
    'never-null.ts',
    'own-table.ts',
    'right.ts',
    'vocabulary.ts',
    'wrong-column.ts',
    'wrong-type.ts',
  ]);
});
