import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportTable } from '../../../engine/duckdb/export.ts';
import { partitionState } from '../../../engine/schema/system.ts';
import { bigint, smallint, type Table, table } from '../../../engine/schema/table.ts';
import { createWarehouse } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';

test('a table whose types differ from the definition is not exported, and the last export stays', async () => {
  const ranks: Table = table('ranks', { description: 'Ranks.', columns: { rank: smallint('Rank.') }, key: [] });
  const wide: Table = { ...ranks, columns: { rank: bigint('Rank.') } };
  await using warehouse = await createWarehouse({ ranks, partition_state: partitionState });
  await warehouse.run('INSERT INTO ranks VALUES (1), (2)');
  const directory = await tempDir('exports-');
  const context = { directory, target: 'sample', synthetic: true, runId: 'run' };
  const plan = { name: 'ranks', orderBy: ['rank'] };
  await exportTable(warehouse, { ...plan, table: ranks }, context);
  const before = await readFile(join(directory, 'ranks.parquet'));
  await expect(exportTable(warehouse, { ...plan, table: wide }, context)).rejects.toMatchObject({
    code: 'EXPORT_FAILED',
    message: 'not written: ranks.rank is SMALLINT, the definition says BIGINT',
  });
  expect(await readFile(join(directory, 'ranks.parquet'))).toEqual(before);
});
