import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadPipeline } from '../../../engine/config/load.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { readMigrations } from '../../../engine/migrations/folder.ts';
import { createWarehouseHost } from '../../../engine/run/warehouse-host.ts';
import { compareDatabase, compareExports, compareGraph } from '../../../engine/schema/compare.ts';
import { targetPaths } from '../../../engine/target/paths.ts';
import { schema } from '../../../models/schema.ts';
import { oldAvailability } from '../../support/old-database.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { scratchProject } from '../../support/scratch.ts';
import { tempDir } from '../../support/temp.ts';

/** The repository with a data folder of its own; `scratch`, where a test edits files of the project. */
let project: { readonly root: string; readonly dataDir: string };
let scratch: Awaited<ReturnType<typeof scratchProject>>;
const unedited = () =>
  beforeEach(async () => {
    project = { root, dataDir: await tempDir('data-') };
  });
const editable = () =>
  beforeEach(async () => {
    scratch = await scratchProject();
    project = scratch;
  });

const paths = () => targetPaths(project.dataDir, 'sample');
const cli = (...args: readonly string[]) => pipelineInProcess(args, { cwd: project.root, dataDir: project.dataDir });
const diff = (...args: readonly string[]) => cli('schema', 'diff', ...args);
const check = (...args: readonly string[]) => cli('schema', 'check', ...args);

const pipeline = loadPipeline(join(root, 'pipeline.yaml'));

const options = async (database?: string) => ({
  ...{ pipeline: await pipeline, paths: paths(), database, signal: new AbortController().signal },
});
/** What `schema diff --database FILE` and `schema check --database FILE` find in the file. */
async function compareTo(file: string) {
  const [found] = await compareDatabase(await options(file), schema);
  return found;
}

/** The warehouse that a run makes, with later changes by hand. */
async function warehouse(...statements: readonly string[]) {
  const migrations = await readMigrations(root);
  const { signal } = new AbortController();
  const now = new Date();
  const host = createWarehouseHost({ schema, migrations, now, asOf: now, file: paths().warehouse, signal });
  await host.use(async (open) => {
    for (const statement of statements) await open.run(statement);
  });
  await host.release();
}

async function database(file: string, ...statements: readonly string[]) {
  await using open = await openWarehouse({ file });
  for (const statement of statements) await open.run(statement);
}

async function parquet(file: string, query: string) {
  await mkdir(dirname(file), { recursive: true });
  await database(':memory:', `COPY (${query}) TO '${file}' (FORMAT parquet)`);
}

describe('there is no drift', () => {
  unedited();

  test('in the repository: derived files are up to date, and migrations and models match the definition', async () => {
    const { exitCode, stdout } = await check();
    expect(stdout).toBe(
      'daily_availability gets the index idx_quote_volume_date when the database is published\n' +
        'all agree with models/schema.ts: models/schema.sql, docs/tables.md, migrations/, models\n',
    );
    expect(exitCode).toBe(0);
  });

  test('in a warehouse that a run made', async () => {
    await warehouse();
    expect(await diff()).toMatchObject({
      exitCode: 0,
      stdout: `models/schema.sql agrees\nmigrations/ agrees\n${paths().warehouse} agrees\n`,
    });
  });
});

describe('a database that was altered by hand', () => {
  unedited();
  let sound: string;
  beforeAll(async () => {
    project = { root, dataDir: await tempDir('data-') };
    await warehouse();
    sound = paths().warehouse;
  });
  async function altered(...statements: readonly string[]): Promise<string> {
    const file = join(await tempDir('altered-'), 'warehouse.duckdb');
    await copyFile(sound, file);
    await database(file, ...statements);
    return file;
  }

  test.each([
    [['ALTER TABLE ohlcv ADD COLUMN note VARCHAR'], 'ohlcv.note (VARCHAR) is not in the definition'],
    [
      ['ALTER TABLE ohlcv DROP COLUMN close_time'],
      'ohlcv.close_time is missing; the definition has close_time TIMESTAMP NOT NULL',
    ],
    [['ALTER TABLE ohlcv ALTER volume TYPE FLOAT'], 'ohlcv.volume is FLOAT, the definition says DOUBLE'],
    [['ALTER TABLE ohlcv ALTER volume DROP NOT NULL'], 'ohlcv.volume may be NULL, the definition says NOT NULL'],
    [
      ['ALTER TABLE symbols ALTER base_asset SET NOT NULL'],
      'symbols.base_asset is NOT NULL, the definition allows NULL',
    ],
    [
      [`ALTER TABLE ohlcv ALTER data_source SET DEFAULT 'rest'`],
      `ohlcv.data_source has the default 'rest', the definition has no default`,
    ],
    [
      ['ALTER TABLE ohlcv RENAME volume TO turnover'],
      'ohlcv.volume is missing; the definition has volume DOUBLE NOT NULL',
    ],
    [
      ['CREATE INDEX idx_quote_volume_date ON daily_availability (symbol)'],
      'daily_availability has an index idx_quote_volume_date on symbol that the definition lacks',
    ],
    [['CREATE INDEX idx_mine ON ohlcv (symbol)'], 'ohlcv has an index idx_mine on symbol that the definition lacks'],
    [
      ['CREATE UNIQUE INDEX once ON ohlcv (symbol)'],
      'ohlcv has a constraint that the definition lacks: CREATE UNIQUE INDEX once ON ohlcv(symbol)',
    ],
    [
      ['ALTER TABLE ohlcv ADD PRIMARY KEY (symbol)'],
      'ohlcv has the primary key (symbol), the definition has no primary key',
    ],
    [['DROP TABLE volume_rankings'], 'there is no table volume_rankings'],
    [['CREATE TABLE notes (text VARCHAR)'], 'there is a table notes that the definition lacks'],
    [
      [`COMMENT ON COLUMN ohlcv.volume IS 'In dollars.'`],
      'the comment of ohlcv.volume is "In dollars.", the definition gives "Volume. [base asset; contracts for futures-cm]"',
    ],
    [
      [
        'CREATE TABLE other AS SELECT symbol, instrument_type, * EXCLUDE (symbol, instrument_type) FROM symbols',
        'DROP TABLE symbols',
        'ALTER TABLE other RENAME TO symbols',
      ],
      'symbols has its columns in another order; the definition says instrument_type, symbol',
    ],
    [
      [
        'CREATE TABLE other AS FROM volume_rankings',
        'DROP TABLE volume_rankings',
        'ALTER TABLE other RENAME TO volume_rankings',
      ],
      'volume_rankings.rank allows any value, the definition requires "rank" >= 1',
    ],
    [[`DELETE FROM schema_migrations WHERE "number" > 4`], '0005_first_release has not been applied'],
  ])('%j is found', async (statements, difference) => {
    const file = await altered(...statements);
    const found = await compareTo(file);
    expect(found?.differences.join('\n')).toContain(difference);
  });

  test('is reported, and the command fails', async () => {
    const file = await altered('CREATE INDEX idx_mine ON ohlcv (symbol)');
    const { exitCode, stdout, stderr } = await diff('--database', file);
    expect(stdout).toContain(`${file} differs:\n`);
    expect(stdout).toContain('  ohlcv has an index idx_mine on symbol that the definition lacks\n');
    expect(stderr).toContain('error [SCHEMA_DRIFT]');
    expect(exitCode).toBe(1);
  });

  test('stops a run, which names the column', async () => {
    await warehouse('ALTER TABLE ohlcv ALTER volume TYPE FLOAT');
    const { exitCode, stderr } = await cli('run', '--select', 'extract');
    expect(stderr).toContain('ohlcv.volume is FLOAT, the definition says DOUBLE');
    expect(exitCode).toBe(1);
  });
});

describe('the check reports', () => {
  editable();

  test('schema.sql, by column', async () => {
    await scratch.edit('models/schema.sql', '"close_time" TIMESTAMP NOT NULL', '"close_time" DATE NOT NULL');
    const { exitCode, stdout } = await check();
    expect(stdout).toContain('models/schema.sql: ohlcv.close_time is DATE, the definition says TIMESTAMP\n');
    expect(stdout).toMatch(/models\/schema.sql: it is outdated: line \d+ is ` {2}"close_time" DATE NOT NULL,`/);
    expect(exitCode).toBe(1);
  });

  test('schema.sql that is no longer SQL', async () => {
    await scratch.edit('models/schema.sql', 'CREATE TABLE "ohlcv" (', 'CREATE "ohlcv" (');
    expect((await diff()).stdout).toContain('models/schema.sql differs:\n  it fails: Parser Error');
  });

  test('docs/tables.md', async () => {
    await scratch.edit('docs/tables.md', '| `spells` | INTEGER |', '| `spells` | BIGINT |');
    const { exitCode, stdout } = await check();
    expect(stdout).toMatch(/docs\/tables.md: it is outdated: line \d+ is `\| `spells` \| BIGINT \|/);
    expect(exitCode).toBe(1);
  });

  test('a migration', async () => {
    await scratch.edit(
      'migrations/0003_daily_figures.sql',
      'ADD COLUMN "trade_count" BIGINT',
      'ADD COLUMN "trade_count" INTEGER',
    );
    const { exitCode, stdout } = await diff();
    expect(stdout).toContain(
      'migrations/ differs:\n  the migration 0003_daily_figures was changed after it was written\n',
    );
    expect(exitCode).toBe(1);
    const run = await cli('run', '--select', 'extract');
    expect(run).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('error [MIGRATION_CHANGED] migrations/0003_daily_figures.sql'),
    });
  });

  test('a change of the definition without a migration', async () => {
    await scratch.edit('models/schema.ts', `spells: integer('Number`, `lives: integer('Number`);
    const { stdout } = await diff();
    expect(stdout).toContain(
      'migrations/ differs:\n  symbols.lives is missing; the definition has lives INTEGER NOT NULL',
    );
    expect(stdout).toContain('  symbols.spells (INTEGER) is not in the definition');
  });

  test('a model whose types differ in a way that TypeScript cannot see', async () => {
    await scratch.edit(
      'models/market/symbols.ts',
      `cast('INTEGER', plus(countWhere(`,
      `cast('SMALLINT', plus(countWhere(`,
    );
    const { exitCode, stdout } = await check();
    expect(stdout).toContain(
      'models: models/market/symbols.ts: column 9 of the query of symbols is spells SMALLINT, but its table has spells INTEGER',
    );
    expect(exitCode).toBe(1);
  });

  test('the column lists in the artifacts', async () => {
    await cli('compile');
    const file = join(paths().artifacts, 'graph.json');
    expect(await compareGraph(paths(), schema)).toEqual([{ subject: file, differences: [] }]);
    await writeFile(file, (await readFile(file, 'utf8')).replace('"type": "DOUBLE"', '"type": "FLOAT"'));
    expect((await check()).stdout).toContain(
      `${file}: contract_sizes.contract_size is outdated; write it again with pnpm pipeline compile`,
    );
  });
});

describe('a Parquet file', () => {
  unedited();

  const columns = Object.entries(schema.volume_rankings.columns).map(([name, { type }]) => [name, type] as const);
  const query = (change: (name: string, type: string) => string) =>
    `SELECT ${columns
      .map(([name, type]) => change(name, type))
      .filter((text) => text !== '')
      .join(', ')}`;
  const value = (name: string, type: string) => `NULL::${type} AS "${name}"`;

  test.each([
    [
      'of another type',
      (name: string, type: string) => value(name, name === 'rank' ? 'BIGINT' : type),
      'volume_rankings.rank is BIGINT, the definition says SMALLINT',
    ],
    [
      'of another unit of time',
      (name: string, type: string) => value(name, type === 'TIMESTAMP' ? 'TIMESTAMP_MS' : type),
      'volume_rankings.generation_timestamp is INT64 TIMESTAMP_MILLIS, the definition says TIMESTAMP',
    ],
    [
      'without a column',
      (name: string, type: string) => (name === 'percentile' ? '' : value(name, type)),
      'volume_rankings.percentile is missing',
    ],
    [
      'with one more column',
      (name: string, type: string) => value(name, type) + (name === 'rank' ? ', 1 AS extra' : ''),
      'volume_rankings.extra (INTEGER) is not in the definition',
    ],
  ])('%s is found among the exports and by its name', async (_, change, difference) => {
    const file = join(paths().exports, 'volume_rankings.parquet');
    await parquet(file, query(change));
    const compared = [...(await compareExports(await options(), schema)), await compareTo(file)];
    for (const found of compared)
      expect(found).toEqual({
        subject: file,
        differences: expect.arrayContaining([expect.stringContaining(difference)]),
      });
    expect(compared).toHaveLength(2);
  });

  test('that differs makes the check fail', async () => {
    const file = join(paths().exports, 'volume_rankings.parquet');
    await parquet(
      file,
      query((name, type) => (name === 'percentile' ? '' : value(name, type))),
    );
    for (const args of [[], ['--database', file]]) {
      const { exitCode, stdout } = await check(...args);
      expect(stdout).toContain(`${file}: volume_rankings.percentile is missing`);
      expect(exitCode).toBe(1);
    }
  });

  test.each([
    ['times in UTC', 'TIMESTAMPTZ'],
    ['times without a zone, as earlier versions wrote them,', 'TIMESTAMP'],
  ])('as defined, with %s, agrees', async (_, time) => {
    const file = join(paths().exports, 'volume_rankings.parquet');
    await parquet(
      file,
      query((name, type) => value(name, type === 'TIMESTAMP' ? time : type)),
    );
    expect(await compareTo(file)).toEqual({ subject: file, differences: [] });
  });

  test('of an unknown name is refused', async () => {
    const file = join(project.dataDir, 'ranks.parquet');
    await parquet(file, 'SELECT 1 AS a');
    expect(await check('--database', file)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('does not have the name of an export or a table'),
    });
  });
});

describe('any file', () => {
  unedited();

  test('that was published with some of the tables is compared with those', async () => {
    const file = join(await tempDir('published-'), 'published.duckdb');
    await warehouse();
    await database(
      file,
      `ATTACH '${paths().warehouse}' AS own`,
      `CREATE TABLE volume_rankings AS FROM own.volume_rankings`,
    );
    const { stdout } = await diff('--database', file);
    expect(stdout).not.toContain('there is no table');
    expect(stdout).toContain('volume_rankings.rank may be NULL');
  });

  test('with the old eight columns is reported with the nine that it lacks', async () => {
    const file = join(await tempDir('published-'), 'old.duckdb');
    await database(file, oldAvailability);
    const { exitCode, stdout } = await diff('--database', file);
    const missing = [...stdout.matchAll(/daily_availability\.(\w+) is missing/g)].map(([, name]) => name);
    expect(missing).toEqual(Object.keys(schema.daily_availability.columns).slice(8));
    expect(exitCode).toBe(1);
  });

  test('with none of the tables is reported', async () => {
    const file = join(await tempDir('published-'), 'other.duckdb');
    await database(file, 'CREATE TABLE notes (text VARCHAR)');
    expect((await diff('--database', file)).stdout).toContain('it has none of the tables');
  });

  test('that does not exist is an error', async () => {
    expect(await diff('--database', 'nowhere.duckdb')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no file'),
    });
  });
});

test('schema print --write repairs every derived file', async () => {
  scratch = await scratchProject();
  project = scratch;
  await scratch.edit('models/schema.sql', '"close_time" TIMESTAMP NOT NULL', '"close_time" DATE NOT NULL');
  await scratch.edit('docs/tables.md', '# Tables', '# Table');
  expect((await cli('schema', 'print', '--write')).stdout).toBe('wrote models/schema.sql\nwrote docs/tables.md\n');
  expect(await check()).toMatchObject({ exitCode: 0 });
  expect((await cli('schema', 'print', '--write')).stdout).toBe('all files are up to date\n');
  expect((await cli('schema', 'print')).stdout).toBe(await readFile(join(scratch.root, 'models/schema.sql'), 'utf8'));
});
