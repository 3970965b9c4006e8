import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipeline, startPipeline } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const args = ['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];

describe('Ctrl-C', () => {
  test.each(['extract.listing', 'extract.klines', 'model.ohlcv'])(
    'in %s ends within a second with 130 and leaves artifacts, and the next run continues',
    async (node) => {
      const { directory } = await writeSmallArchive(await tempDir('small-'), { days: smallArchive.days.slice(-20) });
      await using server = await serveArchive(directory, { latencyMs: 40 });
      const env = { PIPELINE_ARCHIVE_URL: server.url };
      const dataDir = await tempDir('interrupted-');

      const running = startPipeline([...args, '--log-format', 'json'], { dataDir, env });
      await running.line((line) => line.includes('"node_started"') && line.includes(`"${node}"`));
      const signalled = performance.now();
      running.child.kill('SIGINT');
      const interrupted = await running.result;
      expectExit(interrupted, 130);
      expect(performance.now() - signalled).toBeLessThan(1_000);
      const results = JSON.parse(await readFile(join(dataDir, 'mirror/artifacts/run.json'), 'utf8'));
      expect(results.results.length).toBeGreaterThan(0);

      expectExit(await pipeline(args, { dataDir, env }), 0);
      const undisturbed = await tempDir('undisturbed-');
      expectExit(await pipeline(args, { dataDir: undisturbed, env }), 0);
      await expectSameRows(dataDir, await publishedRows(undisturbed));
    },
  );
});
