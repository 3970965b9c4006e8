import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { writeProject } from './fixture.ts';

const root = join(import.meta.dirname, '../../..');
// The program itself: a signal to the shell script in node_modules/.bin would not reach it.
const node = join(root, 'node_modules/node/bin/node');

let project: string;
beforeAll(async () => {
  project = await realpath(await tempDir('cli-'));
  await writeProject(project);
});

function start(args: readonly string[], nodeArgs: readonly string[] = []) {
  const child = spawn(node, [...nodeArgs, join(root, 'engine/cli/main.ts'), ...args], { cwd: project });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += chunk));
  child.stderr.on('data', (chunk) => (output.stderr += chunk));
  return { child, output, closed: once(child, 'close') as Promise<[number | null, string | null]> };
}

test('the process ends with the exit code of the command', async () => {
  const { output, closed } = start(['ls', '--output', 'name']);
  expect((await closed)[0]).toBe(0);
  expect(output).toEqual({ stdout: 'listing\nbars\nunique_bars_symbol\nranks\nranks\n', stderr: '' });
  expect((await start(['rnu']).closed)[0]).toBe(2);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 130, and it still reports that', async (signal) => {
  const { child, output, closed } = start(['archive', 'wait']);
  await once(child.stderr, 'data');
  const sent = performance.now();
  child.kill(signal);
  expect((await closed)[0]).toBe(130);
  expect(performance.now() - sent).toBeLessThan(5_000);
  expect(output.stderr).toContain('error [INTERRUPTED]');
});

test('a command that ignores the signal is ended anyway', async () => {
  const { child, closed } = start(['archive', 'hang']);
  await once(child.stderr, 'data');
  const sent = performance.now();
  child.kill('SIGINT');
  expect((await closed)[0]).toBe(130);
  expect(performance.now() - sent).toBeLessThan(5_000);
});

test('a reader that goes away does not fail the command', async () => {
  const { child, output, closed } = start(['ls']);
  child.stdout.destroy();
  expect((await closed)[0]).toBe(0);
  expect(output.stderr).toBe('');
});

test('ls loads no database, no network and no terminal library', async () => {
  const hook = join(project, 'hook.mjs');
  await writeFile(
    hook,
    `import { registerHooks } from 'node:module';
const loaded = new Set();
registerHooks({
  load(url, context, next) {
    const name = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1];
    if (name) loaded.add(name);
    return next(url, context);
  },
});
process.on('exit', () => process.stderr.write([...loaded].sort().join(' ')));`,
  );
  const { output, closed } = start(['ls'], ['--import', pathToFileURL(hook).href]);
  expect((await closed)[0]).toBe(0);
  expect(output.stderr.split(' ')).toEqual(['commander', 'fastest-levenshtein', 'yaml', 'zod']);
});

test('a failure that no command awaits is printed without its stack, or with it under --debug', async () => {
  const { output, closed } = start(['archive', 'stray']);
  expect((await closed)[0]).toBe(1);
  expect(output.stderr).toBe(
    'waiting\nerror [INTERNAL] nobody waits\n  next: run again with --debug and report what it prints\n',
  );
  const debug = start(['archive', 'stray', '--debug']);
  await debug.closed;
  expect(debug.output.stderr).toContain('    at ');
});

describe('a Node that is too old', () => {
  /** Runs `engine/start.js` of a copy as Node 20 would see it; its packages are as given. */
  async function startOnNode20(
    packages: Readonly<Record<string, string>>,
    script?: string,
    onOutput: (child: ChildProcess) => void = () => {},
  ) {
    const copy = await tempDir('old-node-');
    await cp(join(root, 'engine/start.js'), join(copy, 'engine/start.js'));
    for (const [file, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...packages })) {
      await mkdir(dirname(join(copy, file)), { recursive: true });
      await writeFile(join(copy, file), text);
    }
    if (script !== undefined) {
      await mkdir(join(copy, 'node_modules/node/bin'));
      await writeFile(join(copy, 'node_modules/node/bin/node'), script, { mode: 0o755 });
    }
    const asOld = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.20.2" })';
    // pnpm names its store there, in which the packages of this project would be found.
    const { NODE_PATH: _, ...env } = process.env;
    const words = ['--import', asOld, join(copy, 'engine/start.js'), 'engine/cli/main.ts', 'ls'];
    const child = spawn(node, words, { env });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stderr.once('data', () => onOutput(child));
    const [exitCode] = await once(child, 'close');
    return { exitCode, stderr };
  }

  test.each([
    [{}, 'the packages are not installed\n  next: run npx -y pnpm@10 install\n'],
    [
      { 'node_modules/node/package.json': '{}' },
      'without its install script\n  next: run npm_config_ignore_scripts=false ',
    ],
  ])('with %o says what is missing and how to go on', async (packages, said) => {
    const { exitCode, stderr } = await startOnNode20(packages);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error \[NODE_OUTDATED\] Node 24 is required, but this is Node 20.20.2/);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain('    at ');
  });

  test('starts again with the Node that the packages bring, and ends as that ends', async () => {
    const packages = { 'node_modules/node/package.json': '{}' };
    const { exitCode, stderr } = await startOnNode20(packages, '#!/bin/sh\necho "$@" >&2; exit 7\n');
    expect(exitCode).toBe(7);
    expect(stderr).toMatch(/engine\/start\.js engine\/cli\/main\.ts ls\n$/);
  });

  test('passes a signal on, and says by its exit code that one ended the other', async () => {
    const packages = { 'node_modules/node/package.json': '{}' };
    const script = '#!/bin/sh\necho ready >&2; exec sleep 60\n';
    const { exitCode } = await startOnNode20(packages, script, (child) => child.kill('SIGTERM'));
    expect(exitCode).toBe(128 + 15);
  });
});
