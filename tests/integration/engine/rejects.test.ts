import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import type { BuildOptions } from '../../../engine/duckdb/build-model.ts';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { bigint, date, engineTables, modelsOf, type StagedSource, table, varchar } from '../../../engine/index.ts';
import { cast, rowsDigest } from '../../../engine/vocabulary/index.ts';
import { build, compileModel, createWarehouse, texts } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';

const schema = {
  files: table('files', {
    description: 'The ledger.',
    columns: { key: varchar('Key.'), day: date('Day.'), status: varchar('Status.') },
    key: ['key'],
    keyHeldBy: 'partition',
  }),
  staged_lines: table('staged_lines', {
    description: 'Lines as they are.',
    kind: 'source',
    columns: { key: varchar('Key of the file.'), amount: varchar('As written.') },
    key: [],
    references: { files: ['key'] },
  }),
  amounts: table('amounts', {
    description: 'Amounts by day.',
    columns: { day: date('Day.'), key: varchar('Key of the file.'), amount: bigint('Amount.') },
    key: ['day', 'key', 'amount'],
    keyHeldBy: 'partition',
    partition: ['day'],
  }),
  ...engineTables,
} as const;

const amounts = modelsOf(schema)('amounts', {
  inputs: ({ db }) =>
    db
      .selectFrom('files')
      .where('status', '=', 'staged')
      .groupBy('day')
      .select((eb) => ['day', rowsDigest(eb.ref('key'), eb.ref('files.day')).as('digest')]),
  query: ({ db }) =>
    db
      .selectFrom('staged_lines as line')
      .innerJoin('files', 'files.key', 'line.key')
      .select((eb) => ['files.day', 'files.key', cast('BIGINT', eb.ref('line.amount')).as('amount')]),
  rejects: ({ db }) =>
    db
      .selectFrom('staged_lines')
      .where((eb) => sql<boolean>`try_cast(${eb.ref('amount')} as BIGINT) is null`)
      .groupBy('key')
      .orderBy('key')
      .select(['key', sql<string>`'not_a_number'`.as('reason')]),
});
const model = compileModel(amounts, schema);

/** An extract's staging area in memory: file → day and lines. */
function staging(
  warehouse: Warehouse,
  directory: string,
  files: Readonly<Record<string, readonly [string, ...string[]]>>,
) {
  const rejected = new Map<string, string>();
  const opened: string[][] = [];
  const warnings: string[] = [];
  const staged: StagedSource = {
    async open(partitions, options) {
      opened.push([...partitions]);
      const lines = Object.entries(files)
        .filter(([key, [day]]) => partitions.includes(day) && !rejected.has(key))
        .flatMap(([key, [, ...amounts]]) => amounts.map((amount) => `${key},${amount}\n`));
      const batch = join(options.directory, 'batch.csv');
      await writeFile(batch, lines.join(''));
      return { staged_lines: { batches: [batch] } };
    },
    async reject(archives) {
      for (const { key, reason } of archives) rejected.set(key, reason);
    },
  };
  async function reload(): Promise<void> {
    const lines = Object.entries(files).map(([key, [day]]) => `${key},${day},${rejected.get(key) ?? 'staged'}`);
    const feed = {
      partitions: new Map([['', lines.join()]]),
      writeCsv: (_: unknown, file: string) => writeFile(file, ['key,day,status', ...lines, ''].join('\n')),
    };
    await loadFeed(warehouse, schema.files, feed, { directory, runId: 'run', readers: [] });
  }
  const options: Partial<BuildOptions> = {
    source: { tables: [schema.staged_lines], staged, directory, reload },
    warn: ({ message }) => warnings.push(message),
  };
  return { rejected, opened, warnings, reload, options };
}

let warehouse: Warehouse;
let directory: string;
beforeEach(async () => {
  warehouse = await createWarehouse(schema);
  directory = await tempDir('staging-');
  return () => warehouse[Symbol.asyncDispose]();
});
const rows = () => texts(warehouse, 'SELECT * FROM amounts ORDER BY ALL');

test('a file with impossible values is set aside with its reason, and its partition is built without it', async () => {
  const area = staging(warehouse, directory, {
    a: ['2025-07-01', '1', '2'],
    b: ['2025-07-01', '3', 'NaN'],
    c: ['2025-07-02', '4'],
  });
  await area.reload();
  expect(await build(warehouse, model, area.options)).toMatchObject({ status: 'pass', rows: 3, partitions: 2 });
  expect(await rows()).toEqual([
    ['2025-07-01', 'a', '1'],
    ['2025-07-01', 'a', '2'],
    ['2025-07-02', 'c', '4'],
  ]);
  expect([...area.rejected]).toEqual([['b', 'not_a_number']]);
  expect(area.warnings).toEqual(['rejected b: not_a_number']);
  expect(await build(warehouse, model, area.options)).toMatchObject({ status: 'reused' });
});

test('a partition whose files are all rejected is not built, and an existing one is removed', async () => {
  const good = staging(warehouse, directory, { a: ['2025-07-01', '1'] });
  await good.reload();
  await build(warehouse, model, good.options);
  const bad = staging(warehouse, directory, {
    a2: ['2025-07-01', 'x'],
    b: ['2025-07-02', 'y'],
    c: ['2025-07-03', '5'],
  });
  await bad.reload();
  expect(await build(warehouse, model, bad.options)).toMatchObject({ status: 'pass', rows: 1, partitions: 2 });
  expect(await rows()).toEqual([['2025-07-03', 'c', '5']]);
});

test('nothing is built if a rejection leaves nothing to build', async () => {
  const area = staging(warehouse, directory, { a: ['2025-07-01', 'x'] });
  await area.reload();
  expect(await build(warehouse, model, area.options)).toMatchObject({ status: 'reused', partitions: 0 });
  expect(area.rejected.size).toBe(1);
});

test('only dirty partitions are opened', async () => {
  const first = staging(warehouse, directory, { a: ['2025-07-01', '1'], b: ['2025-07-02', '2'] });
  await first.reload();
  await build(warehouse, model, first.options);
  const second = staging(warehouse, directory, {
    a: ['2025-07-01', '1'],
    b: ['2025-07-02', '2'],
    c: ['2025-07-02', '3'],
  });
  await second.reload();
  await build(warehouse, model, second.options);
  expect([first.opened, second.opened]).toEqual([[['2025-07-01', '2025-07-02']], [['2025-07-02']]]);
  expect(await rows()).toHaveLength(3);
});

test('a rejection outlives a failed build', async () => {
  const area = staging(warehouse, directory, { a: ['2025-07-01', '1'], b: ['2025-07-01', 'x'] });
  await area.reload();
  const failing = { ...model, querySql: `${model.querySql} WHERE error('boom') IS NULL` };
  await expect(build(warehouse, failing, area.options)).rejects.toThrow('boom');
  expect(await texts(warehouse, `SELECT key, status FROM files ORDER BY key`)).toEqual([
    ['a', 'staged'],
    ['b', 'not_a_number'],
  ]);
});

test('a source that ignores a rejection ends the build instead of looping forever', async () => {
  const area = staging(warehouse, directory, { a: ['2025-07-01', '1'], b: ['2025-07-02', 'x'] });
  await area.reload();
  const { source } = area.options;
  const deaf = source && { ...source, staged: { ...source.staged, reject: async () => {} } };
  const options = { ...area.options, ...(deaf && { source: deaf }) };
  await expect(build(warehouse, model, options)).rejects.toThrow('b is still there');
});
