import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

test('a lock written on one machine makes another use the same archives', async () => {
  const archive = await writeSmallArchive(await tempDir('small-'));
  await using server = await serveArchive(archive.directory);
  const [here, there] = [await tempDir('here-'), await tempDir('there-')];
  const file = join(here, 'our.lock');
  const call = (dataDir: string, ...args: readonly string[]) =>
    pipelineInProcess([...args, '--target', 'mirror'], { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } });
  const run = (dataDir: string, ...args: readonly string[]) =>
    call(dataDir, 'run', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d', ...args);

  const unlocked = await run(there, '--locked', file);
  expectExit(unlocked, 2);
  expect(unlocked.stderr + unlocked.stdout).toMatch(/LOCK_INVALID[\s\S]*pnpm pipeline archive lock/);

  expectExit(await run(here), 0);
  const written = await call(here, 'archive', 'lock', '--output', file);
  expectExit(written, 0);
  expect(written.stdout).toMatch(/our\.lock: \d+ archives of target mirror/);
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(/^# sources\.lock 1, target mirror: key size etag sha256\ndata\/futures\/um\//);

  expectExit(await run(there, '--locked', file), 0);
  await expectSameRows(there, await publishedRows(here));
  expectExit(await call(there, 'archive', 'lock', '--output', file), 0);
  expect(readFileSync(file, 'utf8')).toBe(text);

  const key = await archive.putDay('BTCUSDT', smallArchive.days.at(-1) ?? '', { edition: 2 });
  await server.rescan();
  const refused = await run(await tempDir('third-'), '--locked', file);
  expectExit(refused, 1);
  const said = refused.stdout + refused.stderr;
  expect(said).toContain(`SOURCES_DIFFER`);
  expect(said).toContain('1 changed, 0 missing, 0 new');
  expect(said).toContain(`key: ${key}`);

  const pointless = await run(here, '--locked', file, '--select', 'rankings');
  expectExit(pointless, 2);
  expect(pointless.stderr).toContain('--locked');
});
