import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { run, writeProject } from './fixture.ts';

const files = {
  'pipeline.yaml': `\
name: tiny
default_target: sample
schema: models/schema.ts
targets:
  sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true }
  other: { archive: http://127.0.0.1:1 }
vars:
  behaviour: { type: string, default: succeed }
  collect_volume: { type: boolean, default: true, flag: collect-volume }
  odd_file: { type: boolean, default: false, flag: odd }
extracts:
  files: { use: extract/files.ts, writes: [] }
  volumes: { use: extract/files.ts, writes: [], needs: [files], when: collect_volume }
`,
  'models/schema.ts': 'export const schema = {};',
  'extract/files.ts': `\
export default {
  async run({ vars, progress, warn, signal, window }) {
    progress({ done: 1, total: 2, unit: 'files' });
    const behaviour = vars.boolean('odd_file') ? 'warn' : vars.string('behaviour');
    if (behaviour === 'fail') throw new Error('out of luck');
    if (behaviour === 'warn') warn({ kind: 'odd', subject: 'a file', message: 'a file is odd' });
    if (behaviour === 'wait') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    return { status: 'success', summary: { new: 2 } };
  },
  staged: async () => ({}),
};
`,
};

let project: string;
beforeEach(async () => {
  project = await tempDir('build-');
  await writeProject(project, files);
});

test('a run reports progress on stderr and results on stdout, and writes below its target', async () => {
  const { exitCode, stdout, stderr } = await run(project, ['run']);
  expect(exitCode).toBe(0);
  expect(stderr.split('\n')[0]).toBe('tiny run · target sample (synthetic data) · as of 2025-07-10 09:00 UTC');
  expect(stderr).toContain('1 of 2 OK extract files ');
  expect(stdout).toBe('Done. PASS=2 WARN=0 ERROR=0 SKIP=0 NO-OP=0 REUSED=0 TOTAL=2\n');
  const log = await readFile(join(project, 'data/sample/logs/20261120T103000Z-8000.log'), 'utf8');
  expect(log).toContain('OK extract volumes');
});

test('a failed node ends the run with 1 and the reason', async () => {
  const { exitCode, stdout } = await run(project, ['run', '--var', 'behaviour=fail']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('ERROR extract files: [INTERNAL] out of luck');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('Done. PASS=0 WARN=0 ERROR=1 SKIP=1 NO-OP=0 REUSED=0 TOTAL=2');
});

test('warnings are allowed unless --warn-error', async () => {
  const warned = ['run', '--vars', '{"behaviour": "warn"}'];
  expect((await run(project, warned)).exitCode).toBe(0);
  expect((await run(project, [...warned, '--warn-error'])).exitCode).toBe(1);
});

test('the flag of a boolean var sets the opposite of its default', async () => {
  const done = async (...argv: string[]) => (await run(project, ['run', ...argv])).stdout;
  expect(await done('--no-collect-volume')).toContain('Done. PASS=1 WARN=0 ERROR=0 SKIP=0 NO-OP=1');
  expect(await done('--odd')).toContain('Done. PASS=0 WARN=2 ERROR=0 SKIP=0 NO-OP=0');
  expect(await done('--var', 'collect_volume=false', '--var', 'odd_file=true')).toContain(
    'Done. PASS=0 WARN=1 ERROR=0 SKIP=0 NO-OP=1',
  );
  expect((await run(project, ['run', '--help'])).stdout).toMatch(/--no-collect-volume +--var collect_volume=false\./);
  const { exitCode, stderr } = await run(project, ['run', '--collect-volume']);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("unknown option '--collect-volume'")]);
});

test('--log-format json writes one object per line of stderr', async () => {
  const { stderr } = await run(project, [
    'run',
    '--log-format',
    'json',
    '--start',
    '2025-06-17',
    '--end',
    '2025-06-29',
  ]);
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({ type: 'run_started', range: '2025-06-17 … 2025-06-28, 12 days' });
  expect(events.at(-1)).toMatchObject({ type: 'run_finished', interrupted: false });
});

test('--target, --data-dir and --as-of reach the run', async () => {
  const dataDir = await tempDir();
  const args = ['run', '--target', 'other', '--data-dir', dataDir, '--as-of', '2025-01-01'];
  const { stderr } = await run(project, args);
  expect(stderr).toContain('tiny run · target other · as of 2025-01-01 00:00 UTC\n');
  expect(existsSync(join(dataDir, 'other/artifacts/run.json'))).toBe(true);
  expect(existsSync(join(project, 'data'))).toBe(false);
});

test('an interrupted run ends with 130 and writes its artifacts', async () => {
  const controller = new AbortController();
  const ended = run(project, ['run', '--var', 'behaviour=wait'], { signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  const { exitCode, stdout } = await ended;
  expect(exitCode).toBe(130);
  expect(stdout).toContain('Interrupted: run the same command again to continue.');
  expect(existsSync(join(project, 'data/sample/artifacts/run.json'))).toBe(true);
});

test.each([[['plan']], [['run', '--dry-run']]])('%j says what would be done, and writes nothing', async (command) => {
  const { exitCode, stdout } = await run(project, [...command, '--no-collect-volume', '--start', '2025-06-17']);
  expect(exitCode).toBe(0);
  expect(stdout).toBe(`\
tiny plan · target sample (synthetic data) · as of 2025-07-10 09:00 UTC · from 2025-06-17
NODE             A RUN WOULD
extract.files    run
extract.volumes  do nothing: the var collect_volume is false
`);
  expect(existsSync(join(project, 'data'))).toBe(false);
});

test('test without a selected test ends with 2', async () => {
  const { exitCode, stderr } = await run(project, ['test']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('error [SELECTION_EMPTY] no selected node has a test');
});

test.each([
  [['--vars', '{"behavior": "fail"}'], 'did you mean behaviour?'],
  [['--var', 'behaviour'], '--var must be name=value'],
  [['--target', 'smaple'], 'did you mean sample?'],
  [['--start', '2025-02-30'], '--start must be a UTC date'],
])('%j ends with 2 and says why', async (args, reason) => {
  const { exitCode, stdout, stderr } = await run(project, ['run', ...args]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(reason);
  expect(stdout).toBe('');
});

test('doctor prints its findings, and clean prints what it removed', async () => {
  await run(project, ['run']);
  const doctor = await run(project, ['doctor']);
  expect(doctor.exitCode).toBe(0);
  expect(doctor.stdout).toMatch(/^ok {4}node +24\./m);
  const clean = await run(project, ['clean']);
  expect(clean.stdout).toContain(`removed ${join(project, 'data/sample/logs')}\n`);
  expect((await run(project, ['clean'])).stdout).toContain('nothing to remove in ');
});

test('schema check accepts the output of schema print', async () => {
  const stale = await run(project, ['schema', 'check']);
  expect(stale.exitCode).toBe(1);
  expect(stale.stderr).toContain('next: outdated files: pnpm pipeline schema print --write');
  await run(project, ['schema', 'print', '--write']);
  expect(await readFile(join(project, 'models/schema.sql'), 'utf8')).toBe(
    (await run(project, ['schema', 'print'])).stdout,
  );
  expect((await run(project, ['schema', 'check'])).exitCode).toBe(0);
});

test('show of an unknown table ends with 2', async () => {
  const { exitCode, stderr } = await run(project, ['show', 'rankings']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('there is no table rankings');
});
