import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, describe, expect, test } from 'vitest';
import { lockState, lockTarget } from '../../../engine/target/lock.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await tempDir('lock-'), 'sample');
});

const works = (command: string, ...args: readonly string[]) => spawnSync(command, args).status === 0;
const canUnshare = works('unshare', '--pid', '--fork', '--mount-proc', '--uts', 'true');
const canInject = works('strace', '-f', '-o', '/dev/null', '-e', 'inject=link,linkat:error=EPERM', 'true');
if (!canUnshare) console.log('skipped: no namespaces without root on Linux, so nothing plays the containers');
if (!canInject) console.log('skipped: no strace, so nothing takes the hard links away');

interface Taker extends AsyncDisposable {
  readonly child: ChildProcess;
  /** `held`, or the code of the error. */
  readonly answer: string;
}

/** Takes the lock in a separate process and holds it until the process is ended. */
async function take(...prefix: readonly string[]): Promise<Taker> {
  const script = `
    import { lockTarget } from './engine/target/lock.ts';
    const options = { command: 'held elsewhere', since: new Date(), wait: false, signal: new AbortController().signal };
    try {
      globalThis.held = await lockTarget(process.argv[1], options);
      console.log('held');
      process.stdin.resume();
    } catch (error) {
      console.log(error.code);
      process.exit();
    }`;
  const [command = '', ...args] = [...prefix, process.execPath, '--input-type=module', '--eval', script, directory];
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const [answer] = await once(createInterface(child.stdout as NodeJS.ReadableStream), 'line');
  return {
    child,
    answer: String(answer),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Runs it in its own PID namespace, as process 1, and with its own host name. */
const container = (host: string) =>
  take(
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--uts'],
    ...['sh', '-c', `hostname ${host}; exec "$@"`, 'sh'],
  );

const here = (wait = false) =>
  lockTarget(directory, { command: 'here', since: new Date(), wait, signal: new AbortController().signal });

describe.runIf(canUnshare)('containers that share a folder (B33)', () => {
  test('respect each other and the machine that they run on', async () => {
    await using first = await container('first');
    expect(first.answer).toBe('held');
    await using second = await container('second');
    expect(second.answer).toBe('RUN_LOCKED');
    // With the same host name and process id as the holder.
    await using twin = await container('first');
    expect(twin.answer).toBe('RUN_LOCKED');
    await expect(here()).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringMatching(/`held elsewhere`, process 1 on first, since 2/),
    });
    expect(lockState(directory)).toMatchObject({ kind: 'held', holder: { host: 'first', command: 'held elsewhere' } });
  });

  test('that were killed lose their lock at once', async () => {
    const first = await container('first');
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    await using second = await container('second');
    expect(second.answer).toBe('held');
    await second[Symbol.asyncDispose]();
    await using _held = await here(true);
    expect(lockState(directory)).toMatchObject({ kind: 'held', holder: { command: 'here', pid: process.pid } });
  });
});

test('a stopped process keeps its lock, and a killed one does not (B33)', async () => {
  await using holder = await take();
  expect(holder.answer).toBe('held');
  holder.child.kill('SIGSTOP');
  await expect(here()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
  holder.child.kill('SIGCONT');
  await expect(here()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
  holder.child.kill('SIGKILL');
  await once(holder.child, 'exit');
  await using _held = await here();
  expect(await readdir(directory)).toEqual(['run.lock', 'run.lock.mutex']);
});

test.runIf(canInject)('locks work on a file system without hard links (B33)', async () => {
  await using first = await take('strace', '-f', '-o', '/dev/null', '-e', 'inject=link,linkat:error=EPERM');
  expect(first.answer).toBe('held');
  await expect(here()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
});

test.runIf(existsSync('/dev/shm'))('locks work on a file system in memory (B33)', async () => {
  directory = await mkdtemp('/dev/shm/klinehouse-lock-');
  try {
    await using first = await take();
    expect(first.answer).toBe('held');
    await expect(here()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
  } finally {
    await rm(directory, { recursive: true });
  }
});
