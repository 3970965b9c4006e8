import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { Vars } from '../config/vars.ts';
import { printSchema } from '../duckdb/dialect.ts';
import { openWarehouse, readSchema } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { migrationsFolder, readMigrations } from '../migrations/folder.ts';
import { schemaAfter } from '../migrations/states.ts';
import { loadSchema } from '../modules.ts';
import {
  type CompareOptions,
  type Comparison,
  compareDatabase,
  compareExports,
  compareGraph,
  compareModels,
  differencesOf,
} from './compare.ts';
import type { Schema } from './table.ts';
import { printTablesPage } from './tables-page.ts';

/** `schema diff`: compares schema.sql, the migrations and a database with the definition. */
export async function compareSchema(options: CompareOptions): Promise<readonly Comparison[]> {
  const { pipeline, signal } = options;
  const schema = await loadSchema(pipeline);
  return [
    await compareSchemaSql(pipeline, schema, signal),
    ...(await compareMigrations(pipeline, schema, signal)),
    ...(await compareDatabase(options, schema)),
  ];
}

/** `schema check`: compares the same, and all other files derived from the definition. */
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
      ? [...(await compareExports(options, schema)), ...(await compareGraph(paths, schema))]
      : []),
    await compareModels(options, schema),
  ];
}

/** Compares schema.sql as a database reads it, so that an edited line is reported by its column. */
async function compareSchemaSql(pipeline: Pipeline, schema: Schema, signal: AbortSignal): Promise<Comparison> {
  const file = schemaFile(pipeline);
  const sql = await readFile(path.join(pipeline.root, file), 'utf8').catch(() => '');
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  try {
    await scratch.run(sql);
    return { subject: file, differences: differencesOf(await readSchema(scratch), schema) };
  } catch (error) {
    return { subject: file, differences: [`it fails: ${(error as Error).message}`] };
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
    const built = await schemaAfter(migrations, signal);
    return [{ subject: `${migrationsFolder}/`, differences: differencesOf(built, schema) }];
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    return [{ subject: `${migrationsFolder}/`, differences: [error.message] }];
  }
}

/** A committed file whose exact text derives from the definition. */
export interface DerivedFile {
  /** Relative to the project. */
  readonly file: string;
  readonly text: string;
}

/** schema.sql, next to the module that it is generated from. */
export const schemaFile = (pipeline: Pipeline): string => path.join(path.dirname(pipeline.spec.schema), 'schema.sql');

export function derivedFiles(pipeline: Pipeline, schema: Schema): readonly DerivedFile[] {
  const source = pipeline.spec.schema;
  return [
    { file: schemaFile(pipeline), text: printSchema(schema, source) },
    { file: path.join('docs', 'tables.md'), text: printTablesPage(schema, source) },
  ];
}

/** Writes the outdated files and returns their names. */
export async function writeDerived(root: string, files: readonly DerivedFile[]): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { file, text } of files) {
    if ((await readCommitted(root, file)) === text) continue;
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
    written.push(file);
  }
  return written;
}

/** Returns where a committed file first differs from the definition's text; undefined if they are equal. */
export async function staleness(root: string, { file, text }: DerivedFile): Promise<string | undefined> {
  const committed = await readCommitted(root, file);
  if (committed === text) return undefined;
  if (committed === undefined) return 'it is missing';
  const [have, want] = [committed.split('\n'), text.split('\n')];
  const at = [...have, ...want].findIndex((_, line) => have[line] !== want[line]);
  return `it is outdated: line ${at + 1} is \`${have[at] ?? ''}\`, but the definition gives \`${want[at] ?? ''}\``;
}

const readCommitted = (root: string, file: string): Promise<string | undefined> =>
  readFile(path.join(root, file), 'utf8').catch(() => undefined);
