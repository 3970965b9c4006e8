import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { isListing, type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const vars = ['--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];

describe('a second run', () => {
  let server: ServedArchive;
  let dataDir: string;
  const run = (...args: readonly string[]) =>
    pipelineInProcess(['run', '--target', 'mirror', ...vars, ...args], {
      dataDir,
      env: { PIPELINE_ARCHIVE_URL: server.url },
    });
  const nodesRun = async () => {
    const results = JSON.parse(await readFile(join(dataDir, 'mirror/artifacts/run.json'), 'utf8'));
    return (results.results as { unique_id: string }[]).map(({ unique_id }) => unique_id);
  };

  afterAll(() => server[Symbol.asyncDispose]());

  beforeAll(async () => {
    const { directory } = await writeSmallArchive(await tempDir('small-'));
    dataDir = await tempDir('repeat-');
    server = await serveArchive(directory);
    expectExit(await run(), 0);
  });

  test('stages nothing, requests only the prefixes and one listing per series, and leaves the same bytes', async () => {
    const before = await sha256Tree(join(dataDir, 'mirror/exports'));
    const stagedBefore = await sha256Tree(join(dataDir, 'mirror/staging'));
    server.requests();
    const second = await run();
    expectExit(second, 0);

    const requests = server.requests();
    expect(requests.filter((path) => !isListing(path))).toEqual([]);
    const prefixes = 2; // of the daily and the monthly tree
    expect(requests.length).toBeLessThanOrEqual(2 * smallArchive.symbols.length + prefixes);
    expect(second.stderr + second.stdout).toMatch(/Done\. PASS=\d+ .*ERROR=0/);

    expect(Object.keys(before)).toEqual(
      expect.arrayContaining(['SHA256SUMS', 'daily_availability.parquet', 'volume_rankings.parquet']),
    );
    expect(await sha256Tree(join(dataDir, 'mirror/exports'))).toEqual(before);
    const csvs = (tree: Readonly<Record<string, string>>) =>
      Object.entries(tree).filter(([path]) => path.endsWith('.csv'));
    expect(csvs(stagedBefore).length).toBeGreaterThan(50);
    expect(csvs(await sha256Tree(join(dataDir, 'mirror/staging')))).toEqual(csvs(stagedBefore));
  });

  test('of the rankings alone runs only their model, its tests and its export', async () => {
    server.requests();
    expectExit(await run('--select', 'rankings'), 0);
    expect(server.requests()).toEqual([]);
    const nodes = await nodesRun();
    expect(nodes.filter((node) => !node.startsWith('test.'))).toEqual([
      'model.volume_rankings',
      'export.volume_rankings',
    ]);
    expect(nodes).toContain('test.ranks_dense');
    expect(nodes.filter((node) => /ohlcv|symbols|availability/.test(node))).toEqual([]);
  });

  test('of the rankings alone, on an empty warehouse, says what is missing and what to select', async () => {
    const empty = await tempDir('empty-');
    const result = await pipelineInProcess(['run', '--target', 'mirror', ...vars, '--select', 'rankings'], {
      dataDir: empty,
    });
    expectExit(result, 2);
    expect(result.stderr).toMatch(/daily_availability|symbols/);
    expect(result.stderr).toContain('+rankings');
  });
});
