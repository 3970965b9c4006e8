import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSchema } from '../../../engine/duckdb/introspect.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { openDirectory } from '../../../engine/publish/directory.ts';
import { expiredVersions, removeVersions } from '../../../engine/publish/retention.ts';
import klines from '../../../extract/klines.ts';
import listing from '../../../extract/listing.ts';
import rest from '../../../extract/rest.ts';
import { schema } from '../../../models/schema.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../../support/published.ts';
import {
  clocks,
  type PublishingProject,
  publishingProject,
  readLatestFile,
  versionAt,
} from '../../support/publishing.ts';
import { queryWarehouse, readParquet } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';

let project: PublishingProject;
beforeAll(async () => {
  project = await publishingProject();
}, 120_000);
afterAll(() => project[Symbol.asyncDispose]());

const publish = (dataDir: string, store: string, ...more: readonly string[]) =>
  project.call(dataDir, 'publish', '--to', store, ...more);
const restore = (dataDir: string, store: string, ...more: readonly string[]) =>
  project.call(dataDir, 'restore', '--from', store, ...more);
const filesOf = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe('a version', () => {
  let store: string;
  let folder: string;
  let target: string;
  beforeAll(async () => {
    [store, target] = [await tempDir('store-'), await project.ranOnce()];
    expectExit(await publish(target, store), 0);
    folder = join(store, (await readLatestFile(store)).folder);
  }, 60_000);

  test('has a name that sorts by the clock and names the run, checksums and a manifest', async () => {
    const latest = await readLatestFile(store);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    const run = JSON.parse(await readFile(join(target, 'mirror/artifacts/run.json'), 'utf8'));
    expect(latest.version).toBe(`${versionAt(clocks.first)}${run.metadata.run_id}`);
    expect(manifest).toMatchObject({
      run_id: run.metadata.run_id,
      as_of: '2025-07-09T12:00:00.000Z',
      previous: null,
      sources_lock: null,
      software: { klinehouse: expect.any(String), duckdb: expect.stringMatching(/^v1\./) },
    });
    await promisify(execFile)('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: folder });
    const listed = manifest.files.map((file: { path: string }) => file.path);
    expect([...listed, 'SHA256SUMS', 'manifest.json'].sort()).toEqual(await filesOf(folder));
  });

  test('has a compact database with the keys, indexes, comments and rows of its tables', async () => {
    const file = join(folder, 'availability.duckdb');
    await using database = await openWarehouse({ file, readOnly: true });
    const live = await readSchema(database);
    expect(Object.keys(live).sort()).toEqual(['daily_availability', 'gaps', 'symbols', 'volume_rankings']);
    for (const name of Object.keys(live) as (keyof typeof schema & string)[]) {
      const { columns, key } = schema[name];
      expect(live[name]).toMatchObject({ columns, key });
    }
    const indexes = 'SELECT index_name, table_name, expressions FROM duckdb_indexes()';
    expect(await database.rows(indexes)).toEqual([
      {
        index_name: 'idx_quote_volume_date',
        table_name: 'daily_availability',
        expressions: '[quote_volume_usdt, date]',
      },
    ]);
    expect(await queryWarehouse(warehouseOf(target), indexes)).toMatchObject({ rows: [] });
    const { free, version } = await database.row<{ free: bigint; version: string }>(
      `SELECT free_blocks AS free, (SELECT tags['storage_version'] FROM duckdb_databases() WHERE path IS NOT NULL) AS version FROM pragma_database_size()`,
    );
    expect(free).toBe(0n);
    expect(version).toMatch(/v1\.2\.0/);
    const sql = 'select * from daily_availability order by date, symbol';
    expect(await queryWarehouse(file, sql)).toEqual(await queryWarehouse(warehouseOf(target), sql));
    const packed = await readFile(join(folder, 'availability.duckdb.gz'));
    expect(gunzipSync(packed).equals(await readFile(file))).toBe(true);
  });

  test('has the rankings sorted by date and by symbol, in row groups of 20,480 rows, zstd', async () => {
    for (const [file, order] of [
      ['volume-rankings-by-date.parquet', 'date, rank, symbol'],
      ['volume-rankings-by-symbol.parquet', 'symbol, date'],
    ] as const) {
      const rows = await readParquet(join(folder, file));
      const sql = `select * replace (make_timestamptz(epoch_us(generation_timestamp)) as generation_timestamp)
        from volume_rankings order by ${order}`;
      expect(rows.rows).toEqual((await queryWarehouse(warehouseOf(target), sql)).rows);
      const { rows: facts } = await queryWarehouse(
        warehouseOf(target),
        `select distinct compression, row_group_num_rows <= 20480 from parquet_metadata('${join(folder, file)}')`,
      );
      expect(facts).toEqual([['ZSTD', true]]);
    }
  });

  test('has the bars as a hive-partitioned data set that a plain glob reads', async () => {
    const paths = (await filesOf(join(folder, 'ohlcv'))).map((file) => file.split('/').slice(0, -1).join('/'));
    expect(paths).toEqual([
      'instrument_type=futures-um/timeframe=1d/symbol=BTCUSDT/year=2025',
      'instrument_type=futures-um/timeframe=1d/symbol=ETHUSDT/year=2025',
    ]);
    const columns =
      'symbol, timeframe, instrument_type, epoch_us(timestamp), open, close, volume, close_time, data_source';
    const read = (from: string) =>
      queryWarehouse(warehouseOf(target), `select ${columns} from ${from} order by symbol, timestamp`);
    const glob = await read(`read_parquet('${folder}/ohlcv/**/*.parquet', hive_partitioning = true)`);
    expect(glob.rows).toEqual((await read('ohlcv')).rows);
    expect(glob.rows.length).toBe(40);
  });

  test('has figures, the description of each table, and certificates', async () => {
    const stats = JSON.parse(await readFile(join(folder, 'stats.json'), 'utf8'));
    expect(stats).toMatchObject({
      earliest: '2025-06-19',
      latest: '2025-07-08',
      symbols: 2,
      records: 40,
      available: 40,
      coverage: 1,
      rankings: { rows: 40 },
    });
    const table = JSON.parse(await readFile(join(folder, 'schema/volume_rankings.json'), 'utf8'));
    expect(table.columns.map(({ name }: { name: string }) => name)).toEqual(
      Object.keys(schema.volume_rankings.columns),
    );
    const files = await filesOf(join(folder, 'certificates'));
    expect(files).toContain('futures-um/1d/BTCUSDT.json');
    const dry = await project.call(target, 'certify', '--check', join(folder, 'certificates'));
    expectExit(dry, 0);
  });

  test('is published once: the same run changes nothing', async () => {
    const before = await readFile(join(store, 'latest.json'), 'utf8');
    const result = await publish(target, store);
    expectExit(result, 0);
    expect(result.stdout).toContain('is already published');
    expect(await readFile(join(store, 'latest.json'), 'utf8')).toBe(before);
  });
});

test('--dry-run shows the files and leaves no trace', async () => {
  const [store, target] = [join(await tempDir('store-'), 'not/there'), await project.ranOnce()];
  const before = await filesOf(target);
  const result = await publish(target, store, '--dry-run');
  expectExit(result, 0);
  expect(result.stdout).toMatch(/availability\.duckdb +\S+ [kM]B +new/);
  expect(result.stdout).toContain('would publish 20250709T120000Z-');
  await expect(stat(store)).rejects.toThrow('ENOENT');
  expect(await filesOf(target)).toEqual(before);
});

describe('what may not be published', () => {
  const refused = async (target: string, ...words: readonly string[]) => {
    const store = await tempDir('store-');
    const result = await publish(target, store);
    expectExit(result, 2);
    expect(result.stderr).toContain('NOT_PUBLISHABLE');
    for (const word of words) expect(result.stderr).toContain(word);
    expect(await filesOf(store)).toEqual([]);
  };

  test('a target without a warehouse', async () => refused(await tempDir('empty-'), 'has no warehouse'));

  test('a warehouse that another program has written to', async () => {
    const target = await project.ranOnce();
    {
      await using database = await openWarehouse({ file: warehouseOf(target) });
      await database.run('UPDATE volume_rankings SET rank = 7');
    }
    await refused(target, 'another program');
  });

  test('a run that failed a blocking test', async () => {
    const target = await project.ranOnce();
    await project.edit('pipeline.yaml', 'row_count: { min: 1 }', 'row_count: { min: 1000000 }');
    try {
      expectExit(await project.call(target, 'run', '--as-of', clocks.first), 1);
      await refused(target, 'the last run', 'failed');
      // A later command that succeeds does not make up for it.
      expectExit(await project.call(target, 'run', '--select', 'listing', '--as-of', clocks.first), 0);
      await refused(target, 'test.row_count_volume_rankings failed');
    } finally {
      await project.edit('pipeline.yaml', 'row_count: { min: 1000000 }', 'row_count: { min: 1 }');
    }
  });

  test('partitions that are stale after a partial run', async () => {
    const target = await project.ranOnce();
    const result = await project.call(
      ...([target, 'run', '--as-of', clocks.first, '--select', 'ohlcv', '--var', 'grace_days=3'] as const),
    );
    expectExit(result, 0);
    await refused(target, 'model.listed_spans', 'stale');
  });

  test('a run that was interrupted', async () => {
    const target = await project.ranOnce();
    const file = join(target, 'mirror/artifacts/run.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"interrupted": false', '"interrupted": true'));
    await refused(target, 'was interrupted');
  });
});

describe('the second day', () => {
  let store: string;
  let day: { first: string; second: string };
  let undisturbed: string;
  let here: string;
  beforeAll(async () => {
    [store, here] = [await tempDir('store-'), await project.ranOnce()];
    expectExit(await publish(here, store), 0);
    undisturbed = await project.ranOnce();
    const elsewhere = await tempDir('elsewhere-');
    expectExit(await restore(elsewhere, store), 0);
    await expectSameRows(elsewhere, await publishedRows(here));
    await project.publishDay();
    await project.runAgain(undisturbed);
    const before = join(store, (await readLatestFile(store)).folder);
    await project.runAgain(elsewhere);
    fetched = project.requests();
    expectExit(await publish(elsewhere, store), 0);
    day = { first: before, second: join(store, (await readLatestFile(store)).folder) };
    here = elsewhere;
  }, 120_000);
  let fetched: readonly string[];

  test('of a restored target gives the same rows as one that went on where it was', async () => {
    await expectSameRows(here, await publishedRows(undisturbed));
  });

  test('of a restored target fetches only the month that a new day belongs to', () => {
    const july = fetched.map((path) => /1d-(2025-\d\d)/.exec(path)?.[1]);
    expect(july.length).toBeGreaterThan(0);
    expect(new Set(july)).toEqual(new Set(['2025-07']));
  });

  test('names the version before, and sends only what has changed', async () => {
    const manifest = JSON.parse(await readFile(join(day.second, 'manifest.json'), 'utf8'));
    expect(manifest.previous).toBe(day.first.split('/').at(-1));
    const inode = async (file: string) => (await stat(file)).ino;
    const same = 'schema/ohlcv.json';
    expect(await inode(join(day.second, same))).toBe(await inode(join(day.first, same)));
    const partition = 'ohlcv/instrument_type=futures-um/timeframe=1d/symbol=BTCUSDT/year=2025/data.parquet';
    expect(await inode(join(day.second, partition))).not.toBe(await inode(join(day.first, partition)));
    expect((await readParquet(join(day.second, partition))).rows.length).toBe(
      (await readParquet(join(day.first, partition))).rows.length + 1,
    );
  });

  test('the target that was published before cannot publish over it, unless it says so', async () => {
    const result = await publish(undisturbed, store);
    expectExit(result, 1);
    expect(result.stderr).toContain('PUBLISH_CONFLICT');
    const outdated = await project.ranOnce();
    const old = await publish(outdated, store, '--replace');
    expectExit(old, 2);
    expect(old.stderr).toContain('PUBLICATION_OUTDATED');
    expect((await readLatestFile(store)).folder).toBe(day.second.slice(store.length + 1));
  });
});

test('retention keeps the newest versions, the pinned ones and those being written, and nothing else', async () => {
  const folder = await tempDir('store-');
  const store = openDirectory(folder, { env: {}, cwd: '/', signal: new AbortController().signal });
  const [pinned, old, before, latest] = ['2021', '2022', '2023', '2024'].map((year) => `${year}0101T000000Z-run`) as [
    string,
    string,
    string,
    string,
  ];
  const [dead, alive] = ['20220601T000000Z-dead', '20250101T000000Z-alive'];
  for (const version of [pinned, old, before, latest, dead, alive]) {
    await mkdir(join(folder, 'versions', version, 'ohlcv/year=2025'), { recursive: true });
    await writeFile(join(folder, 'versions', version, 'ohlcv/year=2025/data.parquet'), version);
  }
  for (const version of [pinned, old, before, latest])
    await store.replace(`history/${version}.json`, Buffer.from('{}'), undefined);
  const expired = await expiredVersions(store, { keep: 2, pinned: [pinned], latest });
  expect(expired).toEqual([old, dead]);
  await removeVersions(store, expired);
  expect(await store.names('versions')).toEqual([pinned, before, latest, alive]);
  expect(await store.names('history')).toEqual([pinned, before, latest].map((version) => `${version}.json`));
  // A latest.json that was set back is kept even if it is old.
  expect(await expiredVersions(store, { keep: 1, pinned: [], latest: before })).toEqual([pinned]);
});

test('bars that no archive has are part of the state, archives are not', async () => {
  const [from, to] = [await tempDir('staging-'), await tempDir('records-')];
  const bars = 'rest/futures-um/1h/BTCUSDT/BTCUSDT-1h-2025-07.csv';
  for (const file of [bars, 'futures-um/1h/BTCUSDT/BTCUSDT-1h-2025-06.csv']) {
    await mkdir(join(from, file, '..'), { recursive: true });
    await writeFile(join(from, file), '1,2,3\n');
  }
  for (const extract of [listing, klines, rest])
    await extract.records?.({ stagingDir: from, to, partitions: async () => new Set() });
  expect(await filesOf(to)).toEqual([bars]);
});

test('of two publishers at the same time one wins and the other says so', async () => {
  const [store, one, two] = [await tempDir('store-'), await project.ranOnce(), await project.ranOnce()];
  expectExit(await project.call(two, 'run', '--as-of', clocks.first), 0);
  const results = await Promise.all([publish(one, store), publish(two, store)]);
  const lost = results.filter(({ exitCode }) => exitCode !== 0);
  expect(lost).toHaveLength(1);
  expectExit(lost[0] as (typeof results)[0], 1);
  expect(lost[0]?.stderr).toContain('PUBLISH_CONFLICT');
  const { version } = await readLatestFile(store);
  expect(await readdir(join(store, 'versions'))).toEqual([version]);
  await promisify(execFile)('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: join(store, 'versions', version) });
}, 60_000);

test('a file of another program in the way is left, and nothing is switched', async () => {
  const [store, target] = [await tempDir('store-'), await project.ranOnce()];
  const run = JSON.parse(await readFile(join(target, 'mirror/artifacts/run.json'), 'utf8'));
  const folder = join(store, 'versions', `${versionAt(clocks.first)}${run.metadata.run_id}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'stats.json'), 'not ours');
  const result = await publish(target, store);
  expectExit(result, 2);
  expect(result.stderr).toContain('PUBLICATION_BLOCKED');
  expect(await readFile(join(folder, 'stats.json'), 'utf8')).toBe('not ours');
  await expect(stat(join(store, 'latest.json'))).rejects.toThrow('ENOENT');
  await rm(join(folder, 'stats.json'));
  expectExit(await publish(target, store), 0);
});

test.each([
  ['latest.json', (store: string) => mkdir(join(store, 'latest.json'))],
  ['versions', (store: string) => writeFile(join(store, 'versions'), 'a file')],
])('a file or a folder in the place of %s is PUBLICATION_BLOCKED', async (name, put) => {
  const [store, target] = [await tempDir('store-'), await project.ranOnce()];
  await put(store);
  const result = await publish(target, store);
  expectExit(result, 2);
  expect(result.stderr).toContain('PUBLICATION_BLOCKED');
  expect(await readdir(store)).toEqual([name]);
});

describe('restore', () => {
  let published: string;
  let target: string;
  beforeAll(async () => {
    [published, target] = [await tempDir('store-'), await project.ranOnce()];
    expectExit(await publish(target, published), 0);
  });
  /** Restores from a copy of the store that is damaged first, and expects an error and a target without a warehouse. */
  const refused = async (code: string, damage: (store: string, folder: string) => Promise<void>) => {
    const [store, dataDir] = [join(await tempDir('damaged-'), 'store'), await tempDir('elsewhere-')];
    await cp(published, store, { recursive: true });
    await damage(store, join(store, (await readLatestFile(store)).folder));
    const result = await restore(dataDir, store, '--if-published');
    expectExit(result, 2);
    expect(result.stderr).toContain(code);
    await expect(stat(warehouseOf(dataDir))).rejects.toThrow('ENOENT');
    return { store, dataDir };
  };

  test('refuses a target that is not empty', async () => {
    const result = await restore(target, published);
    expectExit(result, 2);
    expect(result.stderr).toContain('TARGET_NOT_EMPTY');
  });

  test('says that nothing is published yet; --if-published leaves the target empty', async () => {
    const [store, dataDir] = [await tempDir('store-'), await tempDir('elsewhere-')];
    const result = await restore(dataDir, store);
    expectExit(result, 2);
    expect(result.stderr).toContain('PUBLICATION_MISSING');
    expectExit(await restore(dataDir, store, '--if-published'), 0);
    expect(await filesOf(dataDir)).toEqual([]);
  });

  test.each([
    ['latest.json is missing', 'PUBLICATION_UNREADABLE', (store: string) => rm(join(store, 'latest.json'))],
    ['latest.json is cut', 'PUBLICATION_UNREADABLE', (store: string) => truncate(join(store, 'latest.json'), 40)],
    [
      'the manifest is another one',
      'PUBLICATION_UNREADABLE',
      async (_: string, folder: string) => {
        const file = join(folder, 'manifest.json');
        await rewrite(file, (text) => text.replace('"synthetic": false', '"synthetic":  false'));
      },
    ],
    [
      'the state is cut',
      'PUBLICATION_UNREADABLE',
      (_: string, folder: string) => truncateCopy(join(folder, 'state/state.db.gz')),
    ],
    [
      'a partition is missing',
      'PUBLICATION_UNREADABLE',
      async (_: string, folder: string) => {
        const [file] = await filesOf(join(folder, 'ohlcv'));
        await rm(join(folder, 'ohlcv', file as string));
      },
    ],
    [
      'latest.json is older than the history (B14)',
      'PUBLICATION_OUTDATED',
      async (store: string) => {
        const { version } = await readLatestFile(store);
        await cp(join(store, `history/${version}.json`), join(store, 'history/20990101T000000Z-later.json'));
      },
    ],
  ])('refuses a publication of which %s', async (_, code, damage) => {
    const { store, dataDir } = await refused(code, damage);
    const text = await readFile(join(published, 'latest.json'), 'utf8');
    await cp(published, store, { recursive: true, force: true });
    await rm(join(store, 'history/20990101T000000Z-later.json'), { force: true });
    await writeFile(join(store, 'latest.json'), text);
    expectExit(await restore(dataDir, store), 0);
    await expectSameRows(dataDir, await publishedRows(target));
  });

  test('an unfinished restore keeps a run from beginning a new history, and is completed', async () => {
    const dataDir = await tempDir('elsewhere-');
    expectExit(await restore(dataDir, published), 0);
    // As a kill right before the last step leaves it.
    await rm(warehouseOf(dataDir));
    await mkdir(join(dataDir, 'mirror/restoring'));
    const run = await project.call(dataDir, 'run', '--as-of', clocks.first);
    expectExit(run, 2);
    expect(run.stderr).toContain('WAREHOUSE_LOST');
    expectExit(await restore(dataDir, published), 0);
    await expectSameRows(dataDir, await publishedRows(target));
    const again = await restore(dataDir, published);
    expectExit(again, 0);
    expect(again.stdout).toContain('is already what');
  });
});

async function rewrite(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')));
}

async function truncateCopy(file: string): Promise<void> {
  await truncate(file, Math.floor((await stat(file)).size / 2));
}
