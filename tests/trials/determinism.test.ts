import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { pipeline, pipelineInProcess } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const vars = ['--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];

describe('the same archive gives the same Parquet bytes', () => {
  const symbols = smallArchive.symbols.slice(0, 4);
  const days = smallArchive.days.slice(-16); // across the end of June, which has monthly files too
  let directory: string;
  let expected: Readonly<Record<string, string>>;

  const run = (dataDir: string, url: string) =>
    pipelineInProcess(['run', '--target', 'mirror', ...vars, '--relist'], {
      dataDir,
      env: { PIPELINE_ARCHIVE_URL: url },
    });
  const exports = (dataDir: string) => sha256Tree(join(dataDir, 'mirror/exports'));

  beforeAll(async () => {
    ({ directory } = await writeSmallArchive(await tempDir('small-'), { symbols, days }));
    await using server = await serveArchive(directory);
    const dataDir = await tempDir('whole-');
    expectExit(await run(dataDir, server.url), 0);
    expected = await exports(dataDir);
    expect(Object.keys(expected)).toContain('volume_rankings.parquet');
  });

  test.each([
    ['in New York', [], { TZ: 'America/New_York' }],
    ['in Tokyo', [], { TZ: 'Asia/Tokyo' }],
    ['on one thread', ['--threads', '1'], {}],
    ['on four threads', ['--threads', '4'], {}],
  ])('B7 B21: %s', async (_, args, env) => {
    await using server = await serveArchive(directory);
    const dataDir = await tempDir('again-');
    const child = ['run', '--target', 'mirror', ...vars, ...args];
    expectExit(await pipeline(child, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url, ...env } }), 0);
    expect(await exports(dataDir)).toEqual(expected);
  });

  test('A16 A21 B2 B3: in whatever order its files arrive, run after run', async () => {
    const keys = Object.keys(await sha256Tree(directory)).filter((path) => path.endsWith('.zip'));
    // The tests compare BTCUSDT with the others, so it is there from the start.
    const first = keys.filter((key) => key.includes('/BTCUSDT/'));
    const late = keys.filter((key) => !first.includes(key));

    const arrival = fc.shuffledSubarray(late, { minLength: late.length });
    const property = fc.asyncProperty(arrival, fc.integer({ min: 2, max: 4 }), async (order, runs) => {
      const arriving = await tempDir('arriving-');
      await mkdir(join(arriving, 'data'));
      await using server = await serveArchive(arriving);
      const dataDir = await tempDir('arrived-');
      const size = Math.ceil(order.length / runs);
      for (let at = 0; at < order.length; at += size) {
        for (const key of [...(at === 0 ? first : []), ...order.slice(at, at + size)]) {
          await mkdir(dirname(join(arriving, key)), { recursive: true });
          for (const path of [key, `${key}.CHECKSUM`])
            await cp(join(directory, path), join(arriving, path), { preserveTimestamps: true });
        }
        await server.rescan();
        expectExit(await run(dataDir, server.url), 0);
      }
      expect(await exports(dataDir)).toEqual(expected);
    });
    await fc.assert(property, { numRuns: 4, endOnFailure: true });
  });
});
