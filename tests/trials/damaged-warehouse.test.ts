import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256Tree } from '../support/digest.ts';
import { builtSample, pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';

describe('B14: a warehouse that cannot be opened is never replaced by a new one', () => {
  let dataDir: string;
  let file: string;
  let whole: string;
  const cli = (...args: readonly string[]) => pipelineInProcess(args, { dataDir });

  beforeAll(async () => {
    dataDir = await builtSample();
    file = warehouseOf(dataDir, 'sample');
    whole = join(dataDir, 'whole.duckdb');
    await copyFile(file, whole);
  });

  test.each([
    ['garbage', () => writeFile(file, Buffer.alloc(100_000, 'not a database'))],
    ['a truncated file', () => truncate(file, 20_000)],
  ])('%s', async (_, damage) => {
    await copyFile(whole, file);
    await damage();
    const before = await readFile(file);
    const exports = await sha256Tree(join(dataDir, 'sample/exports'));
    for (const command of [['run'], ['run', '--full-refresh'], ['query', 'summary']]) {
      const { exitCode, stderr } = await cli(...command);
      expect(stderr).toContain('error [WAREHOUSE_UNREADABLE]');
      expect(stderr).toContain(file);
      expect(exitCode).toBe(2);
    }
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await sha256Tree(join(dataDir, 'sample/exports'))).toEqual(exports);
  });

  test('a backup that is not a database is not restored', async () => {
    await copyFile(whole, file);
    const backup = join(dataDir, 'backup.duckdb');
    await writeFile(backup, Buffer.alloc(100_000, 'no database'));
    await copyFile(join(dataDir, 'sample/exports/volume_rankings.parquet'), join(dataDir, 'rows.parquet'));
    for (const other of [backup, dataDir, join(dataDir, 'rows.parquet')]) {
      const { exitCode, stderr } = await cli('migrate', 'restore', other);
      expect(stderr).toContain(`error [WAREHOUSE_UNREADABLE] ${other}: it is not a warehouse`);
      expect(stderr).toContain('wrote to backups/');
      expect(stderr).not.toContain('restoring.part');
      expect(exitCode).toBe(2);
    }
    for (const other of [backup, dataDir]) {
      const { exitCode, stderr } = await cli('schema', 'diff', '--database', other);
      expect(stderr).toContain(`error [WAREHOUSE_UNREADABLE] ${other}: it is neither a DuckDB database nor a Parquet`);
      expect(exitCode).toBe(2);
    }
    expect((await readFile(file)).equals(await readFile(whole))).toBe(true);
    expectExit(await cli('run', '--select', '+rankings'), 0);
  });
});
