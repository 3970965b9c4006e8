import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { about } from '../../../engine/about.ts';
import { loadPipeline } from '../../../engine/config/load.ts';
import { tempDir } from '../../support/temp.ts';
import { run } from './fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await tempDir('init-');
});

const read = (file: string) => readFile(join(folder, file), 'utf8');

test('writes a project of that name, and says how to go on', async () => {
  const { exitCode, stdout } = await run(folder, ['init', 'My shop!']);
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    `wrote ${join(folder, 'My shop!')}\nnext: cd 'My shop!' && npm install && npx ${about.name} run\n`,
  );
  expect(await readdir(join(folder, 'My shop!'))).toEqual(
    expect.arrayContaining(['.gitignore', 'package.json', 'pipeline.yaml', 'tsconfig.json', 'migrations', 'models']),
  );
  expect(JSON.parse(await read('My shop!/package.json'))).toMatchObject({
    name: 'my-shop',
    dependencies: { [about.name]: `^${about.version}` },
  });
  expect(parse(await read('My shop!/pipeline.yaml'))).toHaveProperty('name', 'my-shop');
  expect(await read('My shop!/README.md')).toMatch(/^# my-shop\n/);
  await loadPipeline(join(folder, 'My shop!/pipeline.yaml'));
});

test('an empty folder is as good as a new one, and may be the one that the command is in', async () => {
  expect(await run(folder, ['init', '.'])).toMatchObject({ exitCode: 0 });
  expect(await readdir(folder)).toContain('pipeline.yaml');
});

test('the package may come from a file, a folder or anywhere else that npm knows', async () => {
  await writeFile(join(folder, 'package.tgz'), '');
  await run(folder, ['init', 'a', '--package', 'package.tgz']);
  await run(folder, ['init', 'b', '--package', 'next']);
  const { name } = about;
  expect(JSON.parse(await read('a/package.json')).dependencies).toEqual({ [name]: `file:${folder}/package.tgz` });
  expect(JSON.parse(await read('b/package.json')).dependencies).toEqual({ [name]: 'next' });
});

test('what is there is never touched', async () => {
  await mkdir(join(folder, 'full'));
  await writeFile(join(folder, 'full/notes.txt'), 'mine');
  for (const [dir, problem] of [
    ['full', 'full is not empty'],
    ['full/notes.txt', 'full/notes.txt is a file'],
  ] as const) {
    const { exitCode, stderr } = await run(folder, ['init', dir]);
    expect(stderr).toContain(problem);
    expect(exitCode).toBe(2);
  }
  expect(await readdir(join(folder, 'full'))).toEqual(['notes.txt']);
  expect(await read('full/notes.txt')).toBe('mine');
});
