import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import type { Vars } from '../config/vars.ts';
import { checkResult } from '../duckdb/describe.ts';
import { readSchema } from '../duckdb/introspect.ts';
import { findDirty } from '../duckdb/partitions.ts';
import { openWarehouse } from '../duckdb/warehouse.ts';
import { PipelineError } from '../errors.ts';
import type { Graph } from '../graph/graph.ts';
import { loadSchema, openProject } from '../project.ts';
import { printSchema, schemaStatements } from '../schema/ddl.ts';
import { diffSchemas } from '../schema/diff.ts';
import { describeDrift } from '../schema/words.ts';

/** schema.sql, beside the module that it is generated from. */
export const schemaFile = (pipeline: Pipeline): string => path.join(path.dirname(pipeline.spec.schema), 'schema.sql');

export async function schemaSql(pipeline: Pipeline): Promise<string> {
  return printSchema(await loadSchema(pipeline), pipeline.spec.schema);
}

/**
 * Every way in which schema.sql, a live database (where there is one) and the results of the models differ from the
 * typed definition, one sentence each.
 */
export async function checkSchema(options: {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly vars: Vars;
  readonly database: string | undefined;
  readonly signal: AbortSignal;
}): Promise<readonly string[]> {
  const { pipeline, graph, vars, database, signal } = options;
  const project = await openProject(pipeline, vars);
  const problems: string[] = [];
  const file = schemaFile(pipeline);
  const committed = await readFile(path.resolve(pipeline.root, file), 'utf8').catch(() => '');
  if (committed !== (await schemaSql(pipeline))) {
    problems.push(`${file} is stale: ${firstDifference(committed, await schemaSql(pipeline))}`);
  }
  if (database !== undefined) {
    await using live = await openWarehouse({ file: database, readOnly: true, signal });
    const changes = diffSchemas(await readSchema(live), project.schema);
    problems.push(...changes.map((change) => `${database}: ${describeDrift(change)}`));
  }
  await using scratch = await openWarehouse({ file: ':memory:', signal });
  for (const statement of schemaStatements(project.schema)) await scratch.run(statement);
  for (const node of graph.nodes) {
    if (node.kind !== 'model') continue;
    const model = await project.model(node);
    try {
      await findDirty(scratch, model, undefined);
      await checkResult(scratch, model.querySql, model.table);
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      problems.push(error.message);
    }
  }
  return problems;
}

function firstDifference(found: string, wanted: string): string {
  const [have, want] = [found.split('\n'), wanted.split('\n')];
  const at = want.findIndex((line, index) => line !== have[index]);
  return `line ${at + 1} is \`${have[at] ?? ''}\`, the definition gives \`${want[at] ?? ''}\``;
}
