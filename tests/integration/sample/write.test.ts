import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDirectoryStore } from '../../../extract/archive/directory-store.ts';
import { reissue } from '../../../extract/sample/cases.ts';
import { writeArchive } from '../../../extract/sample/write-archive.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { below, keyOf, listAll, sampleAt } from '../../unit/sample/support.ts';

const early = sampleAt('2025-01-18T09:00:00Z');

test('an archive written as files is the same archive', async () => {
  const directory = join(await tempDir(), 'new');
  const reports: number[] = [];
  const written = await writeArchive(early, directory, { progress: ({ done }) => reports.push(done) });
  const expected = await listAll(early);
  expect(await listAll(await createDirectoryStore(directory))).toEqual(expected);
  expect(written).toEqual({ files: expected.length, bytes: expected.reduce((sum, { size }) => sum + size, 0) });
  expect(reports.at(-1)).toBe(expected.length);
});

test('writing again at a later as-of writes only what is new or re-issued (A18)', async () => {
  const directory = await tempDir();
  const prefix = `data/futures/um/daily/klines/${reissue.symbol}/1d/`;
  await writeArchive(below(sampleAt('2025-06-30T09:00:00Z'), prefix), directory);
  const untouched = join(directory, keyOf('daily', reissue.symbol, '1d', '2025-05-13'));
  const before = await stat(untouched);
  const later = below(sampleAt('2025-07-02T09:00:00Z'), prefix);
  await writeArchive(later, directory);
  expect(await listAll(await createDirectoryStore(directory))).toEqual(await listAll(later));
  expect((await stat(untouched)).ctimeMs).toBe(before.ctimeMs);
});

test('a truncated file is written again', async () => {
  const directory = await tempDir();
  await writeArchive(early, directory);
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-01-15');
  await writeFile(join(directory, key), 'cut');
  await writeArchive(early, directory);
  expect((await readFile(join(directory, key))).equals((await early.read(key))?.body ?? Buffer.alloc(0))).toBe(true);
});

const refused = { code: 'USAGE', exitCode: 2, details: { hint: expect.any(String) } };

test('B37: a directory that it did not create is refused, above all a real archive', async () => {
  for (const path of ['notes', 'data/sample', 'data/futures', 'data/spot/../../other', '.hidden']) {
    const directory = await tempDir();
    await mkdir(join(directory, path), { recursive: true });
    const before = await readdir(directory, { recursive: true });
    await expect(writeArchive(early, directory)).rejects.toMatchObject(refused);
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  }
  const real = await tempDir();
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-01-15');
  await mkdir(join(real, key, '..'), { recursive: true });
  await writeFile(join(real, key), 'real');
  await expect(writeArchive(early, real)).rejects.toMatchObject(refused);
  expect(await readFile(join(real, key), 'utf8')).toBe('real');
});

test('B37: so are a file, an archive of another seed, a marker of something else, and a link to a real archive', async () => {
  const directory = await tempDir();
  await writeFile(join(directory, 'file'), '');
  await expect(writeArchive(early, join(directory, 'file'))).rejects.toMatchObject(refused);
  const written = join(directory, 'written');
  await writeArchive(below(early, 'data/futures/um/daily/klines/BTCUSDT/1d/'), written);
  await expect(writeArchive(early, written, { seed: 'other' })).rejects.toMatchObject(refused);
  const marked = await tempDir();
  await writeFile(join(marked, 'synthetic-archive.json'), '{}');
  await expect(writeArchive(early, marked)).rejects.toMatchObject(refused);
  const linked = await tempDir();
  await copyFile(join(written, 'synthetic-archive.json'), join(linked, 'synthetic-archive.json'));
  await symlink(join(written, 'data'), join(linked, 'data'));
  await expect(writeArchive(early, linked)).rejects.toMatchObject(refused);
});

test('B37: a link in the place of a file is not followed', async () => {
  const directory = await tempDir();
  const series = below(early, 'data/futures/um/daily/klines/BTCUSDT/1d/');
  await writeArchive(series, directory);
  const [first] = await listAll(series);
  const file = join(directory, first?.key ?? '');
  const elsewhere = join(await tempDir(), 'real.zip');
  await writeFile(elsewhere, 'real');
  await rm(file);
  await symlink(elsewhere, file);
  await expect(writeArchive(series, directory)).rejects.toMatchObject({ code: 'USAGE', details: { file } });
  expect(await readFile(elsewhere, 'utf8')).toBe('real');
});

test('an aborted signal ends the writing', async () => {
  const signal = AbortSignal.abort();
  await expect(writeArchive(early, await tempDir(), { signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test.each([
  ['write DIR --as-of 2025-02-30', '--as-of must be a UTC date or time, not `2025-02-30`'],
  ['write DIR --as-of today', '--as-of must be a UTC date or time, not `today`'],
  ['serve DIR --port abc', '--port must be a number from 0 to 65535, got `abc`'],
  ['serve DIR --port 65536', '--port must be a number from 0 to 65535, got `65536`'],
  ['serve DIR --port -1', '--port must be a number from 0 to 65535, got `-1`'],
])('archive %s is refused', async (words, problem) => {
  const directory = await tempDir('refused-');
  const args = words.split(' ').map((word) => (word === 'DIR' ? join(directory, 'new') : word));
  const { exitCode, stderr } = await pipelineInProcess(['archive', ...args]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`error [USAGE] ${problem}`)]);
  expect(existsSync(join(directory, 'new'))).toBe(false);
});
