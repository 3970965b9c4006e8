import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { lockState, lockTarget } from '../../../engine/target/lock.ts';
import { kernelOf } from '../../../engine/target/lock-note.ts';
import { node } from '../../support/node-process.ts';
import { tempDir } from '../../support/temp.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await tempDir('lock-'), 'sample');
});

const timing = { poll: 20, beat: 40, silence: 300 };
const lock = (more: Partial<Parameters<typeof lockTarget>[1]> = {}) =>
  lockTarget(directory, {
    command: 'pnpm pipeline run',
    since: new Date('2025-07-10T09:00:00Z'),
    wait: false,
    signal: new AbortController().signal,
    timing,
    ...more,
  });
const lockFile = () => join(directory, 'run.lock');
const holderOf = async () => JSON.parse(await readFile(lockFile(), 'utf8'));
const files = ['run.lock', 'run.lock.mutex'];

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;
const startOf = async (pid: number) => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[19];

/** A lock of version 0.1. */
const former = () => ({
  pid: deadPid(),
  host: hostname(),
  started: '1',
  command: 'pnpm pipeline run -s all',
  since: '2025-07-09T08:00:00.000Z',
});
/** A lock of a kernel that this one knows nothing about. */
const elsewhere = () => ({ ...former(), pid: 7, host: 'elsewhere', token: 'theirs', kernel: 'another boot 42' });

/** Puts a complete lock file in place. */
async function plant(holder: object | string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(`${lockFile()}.planted`, typeof holder === 'string' ? holder : JSON.stringify(holder));
  await rename(`${lockFile()}.planted`, lockFile());
}

describe('a lock (B33)', () => {
  test('is a file that names its holder, is readable only by its owner, and is removed when released', async () => {
    const held = await lock();
    expect(await holderOf()).toMatchObject({
      pid: process.pid,
      host: hostname(),
      command: 'pnpm pipeline run',
      since: '2025-07-10T09:00:00.000Z',
    });
    expect(await readdir(directory)).toEqual(files);
    for (const file of files) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
    await held[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual([]);
  });

  test('refuses a second holder, and names the first', async () => {
    await using _held = await lock();
    await expect(lock({ command: 'pnpm pipeline test' })).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      exitCode: 2,
      message: `another run holds ${directory}: \`pnpm pipeline run\`, process ${process.pid} on ${hostname()}, since 2025-07-10T09:00:00.000Z`,
      details: { hint: 'wait for it with --wait, or stop it' },
    });
    expect(await holderOf()).toMatchObject({ command: 'pnpm pipeline run' });
    expect(await readdir(directory)).toEqual(files);
  });

  test('is separate for each folder', async () => {
    await using _held = await lock();
    await using _other = await lockTarget(`${directory}-2`, {
      command: 'x',
      since: new Date(0),
      wait: false,
      signal: new AbortController().signal,
    });
    expect(existsSync(`${directory}-2/run.lock`)).toBe(true);
  });

  test('is held only once if one process requests it twice at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        lock().then(
          () => 'held',
          (error) => error.code,
        ),
      ),
    );
    expect(answers.toSorted()).toEqual(['RUN_LOCKED', 'RUN_LOCKED', 'RUN_LOCKED', 'RUN_LOCKED', 'held']);
    expect(await holderOf()).toMatchObject({ pid: process.pid });
  });

  test('is taken with wait as soon as its holder is done', async () => {
    const held = await lock();
    const waiting = lock({ wait: true, command: 'second' });
    await sleep(300);
    expect(await holderOf()).toMatchObject({ command: 'pnpm pipeline run' });
    await held[Symbol.asyncDispose]();
    await using _second = await waiting;
    expect(await holderOf()).toMatchObject({ command: 'second' });
  });

  test('is no longer waited for once the run is interrupted', async () => {
    await using _held = await lock();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(lock({ wait: true, signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(directory)).toEqual(files);
  });

  test('stays held if someone removes its file, and writes the file again', async () => {
    await using held = await lock();
    await rm(lockFile());
    await expect(lock()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    await sleep(3 * timing.beat);
    expect(await holderOf()).toMatchObject({ pid: process.pid });
    expect(held.lost.aborted).toBe(false);
  });

  test('is reported with its holder and the time since when it is held', async () => {
    expect(lockState(directory)).toEqual({ kind: 'free' });
    const since = '2025-07-10T09:00:00.000Z';
    {
      await using _held = await lock();
      expect(lockState(directory)).toMatchObject({ kind: 'held', holder: { pid: process.pid, since } });
      expect(lockState(directory)).toMatchObject({ kind: 'held' });
    }
    await plant({ ...former(), token: 'x', kernel: kernelOf(directory) });
    expect(lockState(directory)).toMatchObject({ kind: 'left', holder: { command: 'pnpm pipeline run -s all' } });
    await plant(elsewhere());
    expect(lockState(directory)).toMatchObject({ kind: 'elsewhere', holder: { host: 'elsewhere' } });
    expect(await readdir(directory)).toEqual(['run.lock']);
  });
});

describe('the lock of a process that has ended (B33)', () => {
  test.runIf(process.platform === 'linux')('is taken over at once if the process ran on this kernel', async () => {
    await mkdir(directory, { recursive: true });
    // Neither host name nor process id decides: in another container they may be different, or the same.
    await plant({ ...former(), host: 'a-container', pid: process.pid, token: 'x', kernel: kernelOf(directory) });
    await using _held = await lock({ timing: { ...timing, silence: 60_000 } });
    expect(await holderOf()).toMatchObject({ pid: process.pid, command: 'pnpm pipeline run' });
    expect(await readdir(directory)).toEqual(files);
  });

  test.each([
    ['another kernel, such as before a reboot', elsewhere()],
    ['version 0.1 on another host', { ...former(), host: 'elsewhere' }],
    ['a machine that stopped while the file was written', ''],
    ['a machine that stopped while the file was written', '\0\0\0\0'],
  ])('of %s is taken over after some time without a sign of life: %j', async (_, left) => {
    await plant(left);
    const told: string[] = [];
    const before = performance.now();
    await using _held = await lock({ tell: (message) => told.push(message) });
    expect(performance.now() - before).toBeGreaterThanOrEqual(timing.silence);
    expect(told).toEqual([expect.stringContaining('it is taken over unless that run sends a heartbeat within')]);
    expect(await holderOf()).toMatchObject({ pid: process.pid });
    expect(await readdir(directory)).toEqual(files);
  });

  test('of version 0.1 is respected while its process runs on this host', async () => {
    const started = (await startOf(process.pid)) ?? '';
    await plant({ ...former(), pid: process.pid, started });
    await expect(lock()).rejects.toMatchObject({ code: 'RUN_LOCKED', message: expect.stringContaining('run -s all') });
    expect(lockState(directory)).toMatchObject({ kind: 'held' });
    expect(await holderOf()).toMatchObject({ started });
  });

  test.each([
    ['its process has ended', {}],
    ['another process has its id by now', { pid: process.pid, started: '1' }],
  ])('of version 0.1 is taken over at once if %s', async (_, more) => {
    await plant({ ...former(), ...more });
    await using _held = await lock({ timing: { ...timing, silence: 60_000 } });
    expect(await holderOf()).toMatchObject({ pid: process.pid, command: 'pnpm pipeline run' });
  });

  test('is taken over by exactly one of several processes that race for it', async () => {
    await using racers = await start(4);
    for (let round = 0; round < 15; round += 1) {
      await plant(former());
      const answers = await racers.ask('take');
      expect(answers.toSorted()).toEqual(['RUN_LOCKED', 'RUN_LOCKED', 'RUN_LOCKED', 'held']);
      await racers.ask('release');
      expect(await readdir(directory)).toEqual([]);
    }
  });
});

describe('a holder of another kernel (B33)', () => {
  /** Shows signs of life until disposed. */
  function alive(): Disposable {
    const timer = setInterval(() => void utimes(lockFile(), new Date(), new Date()), timing.beat);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  test('that shows signs of life is respected and named', async () => {
    await plant(elsewhere());
    using _ = alive();
    await expect(lock()).rejects.toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining('process 7 on elsewhere, since 2025-07-09T08:00:00.000Z'),
    });
    expect(await holderOf()).toMatchObject({ token: 'theirs' });
    expect(await readdir(directory)).toEqual(['run.lock']);
  });

  test('is waited for until it is gone or shows no more signs of life', async () => {
    await plant(elsewhere());
    const life = alive();
    let taken = false;
    const waiting = lock({ wait: true }).finally(() => {
      taken = true;
    });
    await sleep(2 * timing.silence);
    expect(taken).toBe(false);
    life[Symbol.dispose]();
    await using _held = await waiting;
    expect(await holderOf()).toMatchObject({ pid: process.pid });
  });

  test('that has taken over the target ends the run that had been stopped, before that publishes', async () => {
    const held = await lock({ timing: { ...timing, beat: 60_000 } });
    held.confirm();
    await plant(elsewhere());
    expect(() => held.confirm()).toThrow(
      expect.objectContaining({ code: 'RUN_LOCKED', message: expect.stringContaining('has taken') }),
    );
    expect(held.lost.aborted).toBe(true);
    await held[Symbol.asyncDispose]();
    expect(await holderOf()).toMatchObject({ token: 'theirs' });
  });

  test('that has taken over the target is noticed unasked', async () => {
    await using held = await lock();
    await plant(elsewhere());
    if (!held.lost.aborted) await once(held.lost, 'abort');
    expect(held.lost.reason).toMatchObject({ code: 'RUN_LOCKED' });
  });

  test('sees that this one lives: its file changes as long as it is held', async () => {
    await using _held = await lock();
    const { mtimeMs } = await stat(lockFile());
    await sleep(3 * timing.beat);
    expect((await stat(lockFile())).mtimeMs).toBeGreaterThan(mtimeMs);
  });
});

describe('something else in the place of the lock (B33)', () => {
  const foreign = (file = lockFile()) => ({
    code: 'RUN_LOCK_INVALID',
    exitCode: 2,
    details: { file, hint: expect.stringContaining('remove it') },
  });

  test.each([
    ['text of another program', 'pid 42\n'],
    ['a truncated lock', '{"pid":'],
    ['JSON of another program', '{"pid": 42}'],
    ['a list', '[]'],
    ['bytes', '\u0001\u0002'],
  ])('is reported at once and left as it is: %s', async (_, text) => {
    await plant(text);
    await expect(lock({ wait: true })).rejects.toMatchObject(foreign());
    await expect((async () => lockState(directory))()).rejects.toMatchObject(foreign());
    expect(await readFile(lockFile(), 'utf8')).toBe(text);
    expect(await readdir(directory)).toEqual(['run.lock']);
  });

  test('is reported at once: a folder, a link, a pipe', async () => {
    await mkdir(lockFile(), { recursive: true });
    await expect(lock()).rejects.toMatchObject({ ...foreign(), message: expect.stringContaining('is a folder') });
    await rm(lockFile(), { recursive: true });
    await symlink('nowhere', lockFile());
    await expect(lock()).rejects.toMatchObject(foreign());
    await rm(lockFile());
    spawnSync('mkfifo', [lockFile()]);
    await expect(lock()).rejects.toMatchObject(foreign());
  });

  test.each(['folder', 'file'])(
    'is reported at once in the place of the file that the kernel locks: a %s',
    async (kind) => {
      const mutex = `${lockFile()}.mutex`;
      await mkdir(kind === 'folder' ? mutex : directory, { recursive: true });
      if (kind === 'file') await writeFile(mutex, 'no database\n'.repeat(100));
      await expect(lock()).rejects.toMatchObject(foreign(mutex));
    },
  );

  test.skipIf(process.getuid?.() !== 0)('is reported at once if it cannot be read', async () => {
    await using reader = await start(1, { uid: 65_534 });
    await plant(former());
    for (const folder of [join(directory, '../..'), join(directory, '..')]) await chmod(folder, 0o711);
    await chmod(directory, 0o777);
    await chmod(lockFile(), 0o600);
    expect(await reader.ask('take')).toEqual(['RUN_LOCK_INVALID']);
  });
});

/** Processes that take the lock and release it when told to. */
async function start(count: number, options: Parameters<typeof node>[1] = {}) {
  const script = `
    import { createInterface } from 'node:readline';
    import { lockTarget } from './engine/target/lock.ts';
    const signal = new AbortController().signal;
    let held;
    const orders = {
      take: async () => {
        held = await lockTarget(${JSON.stringify(directory)}, { command: 'race', since: new Date(), wait: false, signal });
        return 'held';
      },
      release: async () => { await held?.[Symbol.asyncDispose](); held = undefined; return 'free'; },
    };
    for await (const order of createInterface(process.stdin)) {
      console.log(await orders[order]().catch((error) => error.code ?? error.message));
    }`;
  const children = Array.from({ length: count }, () => node(script, options));
  const lines = children.map((child) => createInterface(child.stdout as NodeJS.ReadableStream));
  const next = async (line: Interface) => String((await once(line, 'line'))[0]);
  const ask = async (order: string) => {
    const answers = lines.map(next);
    for (const child of children) child.stdin?.write(`${order}\n`);
    return Promise.all(answers);
  };
  await ask('release'); // All processes are running once they answer.
  return {
    ask,
    async [Symbol.asyncDispose]() {
      for (const child of children) child.stdin?.end();
      await Promise.all(children.map((child) => once(child, 'close')));
    },
  };
}
