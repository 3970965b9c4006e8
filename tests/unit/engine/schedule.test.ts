import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ScheduleOptions, schedule, type Task } from '../../../engine/run/schedule.ts';

const options = (more: Partial<ScheduleOptions> = {}): ScheduleOptions => ({
  threads: 4,
  limits: { network: Number.POSITIVE_INFINITY, warehouse: 1 },
  failFast: false,
  signal: new AbortController().signal,
  ...more,
});
const task = (id: string, needs: readonly string[] = [], pool: Task['pool'] = 'warehouse'): Task => ({
  id,
  needs,
  pool,
});

/** Runs tasks that end when `turn` says so, and records the events in order. */
async function play(
  tasks: readonly Task[],
  {
    fails = [],
    turn = async () => {},
    onStart = () => {},
    ...more
  }: Partial<ScheduleOptions> & {
    fails?: readonly string[];
    turn?: (id: string) => Promise<unknown>;
    onStart?: (id: string) => void;
  } = {},
) {
  const log: string[] = [];
  const running = new Set<Task>();
  const peak = { network: 0, warehouse: 0, all: 0 };
  await schedule(
    tasks,
    options(more),
    async (started) => {
      running.add(started);
      log.push(`start ${started.id}`);
      onStart(started.id);
      for (const pool of ['network', 'warehouse'] as const)
        peak[pool] = Math.max(peak[pool], [...running].filter((one) => one.pool === pool).length);
      peak.all = Math.max(peak.all, running.size);
      await turn(started.id);
      running.delete(started);
      log.push(`end ${started.id}`);
      return !fails.includes(started.id);
    },
    (skipped, reason) => log.push(`skip ${skipped.id}: ${reason}`),
  );
  return { log, peak };
}

describe('a schedule', () => {
  test('starts a task after those that it only follows, whether they ended well or not', async () => {
    const seed = { ...task('seed'), after: ['fetch', 'absent'] };
    const { log } = await play([seed, task('model', ['seed']), task('fetch', [], 'network')], { fails: ['fetch'] });
    expect(log).toEqual(['fetch', 'seed', 'model'].flatMap((id) => [`start ${id}`, `end ${id}`]));
  });

  test('starts a task once all that it needs has ended', async () => {
    const { log } = await play([task('a'), task('b'), task('c', ['a', 'b']), task('d', ['c'])]);
    expect(log).toEqual(['a', 'b', 'c', 'd'].flatMap((id) => [`start ${id}`, `end ${id}`]));
  });

  test('without tasks ends at once', async () => {
    expect(await play([])).toMatchObject({ log: [] });
  });

  test('runs one task at a time in the pool of the warehouse, with network tasks alongside', async () => {
    const tasks = [task('a'), task('b'), task('n', [], 'network'), task('m', [], 'network')];
    const { peak } = await play(tasks, { turn: () => new Promise(setImmediate) });
    expect(peak).toEqual({ network: 2, warehouse: 1, all: 3 });
  });

  test('uses no more threads than it is given, whatever the pools', async () => {
    const tasks = ['a', 'b', 'c', 'd', 'e'].map((id) => task(id, [], 'network'));
    const { peak } = await play(tasks, { threads: 2, turn: () => new Promise(setImmediate) });
    expect(peak.all).toBe(2);
  });

  test('starts tasks in the given order; one that has to wait lets others pass', async () => {
    const tasks = [task('slow', [], 'network'), task('first'), task('second'), task('third', ['slow'])];
    const { log } = await play(tasks, {
      turn: async (id) => {
        for (let i = 0; i < (id === 'slow' ? 20 : 1); i += 1) await new Promise(setImmediate);
      },
    });
    expect(log.filter((line) => line.startsWith('start'))).toEqual(
      ['slow', 'first', 'second', 'third'].map((id) => `start ${id}`),
    );
    expect(log.indexOf('end second')).toBeLessThan(log.indexOf('end slow'));
  });
});

describe('a failure', () => {
  const tasks = [task('a'), task('b', ['a']), task('c', ['b']), task('d'), task('e', ['d', 'c'])];

  test('skips everything that depends on it, directly or not, with the reason; the rest runs', async () => {
    const { log } = await play(tasks, { fails: ['a'] });
    expect(log).toEqual([
      'start a',
      'end a',
      'skip b: a did not succeed',
      'skip c: b did not succeed',
      'start d',
      'skip e: c did not succeed',
      'end d',
    ]);
  });

  test('with fail-fast skips what has not started, and lets running tasks end', async () => {
    const parallel = [task('n', [], 'network'), ...tasks];
    const { log } = await play(parallel, {
      fails: ['a'],
      failFast: true,
      turn: async (id) => {
        for (let i = 0; i < (id === 'n' ? 20 : 1); i += 1) await new Promise(setImmediate);
      },
    });
    expect(log).toEqual([
      'start n',
      'start a',
      'end a',
      'skip b: a did not succeed',
      'skip c: b did not succeed',
      'skip d: --fail-fast: a did not succeed',
      'skip e: d did not succeed',
      'end n',
    ]);
  });
});

test('an interruption skips what has not started', async () => {
  const controller = new AbortController();
  const { log } = await play([task('a'), task('b'), task('c', ['b'])], {
    signal: controller.signal,
    onStart: () => controller.abort(),
  });
  expect(log).toEqual(['start a', 'skip b: the run was interrupted', 'skip c: the run was interrupted', 'end a']);
});

/** Tasks in any order; each needs some that come earlier in another, valid order. */
const dags = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      pool: fc.constantFrom('network', 'warehouse'),
      fails: fc.boolean(),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .chain((drafts) => {
    const tasks = drafts.map(({ needs, pool }, at) =>
      task(`t${at}`, at === 0 ? [] : [...new Set(needs.map((need) => `t${need % at}`))], pool as Task['pool']),
    );
    const fails = tasks.flatMap(({ id }, at) => (drafts[at]?.fails ? [id] : []));
    return fc.record({
      tasks: fc.shuffledSubarray(tasks, { minLength: tasks.length }),
      fails: fc.subarray(fails),
      threads: fc.integer({ min: 1, max: 4 }),
    });
  });

test('in any DAG each task runs once after everything that it needs succeeded, or is skipped because something did not', async () => {
  await fc.assert(
    fc.asyncProperty(dags, fc.scheduler(), async ({ tasks, fails, threads }, scheduler) => {
      const playing = play(tasks, { fails, threads, turn: (id) => scheduler.schedule(Promise.resolve(), id) });
      const { log, peak } = await scheduler.waitFor(playing);
      expect(peak.warehouse).toBeLessThanOrEqual(1);
      expect(peak.all).toBeLessThanOrEqual(threads);
      const byId = new Map(tasks.map((one) => [one.id, one]));
      const succeeds = (id: string): boolean =>
        !fails.includes(id) && (byId.get(id)?.needs ?? []).every((need) => succeeds(need));
      for (const { id, needs } of tasks) {
        const runs = needs.every(succeeds);
        const own = log.filter((line) => line.split(/[ :]/)[1] === id);
        expect(own.map((line) => line.split(' ')[0])).toEqual(runs ? ['start', 'end'] : ['skip']);
        if (!runs) continue;
        for (const need of needs) expect(log.indexOf(`end ${need}`)).toBeLessThan(log.indexOf(`start ${id}`));
      }
    }),
    { numRuns: 100 },
  );
});
