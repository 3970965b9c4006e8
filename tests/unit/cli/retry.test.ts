import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { run, writeProject } from './fixture.ts';

/** Notes in a file that it ran; fails while there is a file of its name. */
const extract = (name: string) => `\
import { appendFileSync, existsSync } from 'node:fs';
export default {
  async run({ vars }) {
    appendFileSync('ran', '${name}' + vars.string('mark') + ' ');
    if (existsSync('${name}')) throw new Error('${name} is broken');
    return { status: 'success', summary: {} };
  },
  staged: async () => ({}),
};
`;

let project: string;
const ran = async () => (await readFile(join(project, 'ran'), 'utf8')).trim();

beforeEach(async () => {
  project = await tempDir('retry-');
  const path = (name: string) => join(project, name);
  await writeProject(project, {
    'pipeline.yaml': `\
name: tiny
default_target: sample
schema: models/schema.ts
targets: { sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true } }
vars: { mark: { type: string, default: '' } }
extracts:
  first: { use: first.ts, writes: [] }
  second: { use: second.ts, writes: [], needs: [first] }
  third: { use: third.ts, writes: [], needs: [second] }
`,
    'models/schema.ts': 'export const schema = {};',
    ...Object.fromEntries(
      ['first', 'second', 'third'].map((name) => [
        `${name}.ts`,
        extract(name)
          .replaceAll(`'ran'`, JSON.stringify(path('ran')))
          .replace(`'${name}')`, `${JSON.stringify(path(name))})`),
      ]),
    ),
  });
});

test('retry runs what failed and what was skipped because of it, with the options of the last command', async () => {
  await writeFile(join(project, 'second'), '');
  expect((await run(project, ['run', '--var', 'mark=!'])).exitCode).toBe(1);
  expect(await ran()).toBe('first! second!');
  await rm(join(project, 'second'));

  const { exitCode, stdout, stderr } = await run(project, ['retry']);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('retrying: pnpm pipeline run --var mark=!\n');
  expect(stdout).toContain('Done. PASS=2 ');
  expect(await ran()).toBe('first! second! second! third!');
});

test('retry after a successful run does nothing', async () => {
  await run(project, ['run']);
  const { exitCode, stdout } = await run(project, ['retry']);
  expect([exitCode, stdout]).toEqual([0, 'nothing to retry: every node of the last run succeeded\n']);
  expect(await ran()).toBe('first second third');
});

test('retry continues from a retry that failed again', async () => {
  await writeFile(join(project, 'third'), '');
  await run(project, ['run']);
  expect((await run(project, ['retry'])).exitCode).toBe(1);
  await rm(join(project, 'third'));
  expect((await run(project, ['retry'])).exitCode).toBe(0);
  expect(await ran()).toBe('first second third third third');
});

test('retry without a last run says how to start', async () => {
  const { exitCode, stderr } = await run(project, ['retry']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('error [USAGE] ');
  expect(stderr).toContain('pnpm pipeline run');
});

describe('retry executes only what the schema of its artifact allows', () => {
  let file: string;
  beforeEach(async () => {
    file = join(project, 'data/sample/artifacts/run.json');
    await writeFile(join(project, 'second'), '');
    await run(project, ['run']);
    await rm(join(project, 'second'));
  });
  const change = async (edit: (results: Results) => unknown) => {
    const results = JSON.parse(await readFile(file, 'utf8'));
    edit(results);
    await writeFile(file, JSON.stringify(results));
  };
  interface Results {
    metadata: Record<string, unknown>;
    results: { unique_id: string; status: string }[];
  }
  const argv = (...words: readonly unknown[]) => change(({ metadata }) => Object.assign(metadata, { argv: words }));

  test.each<[string, () => Promise<unknown>, string]>([
    ['another command', () => argv('clean', '--staging'), 'Invalid option'],
    ['no command', () => argv(), 'argv'],
    ['a word that is none', () => argv('run', 3), 'argv'],
    ['an unknown flag', () => argv('run', '--exec', 'rm -rf /'), '`--exec` is not an option of run'],
    ['a flag of another command', () => argv('test', '--full-refresh'), '`--full-refresh` is not an option of test'],
    ['--help', () => argv('run', '--help'), '`--help` is not an option of run'],
    ['an operand', () => argv('run', 'clean'), '`clean` is not an option of run'],
    ['an operand behind --', () => argv('run', '--', 'clean'), '`--` is not an option of run'],
    [
      'a node that is not there',
      () => change((all) => all.results.splice(1, 1, { unique_id: 'extract.x', status: 'error' })),
      'no node extract.x',
    ],
    [
      'a status that is none',
      () => change((all) => all.results.splice(1, 1, { unique_id: 'extract.second', status: 'bad' })),
      'status',
    ],
    ['another version', () => change(({ metadata }) => Object.assign(metadata, { format: 2 })), 'format'],
    ['no version', () => change(({ metadata }) => delete metadata.format), 'format'],
    [
      'another target',
      () => change(({ metadata }) => Object.assign(metadata, { target: 'live' })),
      'it belongs to the target live',
    ],
    ['no JSON', () => writeFile(file, '{"metadata'), 'this is not what a run writes'],
  ])('%s is refused', async (_, damage, reason) => {
    await damage();
    const before = await ran();
    const { exitCode, stderr } = await run(project, ['retry']);
    expect(stderr).toContain('error [ARTIFACT_INVALID]');
    expect(stderr).toContain(reason);
    expect(exitCode).toBe(2);
    expect(await ran()).toBe(before);
  });

  test('the artifact does not decide where retry runs', async () => {
    const evil = await tempDir('evil-');
    await argv(
      'run',
      `--pipeline=${join(evil, 'pipeline.yaml')}`,
      '--data-dir',
      evil,
      '--target',
      'live',
      '--var',
      'mark=?',
    );
    const { exitCode, stderr } = await run(project, ['retry']);
    expect(stderr).toContain('retrying: pnpm pipeline run --var mark=?\n');
    expect(exitCode).toBe(0);
    expect(await ran()).toBe('first second second? third?');
  });

  test('flags before the command and repeated values apply to the run', async () => {
    await writeFile(join(project, 'second'), '');
    await run(project, ['--debug', 'run', '-s', 'first', 'second', '--exclude=third', '--threads', '1']);
    await rm(join(project, 'second'));
    const { exitCode, stderr } = await run(project, ['retry']);
    expect(stderr).toContain('retrying: pnpm pipeline run --debug -s first second --exclude=third --threads 1\n');
    expect(exitCode).toBe(0);
  });
});
