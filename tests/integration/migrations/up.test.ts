import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { restoreBackup } from '../../../engine/migrations/restore.ts';
import { describeStatus } from '../../../engine/migrations/status.ts';
import { partitionState } from '../../../engine/schema/system.ts';
import { type Columns, double, integer, type Table, table, varchar } from '../../../engine/schema/table.ts';
import { createProject, now, schemaOf, type TestProject } from './project.ts';

const columns = { symbol: varchar('Ticker.'), volume: double('Turnover.') };
const days: Table = table('days', { description: 'Days.', columns, key: ['symbol'] });
const daysWith = (more: Columns) => ({ ...days, columns: { ...columns, ...more } });
const notes: Table = table('notes', { description: 'Notes.', columns: { text: varchar('Text.') }, key: [] });

const first = schemaOf(days, notes, partitionState);
const second = schemaOf(daysWith({ trades: integer.nullable('Trades.') }), notes, partitionState);
const third = schemaOf(
  daysWith({ trades: integer.nullable('Trades.'), market: varchar('Market.') }),
  notes,
  partitionState,
);

const twoDays = `INSERT INTO days VALUES ('BTCUSDT', 1.5), ('ETHUSDT', 2)`;
const states = `INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('days', '', 'digest', 'run'), ('notes', '', 'digest', 'run')`;

/** Two days at the first migration; in `outdated` two more migrations are pending. */
let current: TestProject;
let outdated: TestProject;
beforeAll(async () => {
  current = await createProject();
  await current.create('first', first);
  await current.build(first, twoDays, states);
  outdated = await createProject(current);
  await outdated.create('second', second);
  await outdated.create('third', third, { fills: [`days.market='spot'`] });
});

let project: TestProject;
beforeEach(async () => {
  project = await createProject(current);
});

const everything = async () => ({
  days: await project.rows('FROM days ORDER BY ALL'),
  schema: await project.rows(`SELECT sql FROM duckdb_tables() ORDER BY ALL`),
  applied: await project.rows('SELECT name FROM schema_migrations ORDER BY ALL'),
});

describe('up', () => {
  beforeEach(async () => {
    project = await createProject(outdated);
  });

  test('says what it does, keeps a copy, and applies and records all migrations in order', async () => {
    const before = await readFile(project.paths.warehouse);
    const lines = await project.up(third);
    const [backup] = await readdir(project.paths.backups);
    expect(lines).toEqual([
      '0002_second',
      '  days: add trades INTEGER',
      '0003_third',
      '  days: add market VARCHAR NOT NULL',
      `backup of the warehouse: ${project.paths.backups}/${backup}`,
      'applied 0002_second',
      'applied 0003_third',
      `${project.paths.warehouse} is up to date and kept its 4 rows`,
      `to go back: pnpm pipeline migrate restore ${project.paths.backups}/${backup}`,
    ]);
    expect(await readFile(`${project.paths.backups}/${backup}`)).toEqual(before);
    expect((await everything()).days).toEqual([
      { symbol: 'BTCUSDT', volume: 1.5, trades: null, market: 'spot' },
      { symbol: 'ETHUSDT', volume: 2, trades: null, market: 'spot' },
    ]);
    expect(await project.rows('FROM schema_migrations ORDER BY "number"')).toMatchObject([
      { number: 1, name: '0001_first', applied_at: now },
      { number: 2, name: '0002_second', applied_at: now },
      { number: 3, name: '0003_third', applied_at: now },
    ]);
    expect(await project.up(third)).toEqual([`${project.paths.warehouse} is up to date`]);
    await project.build(third);
  });

  test('makes the next run rebuild the altered tables and no others', async () => {
    await project.up(third);
    expect(await project.rows('SELECT model, input_digest FROM partition_state ORDER BY model')).toEqual([
      { model: 'days', input_digest: '' },
      { model: 'notes', input_digest: 'digest' },
    ]);
  });

  test('continues from where the database is', async () => {
    const half = await createProject();
    await half.create('first', first);
    await half.create('second', second);
    await half.build(second, `INSERT INTO days VALUES ('BTCUSDT', 1.5, 7)`);
    await half.create('third', third, { fills: [`days.market='spot'`] });
    expect((await half.up(third)).filter((line) => line.startsWith('applied'))).toEqual(['applied 0003_third']);
    expect(await half.rows('FROM days')).toEqual([{ symbol: 'BTCUSDT', volume: 1.5, trades: 7, market: 'spot' }]);
  });

  test('is suggested by a run on the outdated warehouse, which changes nothing', async () => {
    const before = await everything();
    await expect(project.build(third)).rejects.toMatchObject({
      code: 'SCHEMA_OUTDATED',
      message: 'older than this code; pending migrations: 0002_second, 0003_third; nothing was changed',
      details: { hint: expect.stringContaining('pnpm pipeline migrate up') },
    });
    expect(await everything()).toEqual(before);
  });

  test('has the same steps as status, which changes nothing', async () => {
    const definition = { schema: third, migrations: await project.migrations() };
    const pipeline = { spec: { schema: 'models/schema.ts' } } as never;
    const { signal } = new AbortController();
    expect(await describeStatus({ pipeline, paths: project.paths, definition, signal })).toEqual([
      '0001_first  applied 2026-11-20 10:30 UTC',
      '0002_second',
      '  days: add trades INTEGER',
      '0003_third',
      '  days: add market VARCHAR NOT NULL',
      `${project.paths.warehouse} is outdated: pnpm pipeline migrate up`,
    ]);
    const more = schemaOf(...Object.values(third).slice(1), { ...notes, name: 'remarks' });
    const lines = await describeStatus({
      pipeline,
      paths: project.paths,
      definition: { ...definition, schema: more },
      signal,
    });
    expect(lines.slice(-2)).toEqual([
      'in models/schema.ts, but in no migration: pnpm pipeline migrate new NAME',
      '  there is no table remarks',
    ]);
  });

  test('a backup is restored by one command, which keeps what it replaces', async () => {
    const before = await everything();
    await project.up(third);
    const [backup = ''] = await readdir(project.paths.backups);
    const lines: string[] = [];
    await restoreBackup({
      backup: `${project.paths.backups}/${backup}`,
      paths: project.paths,
      definition: { schema: third, migrations: await project.migrations() },
      synthetic: true,
      wait: false,
      runId: 'restore',
      now,
      print: (line) => lines.push(line),
      signal: new AbortController().signal,
    });
    expect(await everything()).toEqual(before);
    expect(lines[0]).toBe(`backup of the warehouse: ${project.paths.backups}/warehouse-restore.duckdb`);
    expect(
      await project.rows('SELECT market FROM days', `${project.paths.backups}/warehouse-restore.duckdb`),
    ).toHaveLength(2);
  });

  test('an interrupt rolls everything back', async () => {
    const before = await everything();
    const controller = new AbortController();
    const print = (line: string) => line === 'applied 0002_second' && controller.abort();
    await expect(project.up(third, { signal: controller.signal, print })).rejects.toThrow(/abort/);
    expect(await everything()).toEqual(before);
  });

  test('a warehouse that was altered by hand is left unchanged, and the column is named', async () => {
    await project.execute(
      'ALTER TABLE days ALTER COLUMN volume TYPE FLOAT',
      'ALTER TABLE notes ADD COLUMN author VARCHAR',
    );
    await expect(project.up(third)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: expect.stringMatching(
        /was altered by hand: days.volume is FLOAT, the definition says DOUBLE; notes.author \(VARCHAR\) is not in the definition$/,
      ),
    });
  });

  test('migrations that do not build the definition are refused', async () => {
    await expect(project.up(first)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: expect.stringContaining('days.trades (INTEGER) is not in the definition'),
    });
  });
});

describe('a change that may lose data', () => {
  const noVolume = schemaOf({ ...days, columns: { symbol: columns.symbol } }, notes, partitionState);
  const float = schemaOf(daysWith({ volume: integer('Turnover.') }), notes, partitionState);
  const noNotes = schemaOf(days, partitionState);

  test.each([
    [noVolume, 'days: drop volume DOUBLE and all its values'],
    [float, 'days: change volume from DOUBLE to INTEGER'],
    [noNotes, 'drop notes and all its rows'],
  ])('is shown, and made only on request: %#', async (schema, step) => {
    await project.create('less', schema);
    const before = await everything();
    const lines: string[] = [];
    await expect(project.up(schema, { print: (line) => lines.push(line) })).rejects.toMatchObject({
      code: 'MIGRATION_DESTRUCTIVE',
      message: `this loses data: ${step}`,
    });
    expect(lines).toContain(`  ${step}  (destructive)`);
    expect(await everything()).toEqual(before);
    expect(existsSync(project.paths.backups)).toBe(false);
    await project.up(schema, { allowDestructive: true });
    expect(await readdir(project.paths.backups)).toHaveLength(1);
    await project.build(schema);
  });

  test('a rename loses nothing', async () => {
    const turnover = schemaOf(
      { ...days, columns: { symbol: columns.symbol, turnover: columns.volume } },
      notes,
      partitionState,
    );
    await project.create('turnover', turnover, { renames: ['days.volume=days.turnover'] });
    await project.up(turnover);
    expect(await project.rows('FROM days ORDER BY ALL')).toEqual([
      { symbol: 'BTCUSDT', turnover: 1.5 },
      { symbol: 'ETHUSDT', turnover: 2 },
    ]);
  });

  test('nor does a renamed table', async () => {
    const bars = schemaOf({ ...days, name: 'bars' }, notes, partitionState);
    await project.create('bars', bars, { renames: ['days=bars'] });
    expect(await project.up(bars)).toContain(`${project.paths.warehouse} is up to date and kept its 4 rows`);
  });
});

describe('a failing migration rolls all of them back', () => {
  test('if a value does not fit', async () => {
    await project.create('second', second);
    const numbers = schemaOf(
      { ...days, columns: { ...columns, symbol: integer('Number.'), trades: integer.nullable('Trades.') } },
      notes,
      partitionState,
    );
    await project.create('numbers', numbers);
    const before = await everything();
    await expect(project.up(numbers, { allowDestructive: true })).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/^0003_numbers: Conversion Error: .*BTCUSDT/),
      details: { hint: 'nothing was changed' },
    });
    expect(await everything()).toEqual(before);
  });

  test('if rows would be lost', async () => {
    await project.create('second', second);
    const { sql = '' } = (await project.migrations())[1] ?? {};
    await project.writeFile('migrations/0002_second.sql', `${sql}DELETE FROM days WHERE symbol = 'ETHUSDT';\n`);
    await project.sign();
    const before = await everything();
    await expect(project.up(second)).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: 'days had 2 rows and would have 1',
    });
    expect(await everything()).toEqual(before);
  });

  test('if the tables then differ from the definition', async () => {
    const remarks = schemaOf(days, notes, partitionState, { ...notes, name: 'remarks' });
    await project.create('remarks', remarks);
    const { sql = '' } = (await project.migrations())[1] ?? {};
    await project.writeFile('migrations/0002_remarks.sql', sql.replace('CREATE TABLE', 'CREATE TABLE IF NOT EXISTS'));
    await project.sign();
    await project.execute('CREATE TABLE remarks (text VARCHAR NOT NULL, author VARCHAR)');
    const before = await everything();
    await expect(project.up(remarks)).rejects.toMatchObject({
      code: 'SCHEMA_DRIFT',
      message: 'the migrated tables differ from the definition: remarks.author (VARCHAR) is not in the definition',
    });
    expect(await everything()).toEqual(before);
  });
});

test('a target without a warehouse has nothing to migrate', async () => {
  const fresh = await createProject();
  await fresh.create('first', first);
  await expect(fresh.up(first)).rejects.toMatchObject({ code: 'WAREHOUSE_MISSING' });
});
