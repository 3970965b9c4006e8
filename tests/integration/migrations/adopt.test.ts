import { rm } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { schemaStatements } from '../../../engine/duckdb/ddl.ts';
import { readSchema } from '../../../engine/duckdb/introspect.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { readMigrations } from '../../../engine/migrations/folder.ts';
import { diffSchemas } from '../../../engine/schema/diff.ts';
import { partitionState } from '../../../engine/schema/system.ts';
import { bigint, double, table, varchar } from '../../../engine/schema/table.ts';
import { schema } from '../../../models/schema.ts';
import { availabilityRows, ohlcvRows, oldAvailability, oldOhlcv } from '../../support/old-database.ts';
import { root } from '../../support/pipeline.ts';
import { createProject, schemaOf, type TestProject } from './project.ts';

const availability = availabilityRows('2025-01-01', '2025-03-31');

let project: TestProject;
beforeEach(async () => {
  project = await createProject();
  for (const { name, sql } of await readMigrations(root)) await project.writeFile(`migrations/${name}.sql`, sql);
  await project.sign();
});

const count = async (table: string) =>
  (await project.rows(`SELECT count(*)::INTEGER AS rows FROM ${table}`))[0] as { rows: number };

/** Every table is as defined, including its comments, and a run accepts the warehouse. */
async function expectUpToDate() {
  const drift = await openWarehouse({ file: project.paths.warehouse, readOnly: true }).then(async (warehouse) => {
    await using open = warehouse;
    return diffSchemas(await readSchema(open), schema).filter(({ table }) => table in schema);
  });
  expect(drift).toEqual([]);
  await project.build(schema);
}

describe('databases that users have', () => {
  test('a database with the eight columns of daily_availability is migrated, with every row kept', async () => {
    await project.execute(oldAvailability, availability);
    const before = await project.rows('FROM daily_availability ORDER BY ALL');
    expect(await project.up(schema)).toEqual(
      expect.arrayContaining([
        '0001_daily_availability  recognised as applied',
        'applied 0003_daily_figures',
        `${project.paths.warehouse} is up to date and kept its 180 rows`,
      ]),
    );
    const figures = Object.keys(schema.daily_availability.columns).slice(8);
    expect(await project.rows(`SELECT * EXCLUDE (${figures}) FROM daily_availability ORDER BY ALL`)).toEqual(before);
    await expectUpToDate();
  });

  test('an ohlcv without instrument_type is migrated, and all of its rows are spot', async () => {
    await project.execute(oldOhlcv, ohlcvRows);
    const before = await project.rows('FROM ohlcv ORDER BY ALL');
    await project.up(schema);
    expect(await project.rows('SELECT * EXCLUDE (instrument_type) FROM ohlcv ORDER BY ALL')).toEqual(before);
    expect(await project.rows('SELECT DISTINCT instrument_type FROM ohlcv')).toEqual([{ instrument_type: 'spot' }]);
    await expectUpToDate();
  });

  test('both can be in one database', async () => {
    await project.execute(oldAvailability, availability, oldOhlcv, ohlcvRows);
    const before = [await count('daily_availability'), await count('ohlcv')];
    await project.up(schema);
    expect([await count('daily_availability'), await count('ohlcv')]).toEqual(before);
    await expectUpToDate();
  });

  test('a run reports it, names the command, and changes nothing', async () => {
    await project.execute(oldAvailability, availability);
    await expect(project.build(schema)).rejects.toMatchObject({
      code: 'SCHEMA_OUTDATED',
      message: expect.stringMatching(
        /^older than this code: 1 of \d+ tables and no record of migrations; nothing was changed$/,
      ),
      details: { hint: expect.stringContaining('pnpm pipeline migrate up') },
    });
    expect(await project.rows('SELECT table_name FROM duckdb_tables()')).toEqual([
      { table_name: 'daily_availability' },
    ]);
  });
});

describe('small differences are aligned first', () => {
  test('columns in another order, NULLs allowed, defaults, another type, other indexes and keys', async () => {
    await project.execute(
      `CREATE TABLE daily_availability (
        symbol VARCHAR, date DATE, url VARCHAR, available BOOLEAN, status_code SMALLINT DEFAULT 200,
        file_size_bytes INTEGER, last_modified TIMESTAMP, probe_timestamp TIMESTAMP WITH TIME ZONE DEFAULT now())`,
      'CREATE INDEX idx_symbol_date ON daily_availability (symbol, date)',
      `INSERT INTO daily_availability VALUES ('BTCUSDT', '2025-01-01', 'u', true, 200, 100, '2025-01-02', '2025-07-01 12:00:00+00')`,
    );
    const lines = await project.up(schema);
    expect(lines).toContain('applied alignment');
    expect(lines).toContain('  daily_availability: drop the index idx_symbol_date');
    expect(await project.rows('SELECT symbol, status_code, probe_timestamp FROM daily_availability')).toEqual([
      { symbol: 'BTCUSDT', status_code: 200, probe_timestamp: new Date('2025-07-01T12:00:00Z') },
    ]);
    await expectUpToDate();
  });

  test('an unknown column is dropped only on request', async () => {
    await project.execute(oldAvailability, availability, 'ALTER TABLE daily_availability ADD COLUMN remark VARCHAR');
    await expect(project.up(schema)).rejects.toMatchObject({
      code: 'MIGRATION_DESTRUCTIVE',
      message: 'this loses data: daily_availability: drop remark VARCHAR and all its values',
    });
    await project.up(schema, { allowDestructive: true });
    await expectUpToDate();
  });

  test('a NULL where the definition allows none rolls everything back', async () => {
    await project.execute(
      oldOhlcv.replace('close_time TIMESTAMP NOT NULL', 'close_time TIMESTAMP'),
      ohlcvRows,
      'UPDATE ohlcv SET close_time = NULL',
    );
    await expect(project.up(schema)).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/^alignment: .*NOT NULL.*close_time/),
    });
    expect(await count('ohlcv')).toEqual({ rows: 1441 });
  });
});

test('an up-to-date database without a record is recognised unchanged', async () => {
  await project.execute(...schemaStatements(schema).filter((sql) => !sql.includes('schema_migrations')));
  const lines = await project.up(schema);
  expect(lines.filter((line) => line.startsWith('applied'))).toEqual([]);
  expect(lines.filter((line) => line.includes('recognised'))).toHaveLength((await project.migrations()).length);
  await expectUpToDate();
});

describe('a warehouse that was made before the project had migrations', () => {
  const columns = { symbol: varchar('Ticker.'), volume: double.nullable('Turnover.') };
  const days = table('days', { description: 'Days.', columns, key: ['symbol'] });

  beforeEach(async () => {
    project = await createProject();
    await project.build(schemaOf(days, partitionState), `INSERT INTO days VALUES ('BTCUSDT', 1.5)`);
    await project.create('first', schemaOf(days, partitionState));
  });

  test('is adopted by migrate up, with its rows', async () => {
    await expect(project.build(schemaOf(days, partitionState))).rejects.toMatchObject({ code: 'SCHEMA_OUTDATED' });
    expect(await project.up(schemaOf(days, partitionState))).toContain('0001_first  recognised as applied');
    expect(await project.rows('FROM days')).toEqual([{ symbol: 'BTCUSDT', volume: 1.5 }]);
    expect(await project.rows('SELECT "number", "name" FROM schema_migrations')).toEqual([
      { number: 1, name: '0001_first' },
    ]);
    await project.build(schemaOf(days, partitionState));
  });

  test('is adopted too if it was made from a definition for which a migration was written later', async () => {
    const more = schemaOf({ ...days, columns: { ...columns, trades: bigint.nullable('Trades.') } }, partitionState);
    await rm(project.paths.root, { recursive: true });
    await project.build(more, `INSERT INTO days VALUES ('BTCUSDT', 1.5, 3)`);
    await project.create('trades', more);
    expect(await project.up(more)).toContain('0002_trades  recognised as applied');
    expect(await project.rows('FROM days')).toEqual([{ symbol: 'BTCUSDT', volume: 1.5, trades: 3n }]);
    await project.build(more);
  });

  test('is brought to what was written since', async () => {
    const more = schemaOf({ ...days, columns: { ...columns, trades: bigint.nullable('Trades.') } }, partitionState);
    await project.create('trades', more);
    expect(await project.up(more)).toContain('applied 0002_trades');
    expect(await project.rows('FROM days')).toEqual([{ symbol: 'BTCUSDT', volume: 1.5, trades: null }]);
    await project.build(more);
  });

  test('is refused if a table lacks a column that the migration makes', async () => {
    await project.execute('ALTER TABLE days DROP COLUMN volume');
    await expect(project.up(schemaOf(days, partitionState))).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: expect.stringContaining('days lacks volume'),
    });
    expect(await project.rows('FROM schema_migrations')).toEqual([]);
  });
});

test('other tables are left alone', async () => {
  await project.execute(oldAvailability, 'CREATE TABLE notes (text VARCHAR)', `INSERT INTO notes VALUES ('mine')`);
  await project.up(schema);
  expect(await project.rows('FROM notes')).toEqual([{ text: 'mine' }]);
  await expectUpToDate();
});

describe('an unrecognised state is refused', () => {
  test('a table that lacks a column of its oldest form', async () => {
    await project.execute('CREATE TABLE daily_availability (date DATE, symbol VARCHAR, available BOOLEAN)');
    await expect(project.up(schema)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: expect.stringContaining(
        'daily_availability lacks file_size_bytes, last_modified, probe_timestamp, status_code, url, which even its oldest',
      ),
    });
  });

  test('only some of the tables', async () => {
    const symbols = schemaStatements(schema).filter((sql) => sql.startsWith('CREATE TABLE "symbols"'));
    await project.execute(oldAvailability, ...symbols);
    await expect(project.up(schema)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: expect.stringContaining('symbols is as 0005_first_release left it, but archive_objects is missing'),
    });
  });
});
