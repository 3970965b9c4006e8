/** `pnpm test`: all checks, then all tests with coverage, then one plain line of counts. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { checks, runChecks } from './checks.ts';
import { summarize, type TestReport } from './summary.ts';

const root = join(import.meta.dirname, '../..');
const results = await runChecks(root, Object.entries(checks), (line) => console.log(line));

const directory = await mkdtemp(join(tmpdir(), 'klinehouse-report-'));
const reportFile = join(directory, 'vitest.json');
const { exitCode } = await $({ cwd: root, nothrow: true, preferLocal: true, stdio: 'inherit' })`vitest ${[
  'run',
  '--coverage',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportFile}`,
]}`;
const report = existsSync(reportFile) ? (JSON.parse(await readFile(reportFile, 'utf8')) as TestReport) : undefined;
await rm(directory, { recursive: true });

const { passed, lines } = summarize(results, { report, exitCode }, existsSync(join(root, '../shared')));
for (const line of lines) console.log(line);
process.exitCode = passed ? 0 : 1;
