import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { archiveDirectory } from '../support/archive.ts';
import { availabilityTypes, expectParquetEqualsCsv, rankingTypes } from '../support/expected.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { diffRows, queryWarehouse, readCsv } from '../support/rows.ts';
import { describeShared, realArchive, sharedPath } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { visionServer } from '../support/vision-server.ts';

describeShared('the real archive', () => {
  const nameColumns = ['symbol', 'base_asset', 'quote_asset', 'contract_type'];
  const nameQuery = `select ${nameColumns} from symbols where instrument_type = 'futures-um' order by symbol`;
  const expectedNames = async () =>
    (await readCsv(sharedPath('real-archive/expected-symbols.csv'))).rows.map((row) => row.map((text) => text || null));
  let dataDir: string;

  beforeAll(async () => {
    dataDir = await tempDir('real-');
    await using server = await visionServer(await realArchive());
    const vars = '{"availability_timeframe":"1d"}';
    const args = ['run', '--target', 'mirror', '--start', '2025-06-17', '--end', '2025-06-29', '--vars', vars];
    expectExit(await pipelineInProcess(args, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } }), 0);
  });

  test('its rankings equal those of the independent oracle in all rows, types and order', async () => {
    const file = join(dataDir, 'mirror/exports/volume_rankings.parquet');
    const csv = sharedPath('real-archive/expected-rankings.csv');
    const rows = await expectParquetEqualsCsv(file, csv, rankingTypes, 'generation_timestamp');
    expect(rows).toHaveLength(5_248);
  });

  test('its availability equals an independent computation', async () => {
    const file = join(dataDir, 'mirror/exports/daily_availability.parquet');
    const csv = sharedPath('real-archive/expected-availability.csv');
    const rows = await expectParquetEqualsCsv(file, csv, availabilityTypes, 'probe_timestamp');
    expect(rows).toHaveLength(6_162);
  });

  test('its symbols are parsed as expected', async () => {
    const expected = new Map((await expectedNames()).map((row) => [row[0] ?? null, row]));
    const { rows } = await queryWarehouse(warehouseOf(dataDir), nameQuery);
    expect(rows.length).toBeGreaterThanOrEqual(519);
    expect(rows).toEqual(rows.map(([symbol]) => expected.get(String(symbol))));
  });

  test('A22 A23: all 1,007 names of the USD-M tree are parsed as expected', async () => {
    const expected = await expectedNames();
    expect(expected).toHaveLength(1_007);
    const archive = archiveDirectory(await tempDir('names-archive-'));
    for (const [symbol] of expected) await archive.putDay(String(symbol), '2025-07-08');
    await using server = await visionServer(archive.directory);

    const names = await tempDir('names-');
    const vars = '{"availability_timeframe":"1d","collect_volume":false}';
    const args = [
      'run',
      '--target',
      'mirror',
      '--select',
      '+symbols',
      '--as-of',
      '2025-07-09T12:00:00Z',
      '--vars',
      vars,
    ];
    expectExit(await pipelineInProcess(args, { dataDir: names, env: { PIPELINE_ARCHIVE_URL: server.url } }), 0);

    const { rows } = await queryWarehouse(warehouseOf(names), nameQuery);
    const inByteOrder = expected.toSorted(([a], [b]) => Buffer.compare(Buffer.from(`${a}`), Buffer.from(`${b}`)));
    expect(diffRows(rows, inByteOrder, nameColumns)).toBeUndefined();
  });
});
