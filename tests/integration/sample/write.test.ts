import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDirectoryStore } from '../../../extract/archive/directory-store.ts';
import { reissue } from '../../../extract/sample/cases.ts';
import { writeArchive } from '../../../extract/sample/write.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { below, keyOf, listAll, sampleAt } from '../../unit/sample/support.ts';

const early = sampleAt('2025-01-18T09:00:00Z');

test('an archive that is written to files is the same archive', async () => {
  const directory = join(await tempDir(), 'new');
  const reports: number[] = [];
  const written = await writeArchive(early, directory, { progress: ({ done }) => reports.push(done) });
  const expected = await listAll(early);
  expect(await listAll(await createDirectoryStore(directory))).toEqual(expected);
  expect(written).toEqual({ files: expected.length, bytes: expected.reduce((sum, { size }) => sum + size, 0) });
  expect(reports.at(-1)).toBe(expected.length);
});

test('written again at a later as-of, what is new and what was issued again (A18) is written, the rest is left', async () => {
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

test('a file that was cut short is written again', async () => {
  const directory = await tempDir();
  await writeArchive(early, directory);
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-01-15');
  await writeFile(join(directory, key), 'cut');
  await writeArchive(early, directory);
  expect((await readFile(join(directory, key))).equals((await early.read(key))?.body ?? Buffer.alloc(0))).toBe(true);
});

test('a directory with something else in it is refused', async () => {
  for (const path of ['notes', 'data/sample', 'data/spot/../../other']) {
    const directory = await tempDir();
    await mkdir(join(directory, path), { recursive: true });
    await expect(writeArchive(early, directory)).rejects.toMatchObject({
      code: 'USAGE',
      details: { hint: expect.any(String) },
    });
  }
});

test('an aborted signal ends it', async () => {
  const signal = AbortSignal.abort();
  await expect(writeArchive(early, await tempDir(), { signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test.each([
  ['write DIR --as-of 2025-02-30', '--as-of wants a UTC date or time, not `2025-02-30`'],
  ['write DIR --as-of today', '--as-of wants a UTC date or time, not `today`'],
  ['serve DIR --port abc', '--port wants a number from 0 to 65535, not `abc`'],
  ['serve DIR --port 65536', '--port wants a number from 0 to 65535, not `65536`'],
  ['serve DIR --port -1', '--port wants a number from 0 to 65535, not `-1`'],
])('archive %s is refused', async (words, problem) => {
  const directory = await tempDir('refused-');
  const args = words.split(' ').map((word) => (word === 'DIR' ? join(directory, 'new') : word));
  const { exitCode, stderr } = await pipelineInProcess(['archive', ...args]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`error [USAGE] ${problem}`)]);
  expect(existsSync(join(directory, 'new'))).toBe(false);
});
