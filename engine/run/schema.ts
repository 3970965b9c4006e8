import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { Vars } from '../config/vars.ts';
import { openWarehouse, readSchema } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { migrationsFolder, readMigrations } from '../migrations/files.ts';
import { replayMigrations } from '../migrations/replay.ts';
import { loadSchema } from '../project.ts';
import type { Schema } from '../schema/table.ts';
import { compareDatabase, compareExports } from './compare-database.ts';
import { compareManifest, compareModels } from './compare-models.ts';
import { type CompareOptions, type Comparison, differencesOf } from './comparison.ts';
import { derivedFiles, schemaFile, staleness } from './derived.ts';

/** `schema diff`: the definition against schema.sql, the migrations and a database. */
export async function compareSchema(options: CompareOptions): Promise<readonly Comparison[]> {
  const { pipeline, signal } = options;
  const schema = await loadSchema(pipeline);
  return [
    await compareSchemaSql(pipeline, schema, signal),
    ...(await compareMigrations(pipeline, schema, signal)),
    ...(await compareDatabase(options, schema)),
  ];
}

/** `schema check`: that, and all else that derives from the definition. */
export async function checkSchema(
  options: CompareOptions & { readonly graph: Graph; readonly vars: Vars },
): Promise<readonly Comparison[]> {
  const { pipeline, paths } = options;
  const schema = await loadSchema(pipeline);
  const derived = derivedFiles(pipeline, schema).map(async (file): Promise<Comparison> => {
    const stale = await staleness(pipeline.root, file);
    return { subject: file.file, differences: stale === undefined ? [] : [stale] };
  });
  return [
    ...(await Promise.all(derived)),
    ...(await compareSchema(options)),
    ...(options.database === undefined
      ? [...(await compareExports(options, schema)), ...(await compareManifest(paths, schema))]
      : []),
    await compareModels(options, schema),
  ];
}

/** schema.sql as a database would read it, so that an edited line is told by the column it is about. */
async function compareSchemaSql(pipeline: Pipeline, schema: Schema, signal: AbortSignal): Promise<Comparison> {
  const file = schemaFile(pipeline);
  const sql = await readFile(path.join(pipeline.root, file), 'utf8').catch(() => '');
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  try {
    await scratch.run(sql);
    return { subject: file, differences: differencesOf(await readSchema(scratch), schema) };
  } catch (error) {
    return { subject: file, differences: [`it does not run: ${(error as Error).message}`] };
  }
}

async function compareMigrations(
  pipeline: Pipeline,
  schema: Schema,
  signal: AbortSignal,
): Promise<readonly Comparison[]> {
  try {
    const migrations = await readMigrations(pipeline.root);
    if (migrations.length === 0) return [];
    const built = (await replayMigrations(migrations, signal)).at(-1) ?? {};
    return [{ subject: `${migrationsFolder}/`, differences: differencesOf(built, schema) }];
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    return [{ subject: `${migrationsFolder}/`, differences: [error.message] }];
  }
}
