import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkErrors } from '../../checks/errors.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (rows: string) =>
  checkErrors(await tree({ 'docs/errors.md': `| code | meaning | exit code |\n|---|---|---|\n${rows}` }), [
    { file: 'engine/errors.ts', codes: { USAGE: 2 } },
    { file: 'extract/failure.ts', codes: { INTERNAL: 1 } },
  ]);

test('one row for each code passes', async () => {
  expect(await problemsOf('| `USAGE` | wrong | 2 |\n| `INTERNAL` | a defect | 1 |')).toEqual([]);
});

test.each([
  ['| `USAGE` | wrong | 2 |', 'docs/errors.md: INTERNAL has no row'],
  ['| `USAGE` | a | 2 |\n| `INTERNAL` | b | 2 |', 'docs/errors.md:4: INTERNAL exits with 1, not 2'],
  ['| `USAGE` | a | 2 |\n| `INTERNAL` | b | 1 |\n| `OLD` | c | 1 |', 'docs/errors.md:5: OLD is not a declared code'],
  ['| `USAGE` | a | 2 |\n| `INTERNAL` | b | 1 |\n| `USAGE` | a | 2 |', 'docs/errors.md:5: USAGE has a row already'],
  ['| `USAGE` | | 2 |\n| `INTERNAL` | b | 1 |', 'docs/errors.md:3: USAGE has an empty cell'],
])('%s fails', async (rows, problem) => {
  expect(await problemsOf(rows)).toEqual([problem]);
});

test('a code that is declared twice fails, and so does a module whose codes cannot be found', async () => {
  const root = await tree({
    'docs/errors.md': '| code | meaning | exit code |\n|---|---|---|\n| `USAGE` | wrong | 2 |',
  });
  const twice = [
    { file: 'engine/errors.ts', codes: { USAGE: 2 } },
    { file: 'extract/failure.ts', codes: { USAGE: 1 } },
    { file: 'queries/ask.ts', codes: {} },
  ];
  expect(await checkErrors(root, twice)).toEqual([
    'extract/failure.ts: USAGE is declared twice',
    'queries/ask.ts: exports no class of defineErrors',
    'docs/errors.md:3: USAGE exits with 1, not 2',
  ]);
});

test('the errors of the project need rows too', async () => {
  const root = join(import.meta.dirname, '../../..');
  const page = await readFile(join(root, 'docs/errors.md'), 'utf8');
  const rows = page.split('\n').filter((line) => !/`(EXCHANGE_BANNED|CERTIFICATE_DIFFERS)`/.test(line));
  const without = await tree({ 'docs/errors.md': rows.join('\n') });
  await symlink(join(root, 'engine'), join(without, 'engine'));
  await symlink(join(root, 'extract'), join(without, 'extract'));
  await symlink(join(root, 'queries'), join(without, 'queries'));
  expect(await checkErrors(without)).toEqual([
    'docs/errors.md: EXCHANGE_BANNED has no row',
    'docs/errors.md: CERTIFICATE_DIFFERS has no row',
  ]);
});
