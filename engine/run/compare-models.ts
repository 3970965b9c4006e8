import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Vars } from '../config/vars.ts';
import { checkResult } from '../duckdb/describe.ts';
import { findDirty } from '../duckdb/partitions.ts';
import { readFrom } from '../duckdb/source-files.ts';
import { openWarehouse } from '../duckdb/warehouse.ts';
import type { Graph } from '../graph/graph.ts';
import { openProject } from '../project.ts';
import { schemaStatements } from '../schema/ddl.ts';
import type { Schema } from '../schema/table.ts';
import type { CompareOptions, Comparison } from './comparison.ts';
import type { TargetPaths } from './paths.ts';

/** The column lists of artifacts/manifest.json, where a run has written one. */
export async function compareManifest(paths: TargetPaths, schema: Schema): Promise<readonly Comparison[]> {
  const file = path.join(paths.artifacts, 'manifest.json');
  if (!existsSync(file)) return [];
  const { nodes } = JSON.parse(await readFile(file, 'utf8')) as {
    nodes: Readonly<Record<string, { name: string; columns?: Record<string, unknown> }>>;
  };
  const stale = Object.values(nodes).flatMap(({ name, columns }) => {
    const wanted = schema[name]?.columns;
    if (columns === undefined || wanted === undefined) return [];
    const names = [...new Set([...Object.keys(columns), ...Object.keys(wanted)])];
    const first = names.find((column) => !isDeepStrictEqual(columns[column], wanted[column] && { ...wanted[column] }));
    return first === undefined ? [] : [`${name}.${first} is stale; write it anew with pnpm pipeline compile`];
  });
  return [{ subject: file, differences: stale }];
}

/** The order and SQL types of what the models return; their names, TypeScript types and NULLs the compiler checks. */
export async function compareModels(
  options: Pick<CompareOptions, 'pipeline' | 'signal'> & { readonly graph: Graph; readonly vars: Vars },
  schema: Schema,
): Promise<Comparison> {
  const { pipeline, graph, vars, signal } = options;
  const project = await openProject(pipeline, vars);
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  for (const statement of schemaStatements(schema)) await scratch.run(statement);
  await using directory = await temporaryDirectory();
  const sources = Object.values(schema).filter(({ kind }) => kind === 'source');
  for (const table of sources) await readFrom(scratch, table, {}, directory.path);
  const found: string[] = [];
  for (const node of graph.nodes) {
    if (node.kind !== 'model') continue;
    const model = await project.model(node);
    try {
      await findDirty(scratch, model, undefined);
      await checkResult(scratch, model.querySql, model.table);
    } catch (error) {
      found.push(`${node.path}: ${(error as Error).message}`);
    }
  }
  return { subject: 'models', differences: found };
}

/** DuckDB looks at the files of a source before it says what a query returns. */
async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'schema-check-'));
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
