import { join } from 'node:path';
import { expect, test } from 'vitest';
import { archiveDirectory, dailyBar, daysFrom } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { tempDir } from '../support/temp.ts';

const june = daysFrom('2025-06-01', 30);
const args = ['run', '--select', '+gaps', '--target', 'mirror', '--var', 'availability_timeframe=1d'];

/** A monthly archive with a volume that overflowed, like BTTUSDT's in 2019, and the daily archives of its days. */
async function overflowed(days: readonly string[]) {
  const archive = archiveDirectory(await tempDir('overflowed-'));
  const rows = june.map((day) => dailyBar('BTCUSDT', day).split(','));
  await archive.putMonth('BTCUSDT', june, {
    rows: rows.map((fields, at) => (at === 16 ? fields.with(5, '-2147483648') : fields).join(',')),
  });
  for (const day of days) await archive.putDay('BTCUSDT', day);
  return archive;
}

async function run(directory: string) {
  const dataDir = await tempDir('repaired-');
  const env = { PIPELINE_ARCHIVE_URL: directory };
  const result = await pipelineInProcess([...args, '--as-of', '2025-07-09T12:00:00Z'], { dataDir, env });
  expectExit(result, 0);
  const rowsOf = async (sql: string) => (await queryWarehouse(warehouseOf(dataDir), sql)).rows;
  return { ...result, rowsOf, staging: join(dataDir, 'mirror/staging') };
}

test('A11: a month with impossible values is built from its daily archives in the same run', async () => {
  const { directory } = await overflowed(june);
  const { rowsOf, stderr } = await run(directory);
  expect(await rowsOf('select count(*), any_value(data_source), min(volume) > 0 from ohlcv')).toEqual([
    [30n, 'daily', true],
  ]);
  const [[status, reason] = []] = await rowsOf(`select status, reason from staged_archives where key like '%monthly%'`);
  expect([status, reason]).toEqual(['rejected', expect.stringContaining('negative_value: row 17, volume -2147483648')]);
  expect(await rowsOf('from gaps')).toEqual([]);
  expect(stderr).toContain('klines ran again to replace rejected files: 30 repaired');
});

test('A11: a day without a daily archive is missing, and the rejected month is named as the cause', async () => {
  const { directory } = await overflowed(june.filter((day) => day < '2025-06-10' || day > '2025-06-12'));
  const { rowsOf } = await run(directory);
  expect(await rowsOf('select count(*) from ohlcv')).toEqual([[27n]]);
  expect(await rowsOf('select missing_bars, cause from gaps')).toEqual([[3n, 'rejected']]);
});
