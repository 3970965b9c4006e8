import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { runChecks } from '../../checks/checks.ts';
import { root } from '../../support/pipeline.ts';

const run = promisify(execFile);
const script = [join(root, 'node_modules/.bin/node'), join(root, 'tests/checks/run.ts')] as const;

test('problems are printed below the check that found them, and a check that throws has failed', async () => {
  const lines: string[] = [];
  const results = await runChecks(
    '.',
    [
      ['good', async () => []],
      ['bad', async () => ['a.ts:1: wrong']],
      ['broken', async () => Promise.reject(new Error('no such file'))],
    ],
    (line) => lines.push(line),
  );
  expect(lines).toEqual(['ok   good', 'FAIL bad', '     a.ts:1: wrong', 'FAIL broken', '     no such file']);
  expect(results.map(({ problems }) => problems.length)).toEqual([0, 1, 1]);
});

test('a named check runs alone', async () => {
  expect((await run(script[0], [script[1], 'errors'])).stdout).toBe('ok   errors\n');
});

test('an unknown check is a usage error', async () => {
  await expect(run(script[0], [script[1], 'nothing'])).rejects.toMatchObject({ code: 2 });
});

test('an unknown set of tests is a usage error', async () => {
  const tests = run(script[0], [join(root, 'tests/checks/test.ts'), 'nothing']);
  await expect(tests).rejects.toMatchObject({
    code: 2,
    stderr: '`nothing` is not one of quick, trials, all\n',
  });
});
