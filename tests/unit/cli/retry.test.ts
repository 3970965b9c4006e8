import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { run, writeProject } from './fixture.ts';

/** Says in a file that it ran; fails while there is a file of its name. */
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

test('retry runs what failed and what was skipped for it, as the last command said', async () => {
  await writeFile(join(project, 'second'), '');
  expect((await run(project, ['run', '--var', 'mark=!'])).exitCode).toBe(1);
  expect(await ran()).toBe('first! second!');
  await rm(join(project, 'second'));

  const { exitCode, stdout, stderr } = await run(project, ['retry']);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('again: pnpm pipeline run --var mark=!\n');
  expect(stdout).toContain('Done. PASS=2 ');
  expect(await ran()).toBe('first! second! second! third!');
});

test('retry of a run that ended well does nothing', async () => {
  await run(project, ['run']);
  const { exitCode, stdout } = await run(project, ['retry']);
  expect([exitCode, stdout]).toEqual([0, 'nothing to retry: every node of the last run ended well\n']);
  expect(await ran()).toBe('first second third');
});

test('retry goes on from a retry that failed again', async () => {
  await writeFile(join(project, 'third'), '');
  await run(project, ['run']);
  expect((await run(project, ['retry'])).exitCode).toBe(1);
  await rm(join(project, 'third'));
  expect((await run(project, ['retry'])).exitCode).toBe(0);
  expect(await ran()).toBe('first second third third third');
});

test('retry without a last run says how to begin', async () => {
  const { exitCode, stderr } = await run(project, ['retry']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('error [USAGE] ');
  expect(stderr).toContain('pnpm pipeline run');
});
