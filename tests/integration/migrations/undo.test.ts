import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tableStatements } from '../../../engine/duckdb/dialect.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { type Migration, readMigrations } from '../../../engine/migrations/folder.ts';
import { undoMigration } from '../../../engine/migrations/undo.ts';
import { schemaMigrations } from '../../../engine/schema/system.ts';
import { double, table, varchar } from '../../../engine/schema/table.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { scratchProject } from '../../support/scratch.ts';
import { createProject, schemaOf, type TestProject } from './project.ts';

const columns = { symbol: varchar('Ticker.'), volume: double.nullable('Turnover.') };
const first = schemaOf(table('days', { description: 'Days.', columns: { symbol: columns.symbol }, key: ['symbol'] }));
const second = schemaOf(table('days', { description: 'Days.', columns, key: ['symbol'] }));
const { signal } = new AbortController();

let project: TestProject;
beforeEach(async () => {
  project = await createProject();
  await project.create('first', first);
});

/** `migrate undo`; the name of what it removed. */
async function undo(): Promise<string> {
  const { root, paths } = project;
  const warehouses = [join(root, 'data/other/warehouse.duckdb'), paths.warehouse];
  return (await undoMigration({ root, migrations: await project.migrations(), warehouses, signal })).name;
}

const git = (...args: string[]) =>
  execFileSync('git', ['-C', project.root, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { stdio: 'ignore' });

test('the last migration and its signature are removed, and the same change can be written again', async () => {
  await project.build(first);
  await project.create('mistake', second);
  expect(await undo()).toBe('0002_mistake');
  expect(await readdir(join(project.root, 'migrations'))).toEqual(['0001_first.sql', 'SHA256SUMS']);
  await project.create('add_volume', second);
  expect((await project.migrations()).map(({ name }) => name)).toEqual(['0001_first', '0002_add_volume']);
  await project.up(second);
});

test('the only migration can be taken back too, and then there is none', async () => {
  expect(await undo()).toBe('0001_first');
  expect(await project.migrations()).toEqual([]);
  await expect(undo()).rejects.toMatchObject({ code: 'USAGE', message: 'migrations/ has no migration to take back' });
});

describe('a released migration stays', () => {
  test('one that a warehouse has been through', async () => {
    await project.create('second', second);
    await project.build(second);
    await expect(undo()).rejects.toMatchObject({
      code: 'MIGRATION_RELEASED',
      message: `0002_second cannot be taken back: it is applied to ${project.paths.warehouse}`,
      exitCode: 2,
    });
    expect(await project.migrations()).toHaveLength(2);
  });

  test('one that is committed to git, even on another branch', async () => {
    git('init');
    git('commit', '--allow-empty', '-m', 'start');
    git('checkout', '-b', 'other');
    git('add', '.');
    git('commit', '-m', 'first');
    const message = expect.stringMatching(/^0001_first cannot be taken back: it is committed to git \([0-9a-f]{7,}\)$/);
    await expect(undo()).rejects.toMatchObject({ code: 'MIGRATION_RELEASED', message });
    git('checkout', '-');
    await project.create('first', first);
    await expect(undo()).rejects.toMatchObject({ code: 'MIGRATION_RELEASED', message });
  });
});

test('the command looks at the warehouses of all targets', async () => {
  const { root, dataDir } = await scratchProject();
  const migrateUndo = () => pipelineInProcess(['migrate', 'undo'], { cwd: root, dataDir });
  const last = (await readMigrations(root)).at(-1) as Migration;
  expect(await migrateUndo()).toMatchObject({
    exitCode: 0,
    stdout: `removed migrations/${last.name}.sql\nmodels/schema.ts is unchanged; to write the change again: pnpm pipeline migrate new NAME\n`,
  });
  const file = join(dataDir, 'live/warehouse.duckdb');
  const number = last.number - 1;
  await mkdir(dirname(file), { recursive: true });
  {
    await using warehouse = await openWarehouse({ file });
    for (const statement of tableStatements(schemaMigrations)) await warehouse.run(statement);
    await warehouse.run(`INSERT INTO schema_migrations VALUES (${number}, 'any', 'any', '2026-11-20')`);
  }
  const refused = await migrateUndo();
  expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`it is applied to ${file}`) });
  expect((await readMigrations(root)).at(-1)).toMatchObject({ number });
});

test('one that git does not know yet is removed', async () => {
  git('init');
  git('add', '.');
  git('commit', '-m', 'first');
  await project.create('second', second);
  git('add', '.');
  expect(await undo()).toBe('0002_second');
});

test('a repository that git cannot read is an error: the migration may be released', async () => {
  git('init');
  await rm(join(project.root, '.git/HEAD'));
  await expect(undo()).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('git does not say whether it is committed'),
  });
  expect(await project.migrations()).toHaveLength(1);
});
