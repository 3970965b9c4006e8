/**
 * `pnpm test`: all checks, then the quick tests, then one plain line of counts. `pnpm test:trials` runs the trials
 * alone (kills, faults, other machines), and `pnpm test:all` everything, with coverage, as `.ci/run` does.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { checks, runChecks } from './checks.ts';
import { summarize, type TestReport } from './summary.ts';

/** The projects of vitest.config.ts that each command runs; an empty list means all. */
const commands: Readonly<Record<string, readonly string[]>> = {
  quick: ['unit', 'e2e'],
  trials: ['trials'],
  all: [],
};
const [command = 'quick', ...rest] = process.argv.slice(2);
const projects = commands[command];

if (projects === undefined || rest.length > 0) {
  console.error(`\`${process.argv.slice(2).join(' ')}\` is not one of ${Object.keys(commands).join(', ')}`);
  process.exitCode = 2;
} else {
  const root = join(import.meta.dirname, '../..');
  const selected = command === 'trials' ? [] : Object.entries(checks);
  const results = await runChecks(root, selected, (line) => console.log(line));

  const directory = await mkdtemp(join(tmpdir(), 'klinehouse-report-'));
  const reportFile = join(directory, 'vitest.json');
  const { exitCode } = await $({ cwd: root, nothrow: true, preferLocal: true, stdio: 'inherit' })`vitest ${[
    'run',
    ...projects.map((name) => `--project=${name}`),
    ...(command === 'all' ? ['--coverage'] : []),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
  ]}`;
  const report = existsSync(reportFile) ? (JSON.parse(await readFile(reportFile, 'utf8')) as TestReport) : undefined;
  await rm(directory, { recursive: true });

  const { passed, lines } = summarize(results, { report, exitCode }, existsSync(join(root, '../shared')));
  for (const line of lines) console.log(line);
  process.exitCode = passed ? 0 : 1;
}
