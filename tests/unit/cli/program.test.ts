import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Cli } from '../../../engine/cli/io.ts';
import { createProgram } from '../../../engine/cli/program.ts';
import { tempDir } from '../../support/temp.ts';
import { createSink } from '../report/scripted-run.ts';
import { run, writeProject } from './fixture.ts';

let project: string;
beforeAll(async () => {
  project = await tempDir('cli-');
  await writeProject(project);
});

describe('usage', () => {
  test('without a command, help goes to stderr and the exit code is 2', async () => {
    const { exitCode, stdout, stderr } = await run(project, []);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: pnpm pipeline [options] [command]');
  });

  test('an unknown command ends with 2 and suggests the nearest one', async () => {
    const { exitCode, stdout, stderr } = await run(project, ['rnu']);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe("error [USAGE] unknown command 'rnu'\n  next: did you mean run?\n");
  });

  test('an unknown option ends with 2 and suggests the nearest one', async () => {
    const { exitCode, stderr } = await run(project, ['run', '--full-refesh']);
    expect(exitCode).toBe(2);
    expect(stderr).toBe("error [USAGE] unknown option '--full-refesh'\n  next: did you mean --full-refresh?\n");
  });

  test.each([
    ['build', 'pnpm pipeline run'],
    ['debug', 'pnpm pipeline doctor'],
    ['docs', 'pnpm pipeline --help'],
    ['run rankings', 'pnpm pipeline run --select rankings'],
    ['test rankings bars --target sample', 'pnpm pipeline test --select rankings bars'],
    ['ls --target sample rankings', 'pnpm pipeline ls --select NAME'],
  ])('%s suggests what was probably meant', async (words, meant) => {
    const { exitCode, stderr } = await run(project, words.split(' '));
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')[1]?.endsWith(meant)).toBe(true);
  });

  test('a command of pipeline.yaml suggests what to use instead of an unknown subcommand', async () => {
    expect(await run(project, ['--target', 'sample', 'serve', 'data'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: "error [USAGE] unknown command 'serve'\n  next: say archive wait\n",
    });
    // The command knows its own words better than the engine does.
    expect((await run(project, ['list'])).stderr).toContain('next: say archive stray');
  });

  test('--version prints the version of package.json', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../../package.json'), 'utf8'));
    expect(await run(project, ['--version'])).toEqual({ exitCode: 0, stdout: `klinehouse ${version}\n`, stderr: '' });
  });

  test('an error code is coloured in a terminal', async () => {
    const stderr = createSink(80);
    await run(project, ['rnu'], { stderr: stderr.stream });
    expect(stderr.text().startsWith('\u001b[1m\u001b[31merror [USAGE]\u001b')).toBe(true);
    const plain = createSink(80);
    await run(project, ['rnu'], { stderr: plain.stream, env: { TERM: 'dumb' } });
    expect(plain.text()).toMatch(/^error \[USAGE\]/);
  });

  test('a command of pipeline.yaml is suggested too', async () => {
    const { stderr } = await run(project, ['archiv']);
    expect(stderr).toContain('did you mean archive?');
  });

  test.each(['0', '99MB', '-1GB', 'much', '2', ''])('--memory-limit %j is refused', async (value) => {
    const { exitCode, stderr } = await run(project, ['run', `--memory-limit=${value}`]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('such as 800MB or 4GB')]);
  });

  test.each(['0', '-1', '1.5', 'many', ''])('--threads %j is refused', async (value) => {
    const { exitCode, stderr } = await run(project, ['run', `--threads=${value}`]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('It must be a whole number of at least 1.');
  });

  test('with --log-format json, errors are JSON lines', async () => {
    for (const form of [['--log-format', 'json'], ['--log-format=json']]) {
      const { exitCode, stderr } = await run(project, ['ls', '--select', 'nope', ...form]);
      expect(exitCode).toBe(2);
      expect(JSON.parse(stderr)).toMatchObject({
        ts: '2026-11-20T10:30:00.000Z',
        level: 'error',
        type: 'error',
        error: { code: 'SELECTION_EMPTY', value: 'nope' },
      });
    }
  });

  test('an unexpected error ends with 1 and prints its stack only with --debug', async () => {
    const plain = await run(project, ['archive', 'fail']);
    expect(plain.exitCode).toBe(1);
    expect(plain.stderr).toBe(
      'error [INTERNAL] out of luck\n  next: run again with --debug and report what it prints\n',
    );
    const debug = await run(project, ['archive', 'fail', '--debug']);
    expect(debug.stderr).toContain('    at ');
  });

  test('an interrupted command ends with 130', async () => {
    const controller = new AbortController();
    const ended = run(project, ['archive', 'wait'], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const { exitCode, stderr } = await ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('error [INTERRUPTED] interrupted\n  next: run the same command again to continue\n');
  });
});

describe('help', () => {
  test('of every command shows one to three examples and the global options, and ends with 0', async () => {
    const program = createProgram({ stdout: process.stdout, stderr: process.stderr } as unknown as Cli);
    const paths = program.commands.flatMap((command) => [
      [command.name()],
      ...command.commands.map((child) => [command.name(), child.name()]),
    ]);
    expect(paths.length).toBeGreaterThan(9);
    for (const path of paths) {
      const { exitCode, stdout } = await run(project, [...path, '--help']);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('--data-dir');
      const examples = (stdout.split('Examples:\n')[1] ?? '').split('\n').filter((line) => line !== '');
      expect(examples.length, path.join(' ')).toBeGreaterThanOrEqual(1);
      expect(examples.length, path.join(' ')).toBeLessThanOrEqual(3);
      for (const example of examples) expect(example).toMatch(new RegExp(`^  pnpm pipeline ${path[0]}\\b`));
    }
  });

  test('lists the commands of pipeline.yaml, and still works if that is broken', async () => {
    expect((await run(project, ['--help'])).stdout).toContain('Writes and serves the archive.');
    const broken = join(project, 'broken');
    await mkdir(broken);
    await writeFile(join(broken, 'pipeline.yaml'), 'name: [');
    const { exitCode, stdout } = await run(broken, ['--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('completion');
  });
});

describe('pipeline.yaml', () => {
  test('is found in a folder above', async () => {
    const { exitCode, stdout } = await run(join(project, 'models', 'market'), ['ls', '--output', 'name']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('bars\n');
  });

  test('can be named', async () => {
    const { exitCode } = await run(tmpdir(), ['ls', '--pipeline', join(project, 'pipeline.yaml')]);
    expect(exitCode).toBe(0);
  });

  test('is asked for if there is none', async () => {
    const { exitCode, stderr } = await run('/', ['ls']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('there is no pipeline.yaml here or in a folder above');
    expect(stderr).toContain('next: run in the folder of a project, name the file');
  });
});

describe('commands of pipeline.yaml', () => {
  test('take their arguments, their options and the global ones', async () => {
    const { exitCode, stdout } = await run(project, ['archive', 'write', 'OUT', '--seed', 'x', '--target', 'sample']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ dir: 'OUT', seed: 'x', target: 'sample' });
  });

  test('are shown with their subcommands', async () => {
    expect((await run(project, ['archive', '--help'])).stdout).toContain('write [options] <dir>');
    expect((await run(project, ['help', 'archive'])).stdout).toContain('write [options] <dir>');
  });

  test('a module without define() is refused', async () => {
    const other = join(project, 'other');
    await writeProject(other, { 'extract/commands.ts': 'export default {};' });
    const { exitCode, stderr } = await run(other, ['archive', 'write', 'OUT']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error [MODULE_INVALID] extract/commands.ts: the command archive has no default export');
  });
});
