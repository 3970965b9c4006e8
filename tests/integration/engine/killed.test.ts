import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';

test('a reader opens what a killed run has committed, indexes too', async () => {
  const file = join(await tempDir('killed-'), 'warehouse.duckdb');
  const script = `
    const { openWarehouse } = await import(${JSON.stringify(join(root, 'engine/duckdb/warehouse.ts'))});
    const warehouse = await openWarehouse({ file: ${JSON.stringify(file)} });
    await warehouse.run('CREATE TABLE days (day INTEGER); INSERT INTO days VALUES (1), (2); CREATE INDEX idx ON days (day)');
    process.kill(process.pid, 'SIGKILL');`;
  const node = join(root, 'node_modules/.bin/node');
  await expect(promisify(execFile)(node, ['--input-type=module', '-e', script])).rejects.toThrow();
  await using warehouse = await openWarehouse({ file, readOnly: true });
  expect(await warehouse.row('SELECT count(*)::INTEGER AS days FROM days')).toEqual({ days: 2 });
});
