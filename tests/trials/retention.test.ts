import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openWarehouse } from '../../engine/duckdb/warehouse.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { scratchProject } from '../support/scratch.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const days = smallArchive.days.slice(30);
const july = days.filter((day) => day.startsWith('2025-07'));

/** BTCUSDT and ETHUSDT: each has a monthly file of June and eight daily ones of July. */
async function start(retention: 'keep' | 'prune_after_load' = 'prune_after_load') {
  const project = await scratchProject();
  const defects = 'known_defects: []';
  await project.edit('pipeline.yaml', defects, `staging_retention: ${retention}\n      ${defects}`);
  const archive = await writeSmallArchive(project.root, { symbols: ['BTCUSDT', 'ETHUSDT'], days });
  const server = await serveArchive(project.root);
  const call = async (dataDir: string, ...args: readonly string[]) => {
    await server.rescan();
    server.requests();
    const fixed = ['--target', 'mirror', '--var', 'availability_timeframe=1d'];
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    const result = await pipelineInProcess([...args, ...fixed], { dataDir, cwd: project.root, env });
    const fetched = server.requests().filter((path) => path.endsWith('.zip'));
    return { ...result, fetched: fetched.map((path) => path.replace(/^.*\/|\.zip$/g, '')).sort() };
  };
  const staging = join(project.dataDir, 'mirror/staging');
  return {
    archive,
    staging,
    warehouse: warehouseOf(project.dataDir),
    call: (...args: readonly string[]) => call(project.dataDir, ...args),
    async run(...args: readonly string[]) {
      const result = await call(project.dataDir, 'run', '--as-of', smallArchive.asOf, ...args);
      expectExit(result, 0);
      return result.fetched;
    },
    csvs: async () =>
      (await readdir(staging, { recursive: true })).filter((path) => path.endsWith('.csv') && !path.startsWith('.')),
    async expectRowsOfAFreshRun() {
      const fresh = await tempDir('fresh-');
      expectExit(await call(fresh, 'run', '--as-of', smallArchive.asOf), 0);
      await expectSameRows(project.dataDir, await publishedRows(fresh));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('staging_retention: prune_after_load', () => {
  test('leaves no CSV of loaded archives, fetches nothing again, and gives the same rows as keep', async () => {
    await using it = await start();
    expect(await it.run()).toHaveLength(18);
    expect(await it.csvs()).toEqual([]);
    expect(await it.run()).toEqual([]);
    const told = `SELECT DISTINCT status, reason FROM staged_archives`;
    expect((await queryWarehouse(it.warehouse, told)).rows).toEqual([
      ['loaded', 'pruned: its CSV was removed after it was loaded'],
    ]);
    await using kept = await start('keep');
    await kept.run();
    expect(await kept.csvs()).toHaveLength(18);
    await it.expectRowsOfAFreshRun();
  });

  test('keeps what is staged but not loaded', async () => {
    await using it = await start();
    await it.run('--select', '+klines');
    expect(await it.csvs()).toHaveLength(18);
    expect(await it.run('--select', '+ohlcv')).toEqual([]);
    expect(await it.csvs()).toEqual([]);
  });

  test('a new day fetches the other days of its symbol and month again, whatever range is selected', async () => {
    await using it = await start();
    const last = july.at(-1) as string;
    await it.archive.remove(await it.archive.putDay('ETHUSDT', last));
    await it.run();
    await it.archive.putDay('ETHUSDT', last);
    expect(await it.run('--select', '+ohlcv', '--start', last)).toEqual(july.map((day) => `ETHUSDT-1d-${day}`));
    expect(await it.csvs()).toEqual([]);
    await it.run();
    await it.expectRowsOfAFreshRun();
  });

  test('A15: a late day that the monthly file lacks fetches that file again', async () => {
    await using it = await start();
    const late = '2025-06-25';
    await it.archive.remove(await it.archive.putDay('ETHUSDT', late));
    const rest = days.filter((day) => day.startsWith('2025-06') && day !== late);
    await it.archive.putMonth('ETHUSDT', rest);
    await it.run();
    await it.archive.putDay('ETHUSDT', late);
    expect(await it.run('--relist')).toEqual(['ETHUSDT-1d-2025-06', `ETHUSDT-1d-${late}`]);
    await it.expectRowsOfAFreshRun();
  });

  test.each(['the warehouse is there', 'it is gone'])(
    '--full-refresh fetches everything again if %s',
    async (state) => {
      await using it = await start();
      await it.run();
      if (state === 'it is gone') await rm(it.warehouse);
      expect(await it.run('--full-refresh')).toHaveLength(18);
      expect(await it.csvs()).toEqual([]);
      await it.expectRowsOfAFreshRun();
    },
  );

  test('a partition that is dirty for another reason is an error that the next run fixes', async () => {
    await using it = await start();
    await it.run();
    {
      await using warehouse = await openWarehouse({ file: it.warehouse });
      await warehouse.run(
        `DELETE FROM partition_state WHERE model = 'ohlcv' AND partition LIKE '%/ETHUSDT/%/2025-07-01'`,
      );
    }
    const failed = await it.call('run', '--as-of', smallArchive.asOf);
    expectExit(failed, 1);
    expect(failed.fetched).toEqual([]);
    expect(failed.stdout).toContain('[OBJECT_ABSENT] 8 archives that were pruned after the load are needed again');
    expect(await it.run()).toEqual(july.map((day) => `ETHUSDT-1d-${day}`));
    expect(await it.csvs()).toEqual([]);
    await it.expectRowsOfAFreshRun();
  });
});

test('clean --staging removes staged, superseded and rejected files, keeps ledger and listing, and says how much it freed', async () => {
  await using it = await start('keep');
  await it.run();
  await it.archive.putDay('ETHUSDT', '2025-07-05', { edition: 1 });
  await it.archive.put(
    'data/futures/um/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2025-07-06.zip',
    Buffer.from('x'),
    new Date(),
  );
  await it.run('--relist');
  const held = await readdir(it.staging);
  expect(held.sort()).toEqual(['futures-um', 'journal.jsonl', 'listing', 'rejected', 'superseded']);
  const notes = join(it.staging, 'futures-um/1d/ETHUSDT/notes.csv');
  await writeFile(notes, 'mine');
  const { exitCode, stdout } = await it.call('clean', '--staging');
  expect(existsSync(notes)).toBe(true);
  await rm(join(it.staging, 'futures-um'), { recursive: true });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^removed 21 files, [\d.]+ kB, from .*staging$/m);
  expect((await readdir(it.staging)).sort()).toEqual(['journal.jsonl', 'listing']);
  expect(existsSync(it.warehouse)).toBe(false);
  expect(await it.run()).toHaveLength(18);
  await it.expectRowsOfAFreshRun();
});
