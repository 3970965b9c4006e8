import { expect, test } from 'vitest';
import { checkGuards } from '../../checks/guards.ts';
import type { Guard } from '../../guards/guards.ts';
import { tree } from '../../support/tree.ts';

const guard: Guard = {
  id: 'A1',
  file: 'extract/names.ts',
  from: 'if (isOdd)',
  to: 'if (false)',
  test: 'tests/unit/names.test.ts',
};
const problemsOf = async (guards: readonly Guard[]) =>
  checkGuards(
    await tree({
      'docs/cases.md':
        '| id | what | fixture | test |\n|---|---|---|---|\n| A1 | x | in the test | `tests/unit/names.test.ts` |',
      'extract/names.ts': 'if (isOdd) skip();\nif (isLong) skip();\nif (isLong) warn();',
    }),
    guards,
  );

test('a guard that its file contains once, with a test of its row, passes', async () => {
  expect(await problemsOf([guard])).toEqual([]);
});

test.each<[string, readonly Guard[]]>([
  ['A1 has no guard', []],
  ['A1: it has a guard already', [guard, guard]],
  ['A1: extract/gone.ts does not exist', [{ ...guard, file: 'extract/gone.ts' }]],
  ['A1: "if (isEven)" appears 0 times in extract/names.ts, not once', [{ ...guard, from: 'if (isEven)' }]],
  ['A1: "if (isLong)" appears 2 times in extract/names.ts, not once', [{ ...guard, from: 'if (isLong)' }]],
  ['A2: docs/cases.md has no row for it', [guard, { ...guard, id: 'A2' }]],
  ['A1: its row in docs/cases.md does not name tests/unit', [{ ...guard, test: 'tests/unit' }]],
])('%s', async (problem, guards) => {
  expect(await problemsOf(guards)).toEqual([`tests/guards/guards.ts: ${problem}`]);
});
