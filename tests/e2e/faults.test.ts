import { beforeAll, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { describeShared } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { visionServer } from '../support/vision-server.ts';

const args = ['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];

describeShared('a service as it is', () => {
  let directory: string;
  let undisturbed: Awaited<ReturnType<typeof publishedRows>>;

  beforeAll(async () => {
    ({ directory } = await writeSmallArchive(await tempDir('small-')));
    await using server = await visionServer(directory);
    const dataDir = await tempDir('undisturbed-');
    expectExit(await pipelineInProcess(args, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } }), 0);
    undisturbed = await publishedRows(dataDir);
  });

  test('B11: faults that pass are retried, counted, and cost no row', async () => {
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

  test('listings may lie on another host than objects', async () => {
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
