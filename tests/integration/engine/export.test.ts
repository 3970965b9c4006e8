import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportTable, schemaVersion } from '../../../engine/duckdb/export.ts';
import { recordConclusion } from '../../../engine/duckdb/state.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { build, compileModel, createWarehouse, texts } from '../../support/engine.ts';
import { readParquet, readParquetMetadata } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { dailyTotals, schema, sell } from './shop.ts';

const table = schema.daily_totals;
const plan = { name: 'totals', table, orderBy: ['total', 'day'] };
const longAgo = new Date('2020-01-01T00:00:00Z');

let warehouse: Warehouse;
let directory: string;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  directory = join(await tempDir(), 'exports');
  return () => warehouse[Symbol.asyncDispose]();
});

const context = (more: object = {}) => ({ directory, target: 'sample', synthetic: true, runId: 'run', ...more });
const rebuild = (atLeast = 1) => build(warehouse, compileModel(dailyTotals, schema, { at_least: atLeast }));
const digestOf = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const totals = () => join(directory, 'totals.parquet');

describe('an export', () => {
  beforeEach(async () => {
    await sell(warehouse, { '2025-07-01': 30, '2025-07-02': 10, '2025-07-03': 20, '2025-07-04': 10 });
    await rebuild();
  });

  test('is sorted, has the columns of its table, has times with a UTC type, and counts its rows', async () => {
    expect(await exportTable(warehouse, plan, context())).toEqual({ status: 'pass', file: totals(), rows: 4 });
    const { columns, rows } = await readParquet(totals());
    expect(columns).toEqual([
      { name: 'day', type: 'DATE' },
      { name: 'total', type: 'BIGINT' },
      { name: 'built_at', type: 'TIMESTAMP WITH TIME ZONE' },
    ]);
    const builtAt = await warehouse.rows<{ built_at: Date }>('FROM daily_totals SELECT built_at');
    expect(rows.map((row) => row[2])).toEqual(
      builtAt.map(({ built_at }) => built_at.toISOString().replace('T', ' ').replace('.000Z', '')),
    );
    expect(rows.map(([day, total]) => [day, total])).toEqual([
      ['2025-07-02', 10n],
      ['2025-07-04', 10n],
      ['2025-07-03', 20n],
      ['2025-07-01', 30n],
    ]);
    expect(await readdir(directory)).toEqual(['SHA256SUMS', 'totals.parquet']);
  });

  test('records its schema, its target, and whether it is synthetic', async () => {
    await exportTable(warehouse, plan, context());
    const version = schemaVersion(table);
    expect(version).toMatch(/^[0-9a-f]{16}$/);
    expect(await readParquetMetadata(totals())).toEqual(
      new Map([
        ['schema_version', version],
        ['target', 'sample'],
        ['synthetic', 'true'],
      ]),
    );
    expect(schemaVersion({ ...table, columns: { ...table.columns, total: schema.sales.columns.shop } })).not.toBe(
      version,
    );
  });

  test('has a line in SHA256SUMS that sha256sum accepts', async () => {
    await exportTable(warehouse, plan, context());
    await exportTable(warehouse, { ...plan, name: 'by_day', orderBy: ['day'] }, context());
    const lines = await Promise.all(
      ['by_day.parquet', 'totals.parquet'].map(async (name) => `${await digestOf(join(directory, name))}  ${name}\n`),
    );
    expect(await readFile(join(directory, 'SHA256SUMS'), 'utf8')).toBe(lines.join(''));
    const { stdout } = await promisify(execFile)('sha256sum', ['-c', 'SHA256SUMS'], { cwd: directory });
    expect(stdout).toBe('by_day.parquet: OK\ntotals.parquet: OK\n');
  });

  test('of an earlier version without time zones is rewritten once', async () => {
    await mkdir(directory);
    await warehouse.run(`COPY (FROM daily_totals ORDER BY total, day) TO '${totals()}' (FORMAT parquet)`);
    const before = await digestOf(totals());
    await writeFile(join(directory, 'SHA256SUMS'), `${before}  totals.parquet\n`);
    const exported = { kind: 'export', name: 'totals' } as const;
    await recordConclusion(warehouse, exported, 'of the SQL of that version', { runId: 'run', fileDigest: before });
    expect(await exportTable(warehouse, plan, context())).toEqual({ status: 'pass', file: totals(), rows: 4 });
    expect((await readParquet(totals())).columns.at(-1)?.type).toBe('TIMESTAMP WITH TIME ZONE');
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'reused' });
  });

  test('is left alone, including its mtime, if nothing changed', async () => {
    await exportTable(warehouse, plan, context());
    await utimes(totals(), longAgo, longAgo);
    expect(await exportTable(warehouse, plan, context({ runId: 'later' }))).toMatchObject({ status: 'reused' });
    await rebuild();
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'reused' });
    expect((await stat(totals())).mtime).toEqual(longAgo);
  });

  test('is left alone if rewriting it gives the same bytes', async () => {
    await exportTable(warehouse, plan, context());
    await utimes(totals(), longAgo, longAgo);
    await rebuild(5); // different SQL, the same rows
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'pass', rows: 4 });
    expect((await stat(totals())).mtime).toEqual(longAgo);
  });

  test('is rewritten if its rows, its order or its target changed', async () => {
    await exportTable(warehouse, plan, context());
    await sell(warehouse, { '2025-07-04': 11 });
    await rebuild();
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'pass' });
    expect(await exportTable(warehouse, { ...plan, orderBy: ['day'] }, context())).toMatchObject({ status: 'pass' });
    expect((await readParquet(totals())).rows.map(([, total]) => total)).toEqual([30n, 10n, 20n, 11n]);
    await exportTable(warehouse, plan, context({ target: 'live', synthetic: false }));
    expect((await readParquetMetadata(totals())).get('synthetic')).toBe('false');
  });

  test.each<[string, () => Promise<void>]>([
    ['deleted', () => rm(totals())],
    ['truncated', () => writeFile(totals(), 'PAR1')],
    ['tampered with', () => appendFile(totals(), 'x')],
    ['deleted with its folder', () => rm(directory, { recursive: true })],
    ['no longer in SHA256SUMS', () => writeFile(join(directory, 'SHA256SUMS'), '')],
  ])('is rewritten if it was %s', async (_, harm) => {
    await exportTable(warehouse, plan, context());
    const digest = await digestOf(totals());
    await harm();
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'pass', rows: 4 });
    expect(await digestOf(totals())).toBe(digest);
    expect(await readFile(join(directory, 'SHA256SUMS'), 'utf8')).toBe(`${digest}  totals.parquet\n`);
  });

  test('that fails leaves the old file, and is tried again', async () => {
    await exportTable(warehouse, plan, context());
    const digest = await digestOf(totals());
    await expect(exportTable(warehouse, { ...plan, orderBy: ['nothing'] }, context())).rejects.toThrow('nothing');
    expect(await digestOf(totals())).toBe(digest);
    expect(await readdir(directory)).toEqual(['SHA256SUMS', 'totals.parquet']);
    expect(await exportTable(warehouse, plan, context())).toMatchObject({ status: 'pass' });
  });
});

test('has row groups of about 20,000 rows, compressed with zstd (B16)', async () => {
  await warehouse.run(
    `INSERT INTO daily_totals SELECT DATE '1900-01-01' + i::INTEGER, hash(i) >> 4, TIMESTAMP '2025-07-10' FROM range(50000) AS r(i)`,
  );
  await exportTable(warehouse, { ...plan, orderBy: ['day'] }, context());
  const groups = await texts(
    warehouse,
    `SELECT row_group_num_rows, compression FROM parquet_metadata('${totals()}') WHERE path_in_schema = 'total' ORDER BY row_group_id`,
  );
  expect(groups.map(([, compression]) => compression)).toEqual(['ZSTD', 'ZSTD', 'ZSTD']);
  const sizes = groups.map(([rows]) => Number(rows));
  expect(sizes.reduce((a, b) => a + b)).toBe(50_000);
  for (const size of sizes.slice(0, -1)) expect(Math.abs(size - 20_000)).toBeLessThan(1_000);
});

test('the same rows give the same bytes, whatever the threads and the order of arrival', async () => {
  const rows = fc.uniqueArray(fc.record({ day: fc.integer({ min: 0, max: 80_000 }), total: fc.integer() }), {
    selector: ({ day }) => day,
    minLength: 1,
    maxLength: 40,
  });
  const bytesOf = async (threads: number, insert: string) => {
    await using other = await openWarehouse({ file: ':memory:', threads });
    await other.run('CREATE TABLE daily_totals (day DATE, total BIGINT, built_at TIMESTAMP)');
    await other.run(
      'CREATE TABLE partition_state (model VARCHAR, "partition" VARCHAR, input_digest VARCHAR, run_id VARCHAR, rows_digest VARCHAR)',
    );
    await other.run(`INSERT INTO daily_totals ${insert}`);
    const folder = await tempDir('export-');
    await exportTable(other, { ...plan, orderBy: ['total', 'day'] }, context({ directory: folder }));
    return digestOf(join(folder, 'totals.parquet'));
  };
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 1_000 }), async (some, repeats) => {
      // Each row stands for many, so that there are several row groups and work for the threads.
      const insert = (list: typeof some, order: string) =>
        `SELECT DATE '1900-01-01' + (v.day + 80001 * r.i)::INTEGER, v.total, TIMESTAMP '2025-07-10'
         FROM (VALUES ${list.map(({ day, total }) => `(${day}, ${total})`).join(', ')}) AS v(day, total), range(${repeats}) AS r(i)
         ORDER BY ${order}`;
      const bytes = await bytesOf(1, insert(some, 'r.i, v.day'));
      expect(await bytesOf(4, insert(some.toReversed(), 'r.i DESC, v.day DESC'))).toBe(bytes);
      expect(await bytesOf(2, insert(some, 'total, 1'))).toBe(bytes); // as the export is sorted
    }),
    { numRuns: 12 },
  );
});
