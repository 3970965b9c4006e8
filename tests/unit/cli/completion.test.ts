import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { run, writeProject } from './fixture.ts';

let project: string;
beforeAll(async () => {
  project = await tempDir('cli-');
  await writeProject(project);
});

/** Returns bash's completions of the last word. */
async function complete(...words: string[]): Promise<string[]> {
  const { stdout: script } = await run(project, ['completion', 'bash']);
  const line = ['klinehouse', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _klinehouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', `${script}\n${ask}`]);
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, including those of pipeline.yaml', async () => {
  expect(await complete('')).toEqual(expect.arrayContaining(['run', 'ls', 'archive', '--target']));
  expect(await complete('co')).toEqual(['compile', 'completion']);
});

test('bash completes subcommands and options, even after other words', async () => {
  expect(await complete('archive', 'w')).toEqual(['write', 'wait']);
  expect(await complete('run', '--select', 'bars', '--full')).toEqual(['--full-refresh']);
  expect(await complete('plan', '--no')).toEqual(['--no-collect-volume']);
  expect(await complete('--target', 'live', 'schema', '')).toEqual(expect.arrayContaining(['print', 'check']));
});

test('bash completes targets, nodes with selector operators, and tables', async () => {
  expect(await complete('run', '--target', '')).toEqual(['sample']);
  expect(await complete('run', '--select', 'ra')).toEqual(['ranks', 'rankings']);
  expect(await complete('run', '-s', '+ra')).toEqual(['+ranks', '+rankings']);
  expect(await complete('ls', '--exclude', 'bars,tag:n')).toEqual(['bars,tag:nightly']);
  expect(await complete('show', 'b')).toEqual(['bars']);
});

test('each shell gets a script, and an unknown shell gets an error', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, stdout } = await run(project, ['completion', shell]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('full-refresh');
  }
  const { exitCode, stderr } = await run(project, ['completion', 'tcsh']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
});
