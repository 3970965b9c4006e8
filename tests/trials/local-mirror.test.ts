import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { scratchProject } from '../support/scratch.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const days = smallArchive.days.slice(30);
const words = ['run', '--target', 'mirror', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d'];

/** A folder whose name has to be escaped in a URL. */
async function folder() {
  const directory = join(await tempDir('small-'), 'my archive #1 ü');
  await mkdir(directory);
  return writeSmallArchive(directory, { symbols: ['BTCUSDT', '币安人生USDT'], days });
}

async function servedRows(directory: string) {
  await using server = await serveArchive(directory);
  const dataDir = await tempDir('served-');
  expectExit(await pipelineInProcess(words, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } }), 0);
  return publishedRows(dataDir);
}

test('a folder or its file: URL as PIPELINE_ARCHIVE_URL gives the same rows as the archive behind a server', async () => {
  const { directory } = await folder();
  const expected = await servedRows(directory);
  for (const url of [directory, pathToFileURL(directory).href]) {
    const dataDir = await tempDir('local-');
    const env = { PIPELINE_ARCHIVE_URL: url };
    expectExit(await pipelineInProcess(words, { dataDir, env }), 0);
    await expectSameRows(dataDir, expected);
    const again = await pipelineInProcess(words, { dataDir, env });
    expectExit(again, 0);
    expect(again.stdout).toMatch(/PASS=0 .*ERROR=0/);
  }
});

test('a folder or its file: URL can be the archive of a target, and new files in it are found', async () => {
  const archive = await folder();
  for (const url of [archive.directory, pathToFileURL(archive.directory).href]) {
    const project = await scratchProject();
    await project.edit('pipeline.yaml', 'mirror: { archive: http://127.0.0.1:8080 }', `mirror: { archive: '${url}' }`);
    const run = () => pipelineInProcess(words, { dataDir: project.dataDir, cwd: project.root });
    const last = days.at(-1) as string;
    await archive.remove(await archive.putDay('BTCUSDT', last));
    expectExit(await run(), 0);
    await archive.putDay('BTCUSDT', last);
    expectExit(await run(), 0);
    await expectSameRows(project.dataDir, await servedRows(archive.directory));
  }
});

test('a missing folder is named, and nothing is fetched', async () => {
  const env = { PIPELINE_ARCHIVE_URL: pathToFileURL(join(await tempDir(), 'nowhere')).href };
  const { exitCode, stdout } = await pipelineInProcess(words, { dataDir: await tempDir(), env });
  expect(exitCode).toBe(2);
  expect(stdout).toMatch(/ERROR extract listing: \[CONFIG_INVALID\] the archive 'file:.*nowhere' does not exist/);
});
