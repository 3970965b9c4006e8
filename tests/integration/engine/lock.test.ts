import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { lockTarget } from '../../../engine/run/lock.ts';
import { node } from '../../support/node-process.ts';
import { tempDir } from '../../support/temp.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await tempDir('lock-'), 'sample');
});

const lock = (more: Partial<Parameters<typeof lockTarget>[1]> = {}) =>
  lockTarget(directory, {
    command: 'pnpm pipeline run',
    since: new Date('2025-07-10T09:00:00Z'),
    wait: false,
    signal: new AbortController().signal,
    ...more,
  });
const lockFile = () => join(directory, 'run.lock');
const holderOf = async () => JSON.parse(await readFile(lockFile(), 'utf8'));

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;

/** Puts the lock of another process in place, whole. */
async function plant(holder: object | string): Promise<void> {
  const whole = {
    pid: deadPid(),
    host: hostname(),
    started: '1',
    command: 'pnpm pipeline run -s all',
    since: '2025-07-09T08:00:00.000Z',
  };
  await mkdir(directory, { recursive: true });
  await writeFile(
    `${lockFile()}.planted`,
    typeof holder === 'string' ? holder : JSON.stringify({ ...whole, ...holder }),
  );
  await rename(`${lockFile()}.planted`, lockFile());
}

describe('a lock', () => {
  test('is a file that names its holder, and is gone when it is released', async () => {
    const held = await lock();
    expect(await holderOf()).toMatchObject({
      pid: process.pid,
      host: hostname(),
      command: 'pnpm pipeline run',
      since: '2025-07-10T09:00:00.000Z',
    });
    expect(await readdir(directory)).toEqual(['run.lock']);
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
    expect(await readdir(directory)).toEqual(['run.lock']);
  });

  test('is another one for another folder', async () => {
    await using _held = await lock();
    await using _other = await lockTarget(`${directory}-2`, {
      command: 'x',
      since: new Date(0),
      wait: false,
      signal: new AbortController().signal,
    });
    expect(existsSync(`${directory}-2/run.lock`)).toBe(true);
  });

  test('is held once where one process asks for it twice at a time', async () => {
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

  test('with wait is taken as soon as its holder is done', async () => {
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
    expect(await readdir(directory)).toEqual(['run.lock']);
  });
});

describe('the lock of a process that is gone', () => {
  test('is taken over', async () => {
    await plant({});
    await using _held = await lock();
    expect(await holderOf()).toMatchObject({ pid: process.pid });
    expect(await readdir(directory)).toEqual(['run.lock']);
  });

  test('is taken over where another process has its id by now', async () => {
    await plant({ pid: process.pid, started: '1' });
    await using _held = await lock();
    expect(await holderOf()).toMatchObject({ command: 'pnpm pipeline run' });
  });

  test.each(['', '{"pid":'])('is taken over where a crash of the machine left %j of it', async (text) => {
    await plant(text);
    await using _held = await lock();
    expect(await holderOf()).toMatchObject({ pid: process.pid });
  });

  test('is taken over where its takeover was not finished either', async () => {
    await plant({});
    await writeFile(`${lockFile()}.takeover`, JSON.stringify({ pid: deadPid(), host: hostname(), started: '1' }));
    await using _held = await lock();
    expect(await holderOf()).toMatchObject({ pid: process.pid });
    expect(await readdir(directory)).toEqual(['run.lock']);
  });

  test('stays where it was on another machine: nobody here can tell', async () => {
    await plant({ host: 'elsewhere' });
    await expect(lock()).rejects.toMatchObject({ code: 'RUN_LOCKED', message: expect.stringContaining('elsewhere') });
  });

  test('is taken over by one of several that race for it, never by two', async () => {
    await using racers = await start(4);
    for (let round = 0; round < 40; round += 1) {
      await plant({});
      const answers = await racers.ask('take');
      expect(answers.toSorted()).toEqual(['RUN_LOCKED', 'RUN_LOCKED', 'RUN_LOCKED', 'held']);
      await racers.ask('release');
    }
  });
});

/** Processes that take the lock and let go of it when they are told to. */
async function start(count: number) {
  const script = `
    import { createInterface } from 'node:readline';
    import { lockTarget } from './engine/run/lock.ts';
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
  const children = Array.from({ length: count }, () => node(script));
  const lines = children.map((child) => createInterface(child.stdout as NodeJS.ReadableStream));
  const next = async (line: Interface) => String((await once(line, 'line'))[0]);
  const ask = async (order: string) => {
    const answers = lines.map(next);
    for (const child of children) child.stdin?.write(`${order}\n`);
    return Promise.all(answers);
  };
  await ask('release'); // All are up once they answer.
  return {
    ask,
    async [Symbol.asyncDispose]() {
      for (const child of children) child.stdin?.end();
      await Promise.all(children.map((child) => once(child, 'close')));
    },
  };
}
