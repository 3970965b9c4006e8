import { existsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import { openWarehouse, parquetDrift, readSchema } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { queriesWaitMs } from '../limits.ts';
import { readMigrations } from '../migrations/files.ts';
import { readStanding } from '../migrations/standing.ts';
import { diffSchemas } from '../schema/diff.ts';
import { schemaMigrations } from '../schema/system.ts';
import type { Schema, Table } from '../schema/table.ts';
import { storedTables } from '../schema/table.ts';
import { describeDrift, isStructural } from '../schema/words.ts';
import { refuseLost } from '../target/lost.ts';
import { type CompareOptions, type Comparison, differencesOf } from './comparison.ts';

/** The target's warehouse, where it has one, or any file in its place. One that is lost is a difference: the exports can be looked at. */
export async function compareDatabase(options: CompareOptions, schema: Schema): Promise<readonly Comparison[]> {
  try {
    return await compareFile(options, schema);
  } catch (error) {
    if (!(error instanceof PipelineError && error.code === 'WAREHOUSE_LOST')) throw error;
    const { file = options.paths.warehouse, hint } = error.details;
    return [{ subject: file, differences: [`${error.message}; ${hint}`] }];
  }
}

async function compareFile(
  { pipeline, paths, database, signal }: CompareOptions,
  schema: Schema,
): Promise<readonly Comparison[]> {
  const file = database ?? paths.warehouse;
  if (database === undefined) refuseLost(file);
  if (!existsSync(file)) {
    if (database === undefined) return [];
    throw new PipelineError('WAREHOUSE_MISSING', `there is no file ${file}`, {
      file,
      hint: 'name a DuckDB or Parquet file',
    });
  }
  if (database !== undefined && !statSync(file).isFile()) throw notDatabase(file);
  if (await isParquet(file)) return [await compareParquet(file, tableOfFile(file, pipeline, schema), signal)];
  await using live = await openWarehouse({ file, readOnly: true, waitMs: queriesWaitMs, signal }).catch(
    (error: unknown) => {
      const isOther =
        error instanceof PipelineError && ['WAREHOUSE_UNREADABLE', 'WAREHOUSE_MISSING'].includes(error.code);
      throw database !== undefined && isOther ? notDatabase(file, error) : error;
    },
  );
  const found = await readSchema(live);
  // A file without a record is no warehouse of ours: it is held to the tables that it has, and to no comments.
  if (database !== undefined && found[schemaMigrations.name] === undefined) {
    const has = storedTables(schema).some(({ name }) => found[name] !== undefined);
    const changes = diffSchemas(found, schema).filter(
      (change) => isStructural(change) && change.kind !== 'table added',
    );
    const nothing = `it has none of the tables ${storedTables(schema)
      .map(({ name }) => name)
      .join(', ')}`;
    return [{ subject: file, differences: [...(has ? [] : [nothing]), ...changes.map(describeDrift)] }];
  }
  const migrations = await readMigrations(pipeline.root).catch((error: Error) => error);
  const standing =
    migrations instanceof Error ? migrations : await readStanding(live, migrations).catch((error: Error) => error);
  if (standing instanceof Error)
    return [{ subject: file, differences: [standing.message, ...differencesOf(found, schema)] }];
  const pending = standing.kind === 'recorded' ? standing.pending.map(({ name }) => name) : [];
  const isOlder = pending.length > 0 || standing.kind === 'unrecorded';
  return [
    {
      subject: file,
      differences: [...pending.map((name) => `it has not been through ${name}`), ...differencesOf(found, schema)],
      isOutdated: database === undefined && isOlder,
    },
  ];
}

const notDatabase = (file: string, cause?: unknown) =>
  new PipelineError('WAREHOUSE_UNREADABLE', 'it is neither a DuckDB database nor a Parquet file', {
    file,
    key: '--database',
    hint: "name a DuckDB or Parquet file, or leave --database out for the target's warehouse",
    cause,
  });

async function isParquet(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.toString('latin1') === 'PAR1';
}

/** An export is called after its node, or else after its table. */
function tableOfFile(file: string, { spec }: Pipeline, schema: Schema): Table {
  const name = path.basename(file, '.parquet');
  const table = schema[spec.exports[name]?.model ?? name];
  if (table !== undefined) return table;
  throw new PipelineError('USAGE', `${file} is called after no export and no table`, {
    hint: `exports: ${Object.keys(spec.exports).join(', ')}`,
  });
}

async function compareParquet(file: string, table: Table, signal: AbortSignal): Promise<Comparison> {
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  return { subject: file, differences: (await parquetDrift(scratch, file, table)).map(describeDrift) };
}

/** What a run has published. */
export async function compareExports(
  { pipeline, paths, signal }: CompareOptions,
  schema: Schema,
): Promise<readonly Comparison[]> {
  const files = Object.keys(pipeline.spec.exports)
    .map((name) => path.join(paths.exports, `${name}.parquet`))
    .filter((file) => existsSync(file));
  return Promise.all(files.map((file) => compareParquet(file, tableOfFile(file, pipeline, schema), signal)));
}
