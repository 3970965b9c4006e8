import type { OperationNodeSource } from 'kysely';
import { compileModel, modelContext, statementsOf } from './compile-model.ts';
import type { Pipeline } from './config/load.ts';
import { tableOf } from './config/references.ts';
import { createVars, type Vars } from './config/vars.ts';
import {
  type CompiledModel,
  type CompiledTest,
  compileSql,
  dirtyRows,
  ofDirtyRows,
  type TestSql,
  tellingColumns,
  testSql,
} from './duckdb/dialect.ts';
import { closest, PipelineError } from './errors.ts';
import type { Extract } from './extract.ts';
import type { ExtractNode, GraphNode, ModelNode, SeedNode, TestNode } from './graph/graph.ts';
import { groupsBy, readInstead, sourcesOf } from './lineage.ts';
import type { DataTest, Model } from './model.ts';
import { loadChecked, loadExport } from './modules.ts';
import type { Schema, Table } from './schema/table.ts';
import { readSeed, type Seed } from './seed.ts';

/** The modules and seeds of a checked pipeline.yaml, loaded on demand, with models and tests compiled to SQL. */
export interface Project {
  readonly schema: Schema;
  model(node: ModelNode): Promise<CompiledModel>;
  test(node: TestNode): Promise<CompiledTest>;
  extract(node: ExtractNode): Promise<Extract>;
  seed(node: SeedNode): Promise<Seed>;
}

export async function openProject(pipeline: Pipeline, vars: Vars): Promise<Project> {
  const load = <T>(use: string): Promise<T> => loadExport<T>(pipeline, use);
  const { schema, conditionReads } = await loadChecked(pipeline);

  async function loadModel(node: ModelNode): Promise<CompiledModel> {
    const model = await load<Model>(node.path);
    const { table } = model;
    if (table.name !== node.name) {
      throw new PipelineError(
        'MODULE_INVALID',
        `pipeline.yaml calls the model ${node.name}, the module builds ${table.name}`,
        {
          file: node.path,
          hint: 'give both the same name',
        },
      );
    }
    const statements = statementsOf(model, schema, vars);
    const reads = statements.tables.filter((name) => name !== table.name);
    checkNeeds(node, reads, () => turned(vars).flatMap((other) => statementsOf(model, schema, other).tables));
    const views = reads.filter((name) => schema[name]?.kind === 'view');
    const tablesBehind = new Map(await Promise.all(views.map(async (view) => [view, await behind(view)] as const)));
    return compileModel(statements, { file: node.path, tablesBehind });
  }

  /** Returns the stored tables that a view reads, through other views too. */
  async function behind(view: string): Promise<readonly string[]> {
    const use = pipeline.spec.models[view]?.use;
    if (use === undefined) return [];
    const found: string[] = [];
    for (const name of statementsOf(await load<Model>(use), schema, vars).tables)
      found.push(...(schema[name]?.kind === 'view' && name !== view ? await behind(name) : [name]));
    return [...new Set(found)];
  }

  /** `readOtherwise` returns what the model reads if a boolean var is inverted; needing that is also allowed. */
  function checkNeeds(node: ModelNode, reads: readonly string[], readOtherwise: () => readonly string[]): void {
    const { needs } = node.spec;
    const undeclared = reads.filter((table) => !needs.includes(table));
    const notRead = needs.filter((name) => !reads.includes(name));
    if (undeclared.length === 0 && notRead.length === 0) return;
    const otherwise = new Set(readOtherwise());
    const unread = notRead.filter((name) => !otherwise.has(name));
    if (undeclared.length === 0 && unread.length === 0) return;
    const position = pipeline.at(['models', node.name, 'needs']);
    const said = [
      ...(undeclared.length > 0 ? [`reads ${undeclared.join(', ')}, which its needs do not declare`] : []),
      ...(unread.length > 0 ? [`declares ${unread.join(', ')} in needs, but does not read it`] : []),
    ];
    throw new PipelineError('NEEDS_MISMATCH', `${node.id} ${said.join('; ')}`, {
      file: pipeline.file,
      ...position,
      hint: `write needs: [${[...reads, ...notRead.filter((name) => otherwise.has(name))].join(', ')}], or change ${node.path}`,
    });
  }

  async function compileTest(node: TestNode): Promise<CompiledTest> {
    const { spec } = node;
    const model = (node.parent as string).replace(/^model\./, '');
    const common = {
      name: node.name,
      model,
      severity: spec.severity,
      place: { file: pipeline.file, ...node.position },
    };
    if (spec.type !== 'custom') {
      const table = schema[model] as Table;
      const others = [
        ...(spec.type === 'relationships' ? [tableOf(spec.to)] : []),
        ...(conditionReads.get(spec) ?? []),
      ];
      const reads = [...new Set([model, ...others])];
      return { ...common, sql: testSql(spec, table), telling: tellingColumns(spec, table), reads };
    }
    const test = await load<DataTest>(spec.use);
    const context = modelContext(schema, vars);
    const failures = test.failures(context);
    const measure = test.measure?.(context);
    return {
      ...common,
      sql: {
        failures: compileSql(failures),
        ...dirtyFailures(test, failures, schema[model] as Table),
        ...(measure && { measure: compileSql(measure) }),
      },
      reads: [...new Set([failures, ...(measure ? [measure] : [])].flatMap(sourcesOf))].sort(),
    };
  }

  /** The failures of a custom test among the partitions that a build replaces, if no others can fail. */
  function dirtyFailures(test: DataTest, failures: OperationNodeSource, table: Table): Pick<TestSql, 'dirtyFailures'> {
    const columns = (table.partition ?? []).filter((part) => typeof part === 'string');
    const isOfPartition = columns.length > 0 && columns.length === table.partition?.length;
    if (!isOfPartition || !groupsBy(failures, table.name, columns)) return {};
    const context = modelContext(schema, vars);
    const db = context.db.withPlugin(readInstead(() => dirtyRows));
    return { dirtyFailures: ofDirtyRows(compileSql(test.failures({ ...context, db })), table) };
  }

  async function openSeed({ id, name, path: file, position }: SeedNode): Promise<Seed> {
    const table = schema[name];
    const refuse = (message: string, hint: string) =>
      new PipelineError('MODULE_INVALID', message, { file: pipeline.file, ...position, hint });
    const place = pipeline.spec.schema;
    if (table === undefined) throw refuse(`${id} has no table \`${name}\` in ${place}`, seedTableHint(name, schema));
    if ((table.kind ?? 'table') !== 'table' || (table.partition ?? []).length > 0)
      throw refuse(
        `the table of ${id} must be stored and have no partitions`,
        `remove kind and partition of ${name} in ${place}`,
      );
    return readSeed(pipeline.root, file, table);
  }

  return {
    schema,
    model: remember(loadModel),
    test: remember(compileTest),
    extract: (node) => load<Extract>(node.path),
    seed: remember(openSeed),
  };
}

const seedTableHint = (name: string, schema: Schema): string =>
  closest(name, Object.keys(schema)) ?? `define it there: ${name}: table('${name}', { … })`;

/** Returns, for each boolean var, a copy of the vars with that one inverted. */
const turned = (vars: Vars): readonly Vars[] =>
  Object.entries(vars.values)
    .filter(([, value]) => typeof value === 'boolean')
    .map(([name, value]) => createVars({ ...vars.values, [name]: !value }));

function remember<Node extends GraphNode, T>(make: (node: Node) => Promise<T>): (node: Node) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (node) => {
    const known = made.get(node.id) ?? make(node);
    made.set(node.id, known);
    return known;
  };
}
