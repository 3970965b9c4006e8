import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openArchive, openTarget } from '../../../extract/archive/server.ts';
import { defaultAsOf } from '../../../extract/sample/cases.ts';
import { writeArchive } from '../../../extract/sample/write-archive.ts';
import { tempDir } from '../../support/temp.ts';
import { keyOf, sample, sampleAt } from '../../unit/sample/support.ts';

const asOf = new Date(defaultAsOf);
const key = keyOf('daily', 'BTCUSDT', '1d', '2025-01-15');
const etagOf = async (url: string): Promise<string | null> => (await fetch(`${url}/${key}`)).headers.get('etag');

test("sample is served as of the run's clock", async () => {
  await using archive = await openArchive('sample', { asOf });
  expect(await etagOf(archive.url)).toBe(`"${(await sample.read(key))?.etag}"`);
  await using early = await openArchive('sample', { asOf: new Date('2025-01-15T00:00:00Z') });
  expect((await fetch(`${early.url}/${key}`)).status).toBe(404);
});

test('a directory is served, given as a path or as a file: URL', async () => {
  const directory = await tempDir();
  await writeArchive(sampleAt('2025-01-16T09:00:00Z'), directory);
  for (const name of [directory, pathToFileURL(directory).href]) {
    await using archive = await openArchive(name, { asOf });
    expect(await etagOf(archive.url)).toBe(`"${(await sample.read(key))?.etag}"`);
  }
});

test('an http(s) URL is used unchanged', async () => {
  for (const url of ['https://data.binance.vision', 'HTTP://127.0.0.1:1/x']) {
    await using archive = await openArchive(url, { asOf });
    expect(archive.url).toBe(url);
  }
});

test('a disposed server is closed', async () => {
  const archive = await openArchive('sample', { asOf });
  await archive[Symbol.asyncDispose]();
  await expect(fetch(archive.url)).rejects.toThrow();
});

test('a target without an archive, or with the sample for real data, is refused', async () => {
  for (const [target, hint] of [
    [{ name: 'live', synthetic: false }, 'give it one in pipeline.yaml'],
    [{ name: 'live', synthetic: false, archive: 'sample' }, 'use the target `sample`'],
  ] as const)
    await expect(openTarget(target, { asOf })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { key: 'targets.live', hint: expect.stringContaining(hint) },
    });
});

test('anything else is an error that says what is accepted', async () => {
  const directory = await tempDir();
  for (const archive of [join(directory, 'none'), directory, 'ftp://host/x', 'file://host/none', 'smaple'])
    await expect(openArchive(archive, { asOf }), archive).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { value: archive, hint: expect.stringContaining('sample') },
    });
});
