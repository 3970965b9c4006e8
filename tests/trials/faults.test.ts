import { beforeAll, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { describeShared } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { visionServer } from '../support/vision-server.ts';

const args = ['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];

describeShared('an unreliable server', () => {
  let directory: string;
  let undisturbedDir: string;
  let undisturbed: Awaited<ReturnType<typeof publishedRows>>;

  beforeAll(async () => {
    ({ directory } = await writeSmallArchive(await tempDir('small-')));
    await using server = await visionServer(directory);
    undisturbedDir = await tempDir('undisturbed-');
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    expectExit(await pipelineInProcess(args, { dataDir: undisturbedDir, env }), 0);
    undisturbed = await publishedRows(undisturbedDir);
  });

  test('B11: transient faults are retried and counted, and no row is lost', async () => {
    const faults = '500=0.05,503=0.02,reset=0.05,truncate=0.05,corrupt=0.05,html=0.05';
    await using server = await visionServer(directory, { faults });
    const dataDir = await tempDir('faults-');
    const result = await pipelineInProcess(args, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } });
    expectExit(result, 0);
    const hits = Object.keys(await server.stats()).filter((counter) => counter.startsWith('fault:'));
    expect(hits.length).toBeGreaterThanOrEqual(6);
    expect(result.stderr).toMatch(/retries/);
    await expectSameRows(dataDir, undisturbed);
  });

  test('permanent faults are named, and everything else is built', async () => {
    await using server = await visionServer(directory, { faults: 'gone=0.05,badzip=0.1', seed: '4' });
    const dataDir = await tempDir('sticky-');
    // Without daily_availability, whose coverage test would rightly fail with so many holes.
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    const lax = [...args, '--var', 'max_failed=0.2', '--select', '+gaps'];
    expectExit(await pipelineInProcess(lax, { dataDir, env }), 0);
    const warehouse = warehouseOf(dataDir);
    const { rows: bad } = await queryWarehouse(
      warehouse,
      `select status, reason from staged_archives where status in ('absent', 'rejected')`,
    );
    expect(new Set(bad.map(([status]) => status))).toEqual(new Set(['absent', 'rejected']));
    for (const [, reason] of bad) expect(reason).toMatch(/^(absent: .*404|not_a_zip: )/);

    // Daily archives replace a month that fails, so only days without a good archive are missing.
    const bars = 'select * exclude data_source from ohlcv order by symbol, timestamp';
    const built = (await queryWarehouse(warehouse, bars)).rows.map(String);
    const all = (await queryWarehouse(warehouseOf(undisturbedDir), bars)).rows.map(String);
    expect(all.length).toBeGreaterThan(built.length);
    expect(new Set(all).isSupersetOf(new Set(built))).toBe(true);
    const { rows: gaps } = await queryWarehouse(warehouse, 'select cause, sum(missing_bars) from gaps group by cause');
    const missing = new Map(gaps.map(([cause, bars]) => [cause, Number(bars)]));
    expect([...missing.keys()].every((cause) => cause === 'rejected' || cause === 'archive_hole')).toBe(true);
    expect(missing.get('rejected')).toBeGreaterThan(0);
    expect([...missing.values()].reduce((sum, bars) => sum + bars)).toBe(all.length - built.length);
  });

  test('listings may be on another host than objects', async () => {
    await using server = await visionServer(directory, { htmlRoot: true });
    const dataDir = await tempDir('two-hosts-');
    const env = { PIPELINE_ARCHIVE_URL: server.url, PIPELINE_LISTING_URL: `${server.url}/data.binance.vision` };
    expectExit(await pipelineInProcess(args, { dataDir, env }), 0);
    await expectSameRows(dataDir, undisturbed);
  });

  test('an HTML page in place of the listing is an error', async () => {
    await using server = await visionServer(directory, { htmlRoot: true });
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    const result = await pipelineInProcess(args, { dataDir: await tempDir('html-'), env });
    expectExit(result, 1);
    expect(result.stdout).toMatch(/LISTING_INVALID|ARCHIVE_RESPONSE/);
  });
});
