import { expect, test } from 'vitest';
import { checkErrors } from '../../checks/errors.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (rows: string) =>
  checkErrors(await tree({ 'docs/errors.md': `| code | meaning | exit code |\n|---|---|---|\n${rows}` }), {
    USAGE: 2,
    INTERNAL: 1,
  });

test('one row for each code is well', async () => {
  expect(await problemsOf('| `USAGE` | wrong | 2 |\n| `INTERNAL` | a defect | 1 |')).toEqual([]);
});

test.each([
  ['| `USAGE` | wrong | 2 |', 'docs/errors.md: INTERNAL has no row'],
  ['| `USAGE` | a | 2 |\n| `INTERNAL` | b | 2 |', 'docs/errors.md:4: INTERNAL exits with 1, not 2'],
  [
    '| `USAGE` | a | 2 |\n| `INTERNAL` | b | 1 |\n| `OLD` | c | 1 |',
    'docs/errors.md:5: OLD is no code of engine/errors.ts',
  ],
  ['| `USAGE` | a | 2 |\n| `INTERNAL` | b | 1 |\n| `USAGE` | a | 2 |', 'docs/errors.md:5: USAGE has a row already'],
  ['| `USAGE` | | 2 |\n| `INTERNAL` | b | 1 |', 'docs/errors.md:3: USAGE has an empty cell'],
])('%s is not', async (rows, problem) => {
  expect(await problemsOf(rows)).toEqual([problem]);
});
