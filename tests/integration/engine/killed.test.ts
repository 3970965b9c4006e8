import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { build, compileModel, createWarehouse, texts } from '../../support/engine.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { dailyTotals, schema, sell } from './shop.ts';

const moduleAt = (path: string) => JSON.stringify(join(root, path));

/** Runs a module's text in a process that kills itself. */
async function killed(script: string): Promise<void> {
  const node = join(root, 'node_modules/.bin/node');
  const running = promisify(execFile)(node, ['--input-type=module', '-e', script]);
  await expect(running).rejects.toMatchObject({ stderr: expect.not.stringContaining('Error') });
}

test('a reader opens what a killed run has committed, including indexes', async () => {
  const file = join(await tempDir('killed-'), 'warehouse.duckdb');
  await killed(`
    const { openWarehouse } = await import(${moduleAt('engine/duckdb/warehouse.ts')});
    const warehouse = await openWarehouse({ file: ${JSON.stringify(file)} });
    await warehouse.run('CREATE TABLE days (day INTEGER); INSERT INTO days VALUES (1), (2); CREATE INDEX idx ON days (day)');
    process.kill(process.pid, 'SIGKILL');`);
  await using warehouse = await openWarehouse({ file, readOnly: true });
  expect(await warehouse.row('SELECT count(*)::INTEGER AS days FROM days')).toEqual({ days: 2 });
});

test.each([
  ['some partitions', { '2025-07-02': 21 }],
  ['the whole table', { '2025-07-01': 11, '2025-07-02': 21 }],
])('a build of %s that is killed before its commit leaves the last one intact (B15)', async (_, sales) => {
  const model = compileModel(dailyTotals, schema, { at_least: 1 });
  const seen = async () => {
    await using warehouse = await openWarehouse({ file });
    const days = await texts(warehouse, 'SELECT day, total FROM daily_totals ORDER BY day');
    return [days, await texts(warehouse, 'SELECT * FROM partition_state ORDER BY ALL')];
  };
  const created = await createWarehouse(schema);
  const { file } = created;
  await sell(created, { '2025-07-01': 10, '2025-07-02': 20 });
  await build(created, model);
  await created[Symbol.asyncDispose]();
  const before = await seen();
  await killed(`
    const { openWarehouse } = await import(${moduleAt('engine/duckdb/warehouse.ts')});
    const { build } = await import(${moduleAt('tests/support/engine.ts')});
    const { sell } = await import(${moduleAt('tests/integration/engine/shop.ts')});
    const warehouse = await openWarehouse({ file: ${JSON.stringify(file)} });
    await sell(warehouse, ${JSON.stringify(sales)});
    // Runs after the rows are written and before the commit.
    const publishedSql = { [Symbol.iterator]: () => process.kill(process.pid, 'SIGKILL') };
    await build(warehouse, { ...${JSON.stringify(model)}, publishedSql });`);
  expect(await seen()).toEqual(before);
});
