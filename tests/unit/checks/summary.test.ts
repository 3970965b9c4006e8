import { expect, test } from 'vitest';
import { needsShared, summarize, type TestReport } from '../../checks/summary.ts';

const report = (
  assertions: readonly (readonly [title: string, status: string])[],
  status: 'passed' | 'failed' = 'passed',
): TestReport => {
  const count = (wanted: string) => assertions.filter(([, found]) => found === wanted).length;
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('skipped'),
    testResults: [
      {
        name: 'a.test.ts',
        status,
        assertionResults: assertions.map(([fullName, found]) => ({ fullName, status: found })),
      },
    ],
  };
};
const good = { name: 'imports', problems: [] };
const bad = { name: 'links', problems: ['README.md:1: gone'] };
const skippedShared = ['suite (needs ../shared) works', 'skipped'] as const;

test('checks and tests are counted together', () => {
  const tests = { report: report([['works', 'passed']]), exitCode: 0 };
  expect(summarize([good], tests, true)).toEqual({ passed: true, lines: ['2 passed, 0 failed'] });
});

test('a failed check fails the run', () => {
  const tests = { report: report([['works', 'passed']]), exitCode: 0 };
  expect(summarize([good, bad], tests, true)).toEqual({
    passed: false,
    lines: ['failed checks: links', '2 passed, 1 failed'],
  });
});

test('a failed test fails the run', () => {
  const tests = { report: report([['works', 'failed']], 'failed'), exitCode: 1 };
  expect(summarize([good], tests, true)).toEqual({ passed: false, lines: ['1 passed, 1 failed'] });
});

test('a test file that does not load fails the run even without a failed test', () => {
  const { passed, lines } = summarize([], { report: report([], 'failed'), exitCode: 1 }, true);
  expect({ passed, lines }).toEqual({ passed: false, lines: ['failed to load: a.test.ts', '0 passed, 1 failed'] });
});

test('coverage below its threshold fails the run', () => {
  const { passed, lines } = summarize([good], { report: report([['works', 'passed']]), exitCode: 1 }, true);
  expect(passed).toBe(false);
  expect(lines.at(-1)).toBe('2 passed, 1 failed');
});

test('a run without a report counts as failed', () => {
  expect(summarize([good], { report: undefined, exitCode: 1 }, true)).toMatchObject({ passed: false });
});

test('tests that need ../shared may be skipped only where it is absent', () => {
  expect(skippedShared[0]).toContain(needsShared);
  const tests = { report: report([['works', 'passed'], skippedShared]), exitCode: 0 };
  expect(summarize([], tests, false)).toEqual({
    passed: true,
    lines: ['1 tests were skipped: ../shared is not next to the repository', '1 passed, 0 failed, 1 skipped'],
  });
  expect(summarize([], tests, true)).toMatchObject({ passed: false });
  expect(summarize([], tests, true).lines.at(-1)).toBe('1 passed, 1 failed');
});
