import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Vars } from '../config/vars.ts';
import { checkModel, openEmpty } from '../duckdb/index.ts';
import type { Graph } from '../graph/graph.ts';
import { openProject } from '../project.ts';
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
  await using directory = await temporaryDirectory();
  await using scratch = await openEmpty(schema, directory.path, signal);
  const found: string[] = [];
  for (const node of graph.nodes) {
    if (node.kind !== 'model') continue;
    const model = await project.model(node);
    try {
      await checkModel(scratch, model);
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
