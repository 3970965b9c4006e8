import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format } from 'sql-formatter';
import type { Pipeline } from '../config/load.ts';
import type { Vars } from '../config/vars.ts';
import { fileNameOf } from '../disk.ts';
import type { Graph } from '../graph/graph.ts';
import { openProject } from '../project.ts';
import type { TargetPaths } from '../target/paths.ts';
import { writeGraph } from './artifacts.ts';

/** Formats a statement, or returns it as it is if the formatter does not know its syntax, such as the operator `@>`. */
function pretty(sql: string): string {
  try {
    return format(sql, { language: 'duckdb', keywordCase: 'upper' });
  } catch {
    return sql;
  }
}

/** Writes the SQL of the selected models and tests to artifacts/compiled, as the engine runs it; returns the paths. */
export async function compileModels(options: {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly selected: ReadonlySet<string>;
  readonly vars: Vars;
  readonly paths: TargetPaths;
}): Promise<readonly string[]> {
  const { pipeline, graph, selected, vars, paths } = options;
  const project = await openProject(pipeline, vars);
  const directory = path.join(paths.artifacts, 'compiled');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const files: string[] = [];
  const write = async (name: string, ...statements: readonly string[]) => {
    const file = path.join(directory, `${name}.sql`);
    await writeFile(file, statements.map((statement) => `${pretty(statement)};\n`).join('\n'));
    files.push(file);
  };
  for (const node of graph.nodes.filter(({ id }) => selected.has(id))) {
    if (node.kind === 'model') {
      const model = await project.model(node);
      await write(node.name, model.querySql, ...model.publishedSql);
      if (model.inputsSql !== undefined) await write(`${node.name}.inputs`, model.inputsSql);
    }
    if (node.kind === 'test') await write(`test.${fileNameOf(node.name)}`, (await project.test(node)).sql.failures);
  }
  await writeGraph(paths.artifacts, { metadata: { project: pipeline.spec.name }, project, graph });
  return files;
}
