import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { double, table, varchar } from '../../../engine/schema/table.ts';
import { createProject, schemaOf, type TestProject } from './project.ts';

const columns = { symbol: varchar('Ticker.'), volume: double.nullable('Turnover.') };
const first = schemaOf(table('days', { description: 'Days.', columns: { symbol: columns.symbol }, key: ['symbol'] }));
const second = schemaOf(table('days', { description: 'Days.', columns, key: ['symbol'] }));

let project: TestProject;
beforeEach(async () => {
  project = await createProject();
  await project.create('first', first);
});

const read = (file: string) => readFile(join(project.root, 'migrations', file), 'utf8');
const refused = (message: string) => ({ code: 'MIGRATION_CHANGED', message: expect.stringContaining(message) });

test('an edited migration is refused', async () => {
  await project.writeFile('migrations/0001_first.sql', 'CREATE TABLE days (symbol VARCHAR)');
  await expect(project.migrations()).rejects.toMatchObject(refused('0001_first was changed after it was written'));
});

test('one that was edited and signed again is refused by every database that has applied it', async () => {
  await project.build(first);
  await project.writeFile('migrations/0001_first.sql', `${await read('0001_first.sql')}\n`);
  await project.sign();
  for (const attempt of [() => project.build(first), () => project.up(first)])
    await expect(attempt()).rejects.toMatchObject(refused('0001_first differs from the one that'));
});

test('one that is missing or not signed, or whose number is used twice, is refused', async () => {
  await project.writeFile('migrations/0002_by_hand.sql', 'SELECT 1');
  await expect(project.migrations()).rejects.toMatchObject(refused('0002_by_hand is not in SHA256SUMS'));
  await rm(join(project.root, 'migrations/0002_by_hand.sql'));
  await project.writeFile('migrations/0001_again.sql', 'SELECT 1');
  await project.sign();
  await expect(project.migrations()).rejects.toMatchObject(refused('0001_first has the same number as 0001_again'));
  await rm(join(project.root, 'migrations/0001_again.sql'));
  await project.sign();
  await rm(join(project.root, 'migrations/0001_first.sql'));
  await expect(project.migrations()).rejects.toMatchObject(refused('0001_first is missing'));
});

test('a name without a number is refused', async () => {
  await project.writeFile('migrations/first.sql', 'SELECT 1');
  await expect(project.migrations()).rejects.toMatchObject(refused('first must be named like 0007_turnover'));
});

test('one that is added below the newest is refused', async () => {
  await project.create('second', second);
  await rename(join(project.root, 'migrations/0002_second.sql'), join(project.root, 'migrations/0003_second.sql'));
  await project.sign();
  await project.build(second);
  await project.writeFile('migrations/0002_late.sql', 'SELECT 1');
  await project.sign();
  await expect(project.build(second)).rejects.toMatchObject(refused('0002_late was added after migration 3'));
});

test('a database that has applied more migrations is refused', async () => {
  await project.create('second', second);
  await project.build(second);
  await rm(join(project.root, 'migrations/0002_second.sql'));
  await project.sign();
  for (const attempt of [() => project.build(first), () => project.up(first)])
    await expect(attempt()).rejects.toMatchObject({
      code: 'SCHEMA_NEWER',
      message: expect.stringMatching(/^0002_second was applied to .*, but is not in migrations\/$/),
    });
});
