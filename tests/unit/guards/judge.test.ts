import { expect, test } from 'vitest';
import { type GuardReport, judge } from '../../guards/judge.ts';

/** A report of one file with tests of these statuses, the failed ones with this message. */
const reportOf = (
  statuses: readonly string[],
  { fails = statuses.includes('failed'), message = 'AssertionError: 1 is not 2\n at x' } = {},
): GuardReport => ({
  testResults: [
    {
      status: fails ? 'failed' : 'passed',
      message: statuses.includes('failed') ? '' : message,
      assertionResults: statuses.map((status) => ({ status, failureMessages: status === 'failed' ? [message] : [] })),
    },
  ],
});

test('a guard holds if a test itself fails', () => {
  expect(judge(reportOf(['skipped', 'failed']))).toEqual({ holds: true, text: 'fails as it should (1 test)' });
  expect(judge(reportOf(['failed', 'passed', 'failed'])).text).toBe('fails as it should (2 tests)');
});

test.each([
  ['unnoticed: 2 tests pass without it', reportOf(['passed', 'passed', 'skipped'])],
  ['no test of the case came to an end', reportOf(['skipped'])],
  ['no test of the case came to an end', { testResults: [] }],
  [
    'no test fails by itself, but the file does: Error: no such module',
    reportOf([], { fails: true, message: 'Error: no such module\n at x' }),
  ],
  [
    'no test fails by itself, but the file does: Error: hook',
    reportOf(['skipped'], { fails: true, message: 'Error: hook' }),
  ],
  [
    'the changed code does not run: ReferenceError: x is not defined',
    reportOf(['failed'], { message: 'ReferenceError: x is not defined' }),
  ],
  ['vitest wrote no report', undefined],
])('a guard does not hold: %s', (text, report) => {
  expect(judge(report)).toEqual({ holds: false, text });
});
