import type { CheckResult } from './checks.ts';

/** The parts that are read from the report of vitest's JSON reporter. */
export interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: 'passed' | 'failed' | string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Part of the title of every suite that reads ../shared. */
export const needsShared = '(needs ../shared)';

export interface Summary {
  readonly passed: boolean;
  /** Failures other than single tests and checks, then one plain line of counts. */
  readonly lines: readonly string[];
}

/**
 * The end of `pnpm test`. If there is no report, or one that does not show the failure, the run still counts as failed.
 */
export function summarize(
  checks: readonly CheckResult[],
  tests: { readonly report: TestReport | undefined; readonly exitCode: number | null },
  hasShared: boolean,
): Summary {
  const lines: string[] = [];
  const failedChecks = checks.filter(({ problems }) => problems.length > 0);
  const files = tests.report?.testResults ?? [];
  const silentFiles = files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  const notRun = files
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, fullName }) => ['skipped', 'pending'].includes(status) && fullName.includes(needsShared)).length;

  let failed = failedChecks.length + (tests.report?.numFailedTests ?? 0) + silentFiles.length;
  if (failedChecks.length > 0) lines.push(`failed checks: ${failedChecks.map(({ name }) => name).join(', ')}`);
  for (const { name } of silentFiles) lines.push(`failed to load: ${name}`);
  if (notRun > 0 && hasShared) {
    failed += notRun;
    lines.push(`${notRun} tests that need ../shared were skipped although it is there`);
  } else if (notRun > 0) lines.push(`${notRun} tests were skipped: ../shared is not next to the repository`);
  if (tests.exitCode !== 0 && failed === failedChecks.length) {
    failed += 1;
    lines.push('the test run failed as a whole: coverage below its threshold, or an error outside the tests (above)');
  }

  const passed = checks.length - failedChecks.length + (tests.report?.numPassedTests ?? 0);
  const skipped = (tests.report?.numPendingTests ?? 0) - (hasShared ? notRun : 0);
  lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return { passed: failed === 0, lines };
}
