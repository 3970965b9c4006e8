import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ArchiveDirectory, smallArchive, writeSmallArchive } from '../../support/archive.ts';
import { sha256Tree } from '../../support/digest.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { expectExit, warehouseOf } from '../../support/published.ts';
import { queryWarehouse } from '../../support/rows.ts';
import { serveArchive } from '../../support/serve.ts';
import { tempDir } from '../../support/temp.ts';

const symbols = ['BTCUSDT', 'ETHUSDT'];
const days = smallArchive.days.slice(-6);
const fixed = ['--target', 'mirror', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d'];

const writeArchive = async (options: { symbols?: readonly string[] } = {}) =>
  writeSmallArchive(await tempDir('archive-'), { symbols, days, ...options });

let archive: ArchiveDirectory;
let built: string;
beforeAll(async () => {
  archive = await writeArchive();
  built = await tempDir('built-');
  expectExit(await call(built, archive.directory, 'run'), 0);
}, 60_000);

/** A data folder that was built from `archive`, given as a folder. */
let dataDir: string;
beforeEach(async () => {
  dataDir = await tempDir('target-');
  await cp(built, dataDir, { recursive: true, preserveTimestamps: true });
});

const call = (folder: string, url: string, ...words: readonly string[]) =>
  pipelineInProcess([...words, ...fixed], { dataDir: folder, env: { PIPELINE_ARCHIVE_URL: url } });
const recordOf = async (folder = dataDir) => JSON.parse(await readFile(join(folder, 'mirror/target.json'), 'utf8'));

/** Everything that a run could have changed, except its log. */
async function contentOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const files = Object.entries(await sha256Tree(join(folder, 'mirror')));
  return Object.fromEntries(files.filter(([path]) => !path.startsWith('logs/')));
}

async function expectRefused(url: string, ...words: readonly string[]): Promise<string> {
  const before = await contentOf(dataDir);
  const { exitCode, stderr } = await call(dataDir, url, ...(words.length === 0 ? ['run'] : words));
  expect(stderr).toContain('error [ARCHIVE_DIFFERS]');
  expect(stderr).toContain('--data-dir');
  expect(exitCode).toBe(2);
  expect(await contentOf(dataDir)).toEqual(before);
  return stderr;
}

/** The target's archive with some changes, behind another server. */
async function changed(change: (other: ArchiveDirectory) => Promise<unknown> = async () => {}) {
  const directory = await tempDir('changed-');
  await cp(archive.directory, directory, { recursive: true, preserveTimestamps: true });
  const other = await writeSmallArchive(directory, { symbols: [], days: [] });
  await change(other);
  return serveArchive(directory);
}

describe('B27: a target belongs to the archive of its first run', () => {
  test('which is recorded next to the warehouse', async () => {
    expect(await recordOf()).toMatchObject({
      format: 1,
      archive: archive.directory,
      listing: archive.directory,
      synthetic: false,
      first_run: expect.stringMatching(/^\d{4}-/),
      warehouse: { made_at: expect.any(String), published_at: expect.any(String) },
    });
  });

  test('the same archive at another address is recognised and noted, and nothing is fetched', async () => {
    await using server = await changed();
    const moved = await call(dataDir, server.url, 'run');
    expectExit(moved, 0);
    const told = `the archive has moved from ${archive.directory} to ${server.url}: 12 keys have the same ETags, 0 were`;
    expect(moved.stdout + moved.stderr).toContain(told);
    expect(server.requests().filter((path) => path.endsWith('.zip'))).toEqual([]);
    expect(await recordOf()).toMatchObject({ archive: server.url, listing: server.url });
    const again = await call(dataDir, server.url, 'run');
    expectExit(again, 0);
    expect(again.stdout + again.stderr).not.toContain('has moved');
  });

  test('so it is if a file was re-issued since, which is fetched', async () => {
    const [first] = days as [string];
    await using server = await changed((other) =>
      other.putDay('ETHUSDT', first, { edition: 1, published: new Date('2025-07-09T10:00:00Z') }),
    );
    const moved = await call(dataDir, server.url, 'run', '--relist');
    expectExit(moved, 0);
    expect(moved.stdout + moved.stderr).toContain('11 keys have the same ETags, 1 were published again');
    const { rows } = await queryWarehouse(warehouseOf(dataDir), 'SELECT count(*) FROM archive_revisions');
    expect(rows).toEqual([[1n]]);
  });

  test('and if it has more days and symbols', async () => {
    await using server = await changed((other) => other.putDay('SOLUSDT', days[0] as string));
    expectExit(await call(dataDir, server.url, 'run'), 0);
  });

  test.each<[string, (other: ArchiveDirectory) => Promise<unknown>, RegExp]>([
    ['of one file differ', (other) => other.putDay('ETHUSDT', days[0] as string, { edition: 1 }), /ETHUSDT-1d-.*ETag/],
    [
      'of one file differ, which is older there',
      (other) => other.putDay('ETHUSDT', days[0] as string, { edition: 1, published: new Date('2025-01-01') }),
      /is not newer/,
    ],
    [
      'of most files differ, however new they are',
      async (other) => {
        const published = new Date('2025-07-09T10:00:00Z');
        for (const day of days)
          for (const symbol of symbols) await other.putDay(symbol, day, { edition: 1, published });
      },
      /0 keys have the same ETags, 12 were published again/,
    ],
  ])('another archive is refused: the ETags %s', async (_, change, reason) => {
    await using server = await changed(change);
    const stderr = await expectRefused(server.url);
    expect(stderr).toContain(`belongs to ${archive.directory}, but ${server.url} is another archive`);
    expect(stderr).toMatch(reason);
    await expectRefused(server.url, 'plan');
  });

  test('another archive is refused: they have no key in common', async () => {
    const { directory } = await writeArchive({ symbols: ['SOLUSDT', 'XRPUSDT'] });
    expect(await expectRefused(directory)).toContain('it lists none of the 12 known keys');
  });

  test('a link, a file: URL and a relative path to the folder are the same address', async () => {
    const link = join(await tempDir(), 'link');
    await symlink(archive.directory, link);
    const { href } = pathToFileURL(archive.directory);
    for (const url of [href, `${dirname(archive.directory)}/./${basename(archive.directory)}/`, link]) {
      const result = await call(dataDir, url, 'run', '--select', 'listing');
      expectExit(result, 0);
      expect(result.stdout + result.stderr).not.toContain('has moved');
    }
    expect(await recordOf()).toMatchObject({ archive: archive.directory });
  });

  test('a first run that found no archive does not bind the target', async () => {
    const fresh = await tempDir('fresh-');
    expect((await call(fresh, join(await tempDir(), 'nowhere'), 'run')).exitCode).toBe(2);
    expectExit(await call(fresh, archive.directory, 'run', '--select', 'listing'), 0);
    expect(await recordOf(fresh)).toMatchObject({ archive: archive.directory });
  });

  test('without the listing there is nothing to compare', async () => {
    await rm(join(dataDir, 'mirror/staging/listing'), { recursive: true });
    await using server = await changed();
    expect(await expectRefused(server.url)).toContain('nothing is left of its listing');
  });

  test('a target of an earlier version is bound to the archive that agrees with what it has staged', async () => {
    await rm(join(dataDir, 'mirror/target.json'));
    await using other = await changed((one) => one.putDay('ETHUSDT', days[0] as string, { edition: 1 }));
    await expectRefused(other.url);
    await using server = await changed();
    expectExit(await call(dataDir, server.url, 'run', '--select', 'listing'), 0);
    expect(await recordOf()).toMatchObject({ archive: server.url, warehouse: { made_at: expect.any(String) } });
  });
});

describe('B27: synthetic and real rows never meet', () => {
  test('the sample is refused where real data is, by exports alone as well', async () => {
    expect(await expectRefused('sample')).toContain('the target has real data, but this archive is synthetic');
    await expectRefused('sample', 'run', '--select', 'kind:export');
    await expectRefused('sample', 'test', '--select', 'volume_rankings');
  });

  test('a warehouse of the other kind is refused', async () => {
    const sample = await tempDir('sample-');
    expectExit(await pipelineInProcess(['run', '--select', 'listing'], { dataDir: sample }), 0);
    await mkdir(join(sample, 'mirror'));
    await cp(warehouseOf(sample, 'sample'), warehouseOf(sample, 'mirror'));
    const { exitCode, stderr } = await call(sample, archive.directory, 'run');
    expect(stderr).toContain('the warehouse has synthetic data, but the target is real');
    expect(exitCode).toBe(2);
  });

  test('PIPELINE_ARCHIVE_URL does not redirect the sample', async () => {
    const sample = await tempDir('sample-');
    const env = { PIPELINE_ARCHIVE_URL: archive.directory, PIPELINE_LISTING_URL: archive.directory };
    expectExit(await pipelineInProcess(['run', '--select', 'listing'], { dataDir: sample, env }), 0);
    const record = JSON.parse(await readFile(join(sample, 'sample/target.json'), 'utf8'));
    expect(record).toMatchObject({ archive: 'sample', listing: 'sample', synthetic: true });
  });
});
