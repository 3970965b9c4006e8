import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noteAsLeft } from '../../engine/duckdb/maintain.ts';
import { openWarehouse } from '../../engine/duckdb/warehouse.ts';
import { type ArchiveDirectory, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const args = ['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];
const symbols = smallArchive.symbols.slice(0, 3);
const days = smallArchive.days.slice(-12); // across the end of June, which has monthly files too
const tables = [
  ...['archive_objects', 'staged_archives', 'archive_revisions', 'ohlcv', 'symbols', 'conflicts', 'gaps'],
  ...['daily_availability', 'volume_rankings'],
];

let archive: ArchiveDirectory;
let server: ServedArchive;
/** The target's folder after two runs, which is copied for each attempt. */
let finished: string;
let exported: Readonly<Record<string, string>>;
let rows: Readonly<Record<string, readonly string[]>>;

const run = (dataDir: string, ...more: readonly string[]) =>
  pipelineInProcess([...args, ...more], { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } });
const exportsOf = (dataDir: string) => sha256Tree(join(dataDir, 'mirror/exports'));
async function rowsOf(dataDir: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const found: Record<string, readonly string[]> = {};
  for (const table of tables) {
    const { rows } = await queryWarehouse(join(dataDir, 'mirror/warehouse.duckdb'), `FROM ${table} ORDER BY ALL`);
    found[table] = rows.map((row) => row.join());
  }
  return found;
}

beforeAll(async () => {
  archive = await writeSmallArchive(await tempDir('small-'), { symbols, days });
  server = await serveArchive(archive.directory);
  finished = await tempDir('finished-');
  for (let count = 0; count < 2; count++) expectExit(await run(finished), 0);
  [exported, rows] = [await exportsOf(finished), await rowsOf(finished)];
});
afterAll(() => server[Symbol.asyncDispose]());

/** A copy of the target that the record of the last run accepts as its own. */
async function copyOfFinished(): Promise<string> {
  const dataDir = await tempDir('damaged-');
  cpSync(join(finished, 'mirror'), join(dataDir, 'mirror'), { recursive: true });
  noteAsLeft(join(dataDir, 'mirror/warehouse.duckdb'));
  return dataDir;
}

const filesIn = (dataDir: string): readonly string[] =>
  readdirSync(join(dataDir, 'mirror'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'run.lock')
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(dataDir, 'mirror').length + 1))
    .filter((path) => !/^(logs|artifacts)\//.test(path))
    .sort();

describe('B26 B36: whatever happens to a file under data/ between two runs', () => {
  type Harm = (file: string, other: string, random: number) => void;
  const harms: Readonly<Record<string, Harm>> = {
    'a byte flipped': (file, _, random) => {
      const bytes = readFileSync(file);
      const at = random % Math.max(1, bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 + (Math.floor(random / 7) % 255));
      writeFileSync(file, bytes);
    },
    truncated: (file, _, random) => {
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.subarray(0, random % Math.max(1, bytes.length)));
    },
    zeroed: (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length)),
    swapped: (file, other) => {
      const aside = `${file}.aside`;
      copyFileSync(file, aside);
      copyFileSync(other, file);
      copyFileSync(aside, other);
      rmSync(aside);
    },
  };

  test('the next run ends with the same rows and exports, or with a named refusal', async () => {
    const random = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    // Half of the bytes that can be flipped are in the warehouse, so the kinds of file take turns here.
    const kinds = [
      /^warehouse\.duckdb$/,
      /\.left$/,
      /^exports\//,
      /\.csv$/,
      /\.tsv$/,
      /journal/,
      /^target\.json$/,
      /./,
    ];
    const property = fc.asyncProperty(
      ...([fc.constantFrom(...Object.keys(harms)), fc.constantFrom(...kinds), random, random, random] as const),
      async (harm, kind, first, second, at) => {
        const dataDir = await copyOfFinished();
        const all = filesIn(dataDir);
        const some = all.filter((path) => kind.test(path));
        const [file, other] = [some[first % some.length] as string, all[second % all.length] as string];
        const place = (path: string) => join(dataDir, 'mirror', path);
        harms[harm]?.(place(file), place(other), at);
        const { exitCode, stdout, stderr } = await run(dataDir);
        const said = `${harm} ${file} (${other}, ${at}): exit ${exitCode}\n${stdout}\n${stderr}`;
        if (exitCode !== 0) {
          expect([1, 2], said).toContain(exitCode);
          expect(stdout + stderr, said).toMatch(
            /\[((WAREHOUSE|STAGING|SCHEMA|MIGRATION)_[A-Z]+|ARTIFACT_INVALID|ARCHIVE_DIFFERS)\]/,
          );
          return;
        }
        expect(await exportsOf(dataDir), said).toEqual(exported);
        expect(await rowsOf(dataDir), said).toEqual(rows);
      },
    );
    await fc.assert(property, { numRuns: 20, endOnFailure: true });
  });
});

test('B36: a copied folder is compared, found to be as published, and nothing in it is rebuilt', async () => {
  const dataDir = await copyOfFinished();
  rmSync(join(dataDir, 'mirror/warehouse.duckdb.left'));
  const { exitCode, stderr } = await run(dataDir);
  expect(exitCode).toBe(0);
  expect(stderr).not.toContain('another program changed');
  expect(stderr).toMatch(/REUSED model ohlcv /);
  expect(stderr).toMatch(/REUSED model daily_availability /);
});

test('a warehouse older than digests gets them from migrate up, and nothing in it is rebuilt', async () => {
  const dataDir = await copyOfFinished();
  const file = join(dataDir, 'mirror/warehouse.duckdb');
  {
    await using warehouse = await openWarehouse({ file });
    await warehouse.run('ALTER TABLE partition_state DROP COLUMN rows_digest');
    for (const column of ['instrument_type', 'cadence', 'symbol', 'timeframe', 'period_start', 'period_end'])
      await warehouse.run(`ALTER TABLE staged_archives DROP COLUMN ${column}`);
    for (const table of ['listed_spans', 'pending_changes', 'known_quote_assets', 'symbol_exceptions'])
      await warehouse.run(`DROP TABLE ${table}`);
    for (const table of ['contract_sizes', 'resampling_exceptions']) await warehouse.run(`DROP TABLE ${table}`);
    await warehouse.run('DELETE FROM schema_migrations WHERE number >= 9');
  }
  expectExit(await pipelineInProcess(['migrate', 'up', '--target', 'mirror'], { dataDir }), 0);
  const { exitCode, stderr } = await run(dataDir);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toContain('another program changed');
  expect(stderr).toMatch(/REUSED model ohlcv /);
  expect(await rowsOf(dataDir)).toEqual(rows);
});

describe('B26: a damaged staged file', () => {
  const csv = (symbol: string, day: string) => `staging/futures-um/1d/${symbol}/${symbol}-1d-${day}.csv`;
  const day = days.at(-2) as string;

  /** The digests of a copy after a run that rebuilds everything. */
  async function rebuilt(harm: (file: string) => void, ...more: readonly string[]) {
    const dataDir = await copyOfFinished();
    harm(join(dataDir, 'mirror', csv('ETHUSDT', day)));
    return { dataDir, result: await run(dataDir, '--full-refresh', ...more) };
  }
  const zero = (file: string) => writeFileSync(file, Buffer.alloc(readFileSync(file).length));

  test.each([
    ['altered', (file: string) => writeFileSync(file, readFileSync(file, 'latin1').replace(/,(\d)/, ',9'))],
    ['zeroed', zero],
    ['torn', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 30))],
    ['gone', (file: string) => rmSync(file)],
  ])('(%s) is fetched again in the same run, whether or not the extract is selected', async (what, harm) => {
    for (const selection of [[], ['--select', 'ohlcv+']]) {
      const { dataDir, result } = await rebuilt(harm, ...selection);
      expectExit(result, 0);
      expect(await exportsOf(dataDir)).toEqual(exported);
      expect(await rowsOf(dataDir)).toEqual(rows);
      const aside = csv('ETHUSDT', day).replace('staging/', 'staging/damaged/');
      // The extract notices a changed size by itself.
      const isAside = what === 'altered' || what === 'zeroed' || (what === 'torn' && selection.length > 0);
      expect(existsSync(join(dataDir, 'mirror', aside))).toBe(isAside);
    }
  });

  test('that cannot be fetched again leaves its partition as published, and is named, until it can be fetched', async () => {
    await using empty = await serveArchive(await tempDir('empty-'));
    const dataDir = await copyOfFinished();
    zero(join(dataDir, 'mirror', csv('ETHUSDT', day)));
    const offline = await pipelineInProcess([...args, '--full-refresh', '--select', 'ohlcv+'], {
      dataDir,
      env: { PIPELINE_ARCHIVE_URL: empty.url },
    });
    expectExit(offline, 0);
    expect(offline.stderr).toContain(
      'is not built and stays as it was published: data/futures/um/daily/klines/ETHUSDT',
    );
    expect(await exportsOf(dataDir)).toEqual(exported);
    expectExit(await run(dataDir), 0);
    expect(await rowsOf(dataDir)).toEqual(rows);
  });

  test('that cannot be fetched again is left out if nothing of its partition is published, until it can be fetched', async () => {
    await using empty = await serveArchive(await tempDir('empty-'));
    const dataDir = await copyOfFinished();
    zero(join(dataDir, 'mirror', csv('ETHUSDT', day)));
    const file = join(dataDir, 'mirror/warehouse.duckdb');
    {
      await using warehouse = await openWarehouse({ file });
      await warehouse.run(`DELETE FROM ohlcv WHERE symbol = 'ETHUSDT'`);
      await warehouse.run(`DELETE FROM partition_state WHERE model = 'ohlcv' AND contains(partition, 'ETHUSDT')`);
    }
    noteAsLeft(file);
    const build = [...args, '--select', 'ohlcv'];
    const without = await pipelineInProcess(build, { dataDir, env: { PIPELINE_ARCHIVE_URL: empty.url } });
    expectExit(without, 0);
    expect(without.stderr).toMatch(/WARN model ohlcv /);
    expectExit(await run(dataDir), 0);
    expect(await exportsOf(dataDir)).toEqual(exported);
  });
});
