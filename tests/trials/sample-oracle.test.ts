import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { msOfDay } from '../../exchange/timeframes.ts';
import { expectParquetEqualsCsv, rankingTypes } from '../support/expected.ts';
import { builtSample, writtenSample } from '../support/pipeline.ts';
import { readParquet, readParquetMetadata } from '../support/rows.ts';
import { describeShared, sharedPath } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

describeShared('the sample archive', () => {
  let archive: string;
  let rankings: string;

  beforeAll(async () => {
    archive = await writtenSample();
    rankings = join(await builtSample(), 'sample/exports/volume_rankings.parquet');
  });

  test('its rankings equal those of the independent oracle on the same archive written as files', async () => {
    const dates = (await readParquet(rankings)).rows.map(([date]) => String(date));
    // The oracle does not withhold days; it still has to find every day that is ranked.
    const end = new Date(Date.parse(dates.at(-1) ?? '') + msOfDay).toISOString().slice(0, 10);
    expect(end >= '2025-07-08').toBe(true);
    expect(new Set(dates).size).toBeGreaterThanOrEqual(145);

    const csv = join(await tempDir('oracle-'), 'rankings.csv');
    const tool = sharedPath('tools/oracle_rankings.py');
    await promisify(execFile)('python3', [tool, archive, csv, '--days', '0001-01-01', end]);
    await expectParquetEqualsCsv(rankings, csv, rankingTypes, 'generation_timestamp');
  });

  test('its export says that it is synthetic', async () => {
    expect((await readParquetMetadata(rankings)).get('synthetic')).toBe('true');
  });
});
