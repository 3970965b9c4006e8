import { copyFile, cp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { backUp, verifyDatabase } from '../../../engine/duckdb/maintain.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { restoreBackup } from '../../../engine/migrations/restore.ts';
import type { Definition } from '../../../engine/migrations/states.ts';
import { examine } from '../../../engine/target/examine.ts';
import { type TargetPaths, targetPaths } from '../../../engine/target/paths.ts';
import { killedAt } from '../../support/killed-at.ts';
import { queryWarehouse } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { type Shop, shopProject } from '../engine/shop-project.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-20T10:30:00Z');

let shop: Shop;
let paths: TargetPaths;
let definition: Definition;
/** Taken when the warehouse had 3 days; by now it has 2. */
let backup: string;
beforeEach(async () => {
  shop = await shopProject();
  paths = shop.paths;
  definition = { schema: (await import(join(shop.directory, 'schema.ts'))).schema, migrations: [] };
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 });
  await shop.run();
  backup = (await backUp(paths, 'first')) as string;
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
  await shop.run();
});

const restore = (file = backup, more: Partial<Parameters<typeof restoreBackup>[0]> = {}) =>
  restoreBackup({
    backup: file,
    ...{ paths, definition, synthetic: true, wait: false, runId: 'restore', now, print: () => {}, signal },
    ...more,
  });
const daysIn = async (file = paths.warehouse) => (await queryWarehouse(file, 'SELECT day FROM totals')).rows.length;

/** Flips one bit in the middle of the last block that contains rows. */
async function flipBit(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  const { size } = await handle.stat();
  const at = 3 * 4096 + Math.floor((size - 3 * 4096) / 262_144 / 2) * 262_144 + 64;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.from([(buffer[0] as number) ^ 1]), 0, 1, at);
}

async function expectUntouched(work: () => Promise<unknown>, error: object): Promise<void> {
  const before = await readFile(paths.warehouse);
  await expect(work()).rejects.toMatchObject(error);
  expect((await readFile(paths.warehouse)).equals(before)).toBe(true);
  expect((await readdir(paths.backups)).filter((name) => !name.endsWith('.duckdb'))).toEqual([]);
}

describe('B35: a restore verifies the backup before it replaces anything', () => {
  const damages: readonly (readonly [string, (file: string) => Promise<unknown>, string])[] = [
    ['one bit is flipped', flipBit, 'WAREHOUSE_UNREADABLE'],
    [
      'it is truncated',
      async (file) => truncate(file, (await readFile(file)).length - 262_144),
      'WAREHOUSE_UNREADABLE',
    ],
    ['it is truncated within its headers', (file) => truncate(file, 5_000), 'WAREHOUSE_UNREADABLE'],
    ['it is empty', (file) => truncate(file, 0), 'WAREHOUSE_UNREADABLE'],
    ['it is not a database', (file) => writeFile(file, 'x'.repeat(100_000)), 'WAREHOUSE_UNREADABLE'],
    ['it is missing', (file) => rm(file), 'WAREHOUSE_MISSING'],
  ];

  test.each(damages)('%s', async (_, damage, code) => {
    await damage(backup);
    await expectUntouched(() => restore(), { code, exitCode: 2, details: { file: backup } });
    const found = (await examine({ target: shop.target, paths, root: shop.directory, signal })).filter(
      ({ subject }) => subject === 'backup',
    );
    if (code === 'WAREHOUSE_MISSING') expect(found).toEqual([]);
    else expect(found).toEqual([{ ok: false, subject: 'backup', detail: expect.stringContaining(backup) }]);
  });

  test('it is a database of another program', async () => {
    const other = join(await tempDir(), 'notes.duckdb');
    {
      await using database = await openWarehouse({ file: other });
      await database.run('CREATE TABLE notes AS SELECT 1 AS i');
    }
    const message = expect.stringContaining('it is not a warehouse: it has none of the tables sales, ');
    await expectUntouched(() => restore(other), { code: 'WAREHOUSE_UNREADABLE', message, details: { file: other } });
  });

  test('it belongs to another target', async () => {
    const other = await shopProject();
    await other.sell({ '2025-07-01': 1 });
    await other.run();
    const foreign = (await backUp(other.paths, 'foreign')) as string;
    await expectUntouched(() => restore(foreign), { code: 'ARCHIVE_DIFFERS', details: { file: foreign } });
    await rm(join(paths.root, 'target.json'));
    await expectUntouched(() => restore(foreign, { synthetic: false }), { code: 'ARCHIVE_DIFFERS' });
  });
});

describe('a restore', () => {
  test('brings the rows back and keeps what it replaces, and the next run continues from there', async () => {
    await restore();
    expect(await daysIn()).toBe(3);
    expect(await daysIn(join(paths.backups, 'warehouse-restore.duckdb'))).toBe(2);
    expect((await shop.run()).exitCode).toBe(0);
    expect(await daysIn()).toBe(2);
  });

  test('repairs a lost or damaged warehouse (B24)', async () => {
    await rm(paths.warehouse);
    await restore();
    expect((await shop.run()).exitCode).toBe(0);
    await writeFile(paths.warehouse, 'x'.repeat(100_000));
    await restore();
    expect(await daysIn()).toBe(3);
    expect((await readFile(`${paths.warehouse}.damaged-restore`)).length).toBe(100_000);
  });

  test('repairs a warehouse that was replaced by an empty or foreign database (B24)', async () => {
    const other = await shopProject();
    await other.sell({ '2025-07-01': 1 });
    await other.run();
    await copyFile(other.paths.warehouse, paths.warehouse);
    await restore(backup, { runId: 'foreign' });
    expect(await daysIn()).toBe(3);
    await rm(paths.warehouse);
    await (await openWarehouse({ file: paths.warehouse, anew: true }))[Symbol.asyncDispose]();
    await restore(backup, { runId: 'empty' });
    expect(await daysIn()).toBe(3);
  });

  test('accepts a backup of an earlier version, which names no target', async () => {
    const old = join(paths.backups, 'warehouse-old.duckdb');
    await copyFile(backup, old);
    {
      await using database = await openWarehouse({ file: old });
      await database.run('DROP MACRO pipeline_warehouse_origin');
    }
    await restore(old);
    expect((await shop.run()).exitCode).toBe(0);
  });

  test('includes rows that are in the write-ahead log next to the file', async () => {
    const copied = join(await tempDir(), 'copied.duckdb');
    {
      await using warehouse = await openWarehouse({ file: paths.warehouse });
      await warehouse.run("SET checkpoint_threshold = '1TB'");
      await warehouse.run("INSERT INTO totals VALUES ('2025-08-01', 1, '2025-08-02')");
      await warehouse.run('PRAGMA disable_checkpoint_on_shutdown');
    }
    for (const suffix of ['', '.wal']) await copyFile(`${paths.warehouse}${suffix}`, `${copied}${suffix}`);
    await restore();
    await restore(copied, { runId: 'again' });
    expect(await daysIn()).toBe(3);
    expect((await queryWarehouse(paths.warehouse, "FROM totals WHERE day = '2025-08-01'")).rows).toHaveLength(1);
  });
});

const moduleAt = (file: string) => JSON.stringify(join(import.meta.dirname, '../../..', file));

describe('B35: SIGKILL at every step', () => {
  /** Prepares a separate folder with the target for each step; all are killed at the same time. */
  async function killAtEachStep(
    steps: number,
    script: (target: TargetPaths) => string,
    check: (target: TargetPaths) => Promise<void>,
  ) {
    const killed = await Promise.all(
      Array.from({ length: steps }, async (_, step) => {
        const target = targetPaths(await tempDir('step-'), 'sample');
        await cp(paths.root, target.root, { recursive: true });
        const ended = await killedAt(step, /warehouse|restoring|target\.json/, script(target));
        await check(target);
        return ended;
      }),
    );
    expect(killed[0]).toBe(true);
    expect(killed.at(-1)).toBe(false);
  }

  test('a backup is whole or absent', async () => {
    await killAtEachStep(
      4,
      (target) => `
        const { backUp } = await import(${moduleAt('engine/duckdb/maintain.ts')});
        await backUp(${JSON.stringify(target)}, 'killed');`,
      async (target) => {
        for (const name of (await readdir(target.backups)).filter((one) => one.endsWith('.duckdb'))) {
          await verifyDatabase(join(target.backups, name), {});
        }
        await backUp(target, 'next');
        expect((await readdir(target.backups)).filter((name) => !name.endsWith('.duckdb'))).toEqual([]);
        expect(await daysIn(join(target.backups, 'warehouse-next.duckdb'))).toBe(2);
      },
    );
  }, 120_000);

  test('a restore leaves the old warehouse or the new one', async () => {
    await killAtEachStep(
      12,
      (target) => `
        const { restoreBackup } = await import(${moduleAt('engine/migrations/restore.ts')});
        const { schema } = await import(${JSON.stringify(join(shop.directory, 'schema.ts'))});
        await restoreBackup({
          backup: ${JSON.stringify(join(target.backups, 'warehouse-first.duckdb'))},
          paths: ${JSON.stringify(target)},
          definition: { schema, migrations: [] },
          synthetic: true, wait: false, runId: 'killed', now: new Date(), print() {}, signal: new AbortController().signal,
        });`,
      async (target) => {
        expect([2, 3]).toContain(await daysIn(target.warehouse));
        await verifyDatabase(target.warehouse, {});
      },
    );
  }, 120_000);
});

test('a missing warehouse has no backup', async () => {
  await rm(paths.warehouse);
  expect(await backUp(paths, 'none')).toBeUndefined();
  expect(await readdir(paths.backups)).toEqual(['warehouse-first.duckdb']);
});
