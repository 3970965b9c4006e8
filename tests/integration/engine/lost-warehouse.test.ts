import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { PipelineError } from '../../../engine/errors.ts';
import type { RunEvent } from '../../../engine/events.ts';
import { describeStatus } from '../../../engine/migrations/status.ts';
import { migrateUp } from '../../../engine/migrations/up.ts';
import { openReader } from '../../../engine/open-reader.ts';
import { planRun } from '../../../engine/run/plan-run.ts';
import { runPipeline } from '../../../engine/run/run-pipeline.ts';
import { checkSchema } from '../../../engine/schema/check-schema.ts';
import { cleanTarget } from '../../../engine/target/clean-target.ts';
import { examine } from '../../../engine/target/examine.ts';
import { showTable } from '../../../engine/target/show-table.ts';
import { sha256Tree } from '../../support/digest.ts';
import { utc } from '../../support/engine.ts';
import { type Shop, shopProject } from './shop-project.ts';

const { signal } = new AbortController();
const sales = { '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 };

let shop: Shop;
beforeEach(async () => {
  shop = await shopProject();
  await shop.sell(sales);
  await shop.run();
});

const totals = () => shop.rows('SELECT day, total FROM totals ORDER BY day');
const exported = () => sha256Tree(shop.paths.exports);
const clean = () =>
  cleanTarget({
    paths: shop.paths,
    exports: ['totals', 'trends'],
    ...{ extracts: [], runId: 'cleaning', now: utc('2025-07-10T09:00'), signal },
  });

/** Expects a refusal because the warehouse is lost; the error names both ways to continue. */
async function expectLost(work: Promise<unknown>, problem: RegExp): Promise<void> {
  const error = await work.then(
    () => expect.unreachable('the lost warehouse was not refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PipelineError);
  expect(error).toMatchObject({
    code: 'WAREHOUSE_LOST',
    exitCode: 2,
    message: expect.stringMatching(problem),
    details: { hint: expect.stringMatching(/migrate restore .*run --full-refresh/) },
  });
}

const losses: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
  ['missing', /warehouse is missing/, () => rm(shop.paths.warehouse)],
  ['empty', /empty file/, () => truncate(shop.paths.warehouse, 0)],
  ['cut within its headers', /truncated/, () => truncate(shop.paths.warehouse, 5_000)],
];

describe.each(losses)('B24: a warehouse that is %s is not a new one', (name, problem, lose) => {
  test('a run is refused before it fetches, and changes nothing', async () => {
    await lose();
    const [before, staged] = [await exported(), await sha256Tree(shop.paths.staging)];
    await shop.sell({ '2025-07-03': 30 });
    await expectLost(shop.run(), problem);
    await expectLost(shop.run({ select: 'totals' }), problem);
    await expectLost(shop.run({ fullRefresh: true, start: '2025-07-03', end: '2025-07-04' }), problem);
    expect(await exported()).toEqual(before);
    expect(await sha256Tree(shop.paths.staging)).toEqual(staged);
    expect(existsSync(shop.paths.warehouse)).toBe(name !== 'missing');
  });

  test('--full-refresh rebuilds all of it from the staging area, and removes no existing file', async () => {
    const before = await exported();
    await lose();
    expect(await shop.run({ fullRefresh: true })).toMatchObject({ exitCode: 0 });
    expect(await totals()).toHaveLength(3);
    expect(await exported()).toEqual(before);
    expect(existsSync(`${shop.paths.warehouse}.damaged`)).toBe(name !== 'missing');
    expect((await shop.run()).exitCode).toBe(0);
  });

  test('commands that read it say the same', async () => {
    await lose();
    const { pipeline, graph, paths, target } = shop;
    const { vars } = shop.optionsOf();
    await expectLost(shop.run({ command: 'test', select: 'kind:test' }), problem);
    await expectLost(planRun(shop.optionsOf()), problem);
    await expectLost(openReader({ warehouse: paths.warehouse }), problem);
    await expectLost(showTable({ pipeline, paths, name: 'totals', limit: 1, signal }), problem);
    const compared = await checkSchema({ pipeline, graph, paths, vars, database: undefined, signal });
    expect(compared.find(({ subject }) => subject === paths.warehouse)?.differences).toEqual([
      expect.stringMatching(new RegExp(`${problem.source}.*migrate restore .*run --full-refresh`)),
    ]);
    const { schema } = (await import(join(shop.directory, 'schema.ts'))) as { schema: never };
    const definition = { schema, migrations: [] };
    await expectLost(describeStatus({ pipeline, paths, definition, signal }), problem);
    const change = { allowDestructive: false, wait: false, runId: 'up', now: utc('2025-07-10T09:00'), signal };
    await expectLost(migrateUp({ definition, paths, print: () => {}, ...change }).catch(lostBehindDrift), problem);
    const found = await examine({ target, paths, root: shop.directory, signal });
    expect(found.find(({ subject }) => subject === 'warehouse')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/WAREHOUSE_LOST.*\n?.*migrate restore/),
    });
    await expectLost(clean(), problem);
  });
});

/** The shop has no migrations that could create its tables. */
function lostBehindDrift(error: unknown): Promise<never> {
  if (!(error instanceof PipelineError && error.code === 'SCHEMA_DRIFT')) throw error;
  return openReader({ warehouse: shop.paths.warehouse }) as Promise<never>;
}

describe('B24: a warehouse that opens but has lost its contents', () => {
  test('a small new one in its place is refused, and the exports stay', async () => {
    const before = await exported();
    const small = await shopProject();
    await small.sell({ '2025-07-03': 30 });
    await small.run();
    await copyFile(small.paths.warehouse, shop.paths.warehouse);
    const other = /warehouse of another target/;
    await expectLost(shop.run(), other);
    await expectLost(openReader({ warehouse: shop.paths.warehouse }), other);
    await expectLost(clean(), other);
    await expectLost(shop.run({ fullRefresh: true }), /warehouse of another target/);
    expect(await exported()).toEqual(before);
  });

  test.each([
    ['no tables', ['DROP VIEW IF EXISTS v'], /no tables/],
    ['no row that a run has built', ['DELETE FROM partition_state', 'DELETE FROM totals'], /contains nothing/],
  ])('one with %s is refused', async (name, statements, problem) => {
    const before = await exported();
    {
      if (name === 'no tables') await rm(shop.paths.warehouse);
      const empty = name === 'no tables' ? { anew: true } : {};
      await using warehouse = await openWarehouse({ file: shop.paths.warehouse, ...empty });
      for (const sql of statements) await warehouse.run(sql);
    }
    await expectLost(shop.run(), problem);
    expect(await exported()).toEqual(before);
  });
});

describe('no loss is reported for', () => {
  test('another database in the folder of the target', async () => {
    const other = join(shop.paths.root, 'notes.duckdb');
    await using database = await openWarehouse({ file: other });
    await database.run('CREATE TABLE notes AS SELECT 1 AS i');
    expect(await database.rows('FROM notes')).toEqual([{ i: 1 }]);
  });

  test('a new target, or one whose first run was killed before it had a warehouse', async () => {
    const fresh = await shopProject();
    await fresh.sell({ waits: 1 });
    const controller = new AbortController();
    const report = ({ type }: RunEvent) => type === 'node_started' && controller.abort();
    const stopped = await runPipeline({
      ...fresh.optionsOf(),
      signal: controller.signal,
      reporter: { report, close: async () => {} },
    });
    expect(stopped.exitCode).toBe(130);
    await mkdir(fresh.paths.root, { recursive: true });
    await writeFile(fresh.paths.warehouse, '');
    await fresh.sell(sales);
    expect((await fresh.run()).exitCode).toBe(0);
  });

  test('a warehouse that clean removed; the next run builds a new one', async () => {
    await clean();
    await shop.sell({ '2025-07-03': 30 });
    expect((await shop.run()).exitCode).toBe(0);
    expect(await totals()).toEqual([['2025-07-03', '30']]);
  });

  test('a warehouse whose run was killed after creating it and before recording it', async () => {
    const file = join(shop.paths.root, 'target.json');
    const { warehouse: _, id: __, ...record } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify(record));
    expect((await shop.run()).exitCode).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('warehouse.made_at');
  });
});

describe('B14, B24: a target of an earlier version has no record', () => {
  beforeEach(() => rm(join(shop.paths.root, 'target.json')));

  test('and gets one from the first run that finds its warehouse', async () => {
    expect((await shop.run()).exitCode).toBe(0);
    await rm(shop.paths.warehouse);
    await expectLost(shop.run(), /target\.json says/);
  });

  test.each([
    ['exports', /exports.* is there/],
    ['backups', /backups.* is there/],
    ['the note next to it', /warehouse\.duckdb\.left is there/],
    ['a staging area', /staging.* is there/],
  ])('%s show that there was a warehouse', async (name, problem) => {
    const { root, warehouse, exports, staging, backups } = shop.paths;
    await mkdir(backups);
    await copyFile(warehouse, join(backups, 'warehouse-old.duckdb'));
    await rm(warehouse);
    const kept = {
      exports,
      backups,
      'the note next to it': join(root, 'warehouse.duckdb.left'),
      'a staging area': staging,
    };
    for (const [other, file] of Object.entries(kept)) if (other !== name) await rm(file, { recursive: true });
    await expectLost(shop.run(), problem);
  });

  test('its exports show that the warehouse was emptied', async () => {
    {
      await using warehouse = await openWarehouse({ file: shop.paths.warehouse });
      await warehouse.run('DELETE FROM partition_state');
    }
    await expectLost(shop.run(), /contains nothing/);
  });
});

test('an unreadable record is an error, not a new target', async () => {
  await writeFile(join(shop.paths.root, 'target.json'), '{"format": 1, "archive": 3}');
  await expect(shop.run()).rejects.toMatchObject({ code: 'ARTIFACT_INVALID', exitCode: 2 });
  await writeFile(join(shop.paths.root, 'target.json'), '{"form');
  await expect(shop.run()).rejects.toMatchObject({ code: 'ARTIFACT_INVALID', exitCode: 2 });
});
