import { existsSync, statSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Pipeline } from '../config/load.ts';
import type { Vars } from '../config/vars.ts';
import { checkResult, findDirty, openEmpty, openWarehouse, parquetDrift, readSchema } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { readMigrations } from '../migrations/folder.ts';
import { readStanding } from '../migrations/states.ts';
import { openProject } from '../project.ts';
import { refuseLost } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';
import { diffSchemas } from './diff.ts';
import { schemaMigrations } from './system.ts';
import { type Schema, storedTables, type Table } from './table.ts';
import { describeDrift, isStructural } from './words.ts';

/** Something that must agree with the definition, and how it differs. */
export interface Comparison {
  readonly subject: string;
  readonly differences: readonly string[];
  /** True for the target's warehouse if migrations are pending. */
  readonly isOutdated?: boolean;
}

export interface CompareOptions {
  readonly pipeline: Pipeline;
  readonly paths: TargetPaths;
  /** Any DuckDB or Parquet file, instead of the target's warehouse. */
  readonly database: string | undefined;
  readonly signal: AbortSignal;
}

export const differencesOf = (found: Schema, schema: Schema): readonly string[] =>
  diffSchemas(found, schema).map(describeDrift);

/** Compares the target's warehouse, if any, or the given file. A lost one is a difference; exports stay readable. */
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
      hint: 'use a DuckDB or Parquet file',
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
  // A file without a record is not one of our warehouses: only its existing tables are compared, without comments.
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
      differences: [...pending.map((name) => `${name} has not been applied`), ...differencesOf(found, schema)],
      isOutdated: database === undefined && isOlder,
    },
  ];
}

const notDatabase = (file: string, cause?: unknown) =>
  new PipelineError('WAREHOUSE_UNREADABLE', 'it is neither a DuckDB database nor a Parquet file', {
    file,
    key: '--database',
    hint: "use a DuckDB or Parquet file, or leave out --database for the target's warehouse",
    cause,
  });

async function isParquet(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.toString('latin1') === 'PAR1';
}

/** Returns the table of an export file, which has the name of its node or its table. */
function tableOfFile(file: string, { spec }: Pipeline, schema: Schema): Table {
  const name = path.basename(file, '.parquet');
  const table = schema[spec.exports[name]?.model ?? name];
  if (table !== undefined) return table;
  throw new PipelineError('USAGE', `${file} does not have the name of an export or a table`, {
    hint: `exports: ${Object.keys(spec.exports).join(', ')}`,
  });
}

async function compareParquet(file: string, table: Table, signal: AbortSignal): Promise<Comparison> {
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  return { subject: file, differences: (await parquetDrift(scratch, file, table)).map(describeDrift) };
}

/** Compares the exports that a run has published. */
export async function compareExports(
  { pipeline, paths, signal }: CompareOptions,
  schema: Schema,
): Promise<readonly Comparison[]> {
  const files = Object.keys(pipeline.spec.exports)
    .map((name) => path.join(paths.exports, `${name}.parquet`))
    .filter((file) => existsSync(file));
  return Promise.all(files.map((file) => compareParquet(file, tableOfFile(file, pipeline, schema), signal)));
}

/** Compares the column lists of artifacts/graph.json, if a run has written it. */
export async function compareGraph(paths: TargetPaths, schema: Schema): Promise<readonly Comparison[]> {
  const file = path.join(paths.artifacts, 'graph.json');
  if (!existsSync(file)) return [];
  const { nodes } = JSON.parse(await readFile(file, 'utf8')) as {
    nodes: Readonly<Record<string, { name: string; columns?: Record<string, unknown> }>>;
  };
  const stale = Object.values(nodes).flatMap(({ name, columns }) => {
    const wanted = schema[name]?.columns;
    if (columns === undefined || wanted === undefined) return [];
    const names = [...new Set([...Object.keys(columns), ...Object.keys(wanted)])];
    const first = names.find((column) => !isDeepStrictEqual(columns[column], wanted[column] && { ...wanted[column] }));
    return first === undefined ? [] : [`${name}.${first} is outdated; write it again with pnpm pipeline compile`];
  });
  return [{ subject: file, differences: stale }];
}

/** Compares the order and SQL types of the models' columns; the compiler checks names, TypeScript types and NULLs. */
export async function compareModels(
  options: Pick<CompareOptions, 'pipeline' | 'signal'> & { readonly graph: Graph; readonly vars: Vars },
  schema: Schema,
): Promise<Comparison> {
  const { pipeline, graph, vars, signal } = options;
  const project = await openProject(pipeline, vars);
  await using directory = await temporaryDirectory();
  await using scratch = await openEmpty(schema, directory.path, signal);
  const found: string[] = [];
  for (const node of graph.nodes) {
    if (node.kind !== 'model') continue;
    const model = await project.model(node);
    try {
      if (model.readsDirty) await findDirty(scratch, model, undefined); // creates the view that it joins
      await checkResult(scratch, model.querySql, model.table);
    } catch (error) {
      found.push(`${node.path}: ${(error as Error).message}`);
    }
  }
  return { subject: 'models', differences: found };
}

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'schema-check-'));
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
