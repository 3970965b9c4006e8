import { expect, test } from 'vitest';
import { checkCases } from '../../checks/cases.ts';
import { tree } from '../../support/tree.ts';

const head = '| id | what | fixture | test |\n|---|---|---|---|\n';
const problemsOf = async (row: string) =>
  checkCases(
    await tree({
      'docs/cases.md': head + row,
      'extract/sample.ts': '',
      'tests/unit/names.test.ts': "test('A1 is read')",
      'tests/unit/other.test.ts': "test('A10 is read')",
    }),
  );

test('a row whose files exist passes', async () => {
  expect(await problemsOf('| A1 | headers | `extract/sample.ts` | `tests/unit/names.test.ts` |')).toEqual([]);
});

test.each([
  [
    '| A1 | x | `extract/sample.ts` | `tests/unit/gone.test.ts` |',
    'A1 names tests/unit/gone.test.ts, which does not exist',
  ],
  ['| A1 | x | `extract/gone.ts` | `tests/unit/names.test.ts` |', 'A1 names extract/gone.ts, which does not exist'],
  ['| A1 | x | in the test | `tests/unit/other.test.ts` |', 'tests/unit/other.test.ts does not name A1'],
  ['| A1 | x | in the test | |', 'A1 names no test'],
  ['| first | x | in the test | `tests/unit/names.test.ts` |', 'first is not a case id'],
])('%s fails', async (row, problem) => {
  expect(await problemsOf(row)).toEqual([`docs/cases.md:3: ${problem}`]);
});

test('a case may have only one row', async () => {
  const row = '| A1 | x | in the test | `tests/unit/names.test.ts` |';
  expect(await problemsOf(`${row}\n${row}`)).toEqual(['docs/cases.md:4: A1 has a row already']);
});
