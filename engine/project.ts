import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileModel, modelContext, tablesRead } from './compile-model.ts';
import type { Pipeline } from './config/load.ts';
import { createVars, type Vars } from './config/vars.ts';
import {
  type CompiledModel,
  type CompiledTest,
  compileSql,
  type TestValue,
  testSql,
  typeOf,
} from './duckdb/dialect.ts';
import { PipelineError } from './errors.ts';
import type { Extract } from './extract.ts';
import type { ExtractNode, GraphNode, ModelNode, TestNode } from './graph/graph.ts';
import { sourcesOf } from './lineage.ts';
import type { DataTest, Model } from './model.ts';
import { checkNames } from './schema/names.ts';
import type { Schema, SqlType, Table } from './schema/table.ts';
import { boundText, valueText } from './schema/value-text.ts';

/** The modules that pipeline.yaml names, loaded on demand, with models and tests compiled to SQL. */
export interface Project {
  readonly schema: Schema;
  model(node: ModelNode): Promise<CompiledModel>;
  test(node: TestNode): Promise<CompiledTest>;
  extract(node: ExtractNode): Promise<Extract>;
}

async function loadExport<T>(pipeline: Pipeline, use: string, name: string): Promise<T> {
  const exports = await import(pathToFileURL(path.resolve(pipeline.root, use)).href).catch((cause: Error) => {
    throw new PipelineError('MODULE_INVALID', `it cannot be loaded: ${cause.message}`, { file: use, cause });
  });
  if (exports[name] !== undefined) return exports[name];
  const isDefault = name === 'default';
  throw new PipelineError('MODULE_INVALID', `it has no ${isDefault ? 'default export' : `export ${name}`}`, {
    file: use,
    hint: isDefault
      ? 'export default defineModel(…), defineExtract(…) or defineDataTest(…)'
      : `export const ${name} = { … }`,
  });
}

/** Loads the schema definition that pipeline.yaml names. */
export async function loadSchema(pipeline: Pipeline): Promise<Schema> {
  const schema = await loadExport<Schema>(pipeline, pipeline.spec.schema, 'schema');
  checkNames(schema, pipeline.spec.schema);
  return schema;
}

export async function openProject(pipeline: Pipeline, vars: Vars): Promise<Project> {
  const load = <T>(use: string): Promise<T> => loadExport<T>(pipeline, use, 'default');
  const schema = await loadSchema(pipeline);

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
    const reads = tablesRead(model, schema, vars).filter((name) => name !== table.name);
    checkNeeds(node, reads, () => turned(vars).flatMap((other) => tablesRead(model, schema, other)));
    const views = reads.filter((name) => schema[name]?.kind === 'view');
    const tablesBehind = new Map(await Promise.all(views.map(async (view) => [view, await behind(view)] as const)));
    return compileModel(model, { schema, vars, file: node.path, tablesBehind });
  }

  /** Returns the stored tables that a view reads, through other views too. */
  async function behind(view: string): Promise<readonly string[]> {
    const use = pipeline.spec.models[view]?.use;
    if (use === undefined) return [];
    const found: string[] = [];
    for (const name of tablesRead(await load<Model>(use), schema, vars))
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
      const table = schema[model];
      if (table === undefined)
        throw new PipelineError('MODULE_INVALID', `${pipeline.spec.schema} has no table ${model}`, {
          file: pipeline.spec.schema,
        });
      checkTestValues(pipeline, node, table, schema);
      const reads = spec.type === 'relationships' ? [model, spec.to.split('.')[0] as string] : [model];
      return { ...common, sql: testSql(spec, table), reads };
    }
    const test = await load<DataTest>(spec.use);
    const context = modelContext(schema, vars);
    const failures = test.failures(context);
    const measure = test.measure?.(context);
    return {
      ...common,
      sql: { failures: compileSql(failures), ...(measure && { measure: compileSql(measure) }) },
      reads: [...new Set([failures, ...(measure ? [measure] : [])].flatMap(sourcesOf))].sort(),
    };
  }

  return {
    schema,
    model: remember(loadModel),
    test: remember(compileTest),
    extract: (node) => load<Extract>(node.path),
  };
}

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

/**
 * Refuses a test's value that no value of its column could equal, such as `no` for an INTEGER, and a comparison of
 * columns in which one would be rounded or parsed (B31).
 * @throws PipelineError CONFIG_INVALID at the value
 */
function checkTestValues(pipeline: Pipeline, { spec, parent = '' }: TestNode, table: Table, schema: Schema): void {
  const model = parent.replace(/^model\./, '');
  const index = pipeline.spec.models[model]?.tests.indexOf(spec) ?? 0;
  const check = (value: TestValue | undefined, isValue: boolean, ...path: readonly (string | number)[]): void => {
    if (value === undefined || isValue || !('column' in spec)) return;
    const type = typeOf(table, spec.column);
    throw new PipelineError(
      'CONFIG_INVALID',
      `\`${value}\` is not a value of ${model}.${spec.column}, which is ${type}`,
      {
        file: pipeline.file,
        ...pipeline.at(['models', model, 'tests', index, spec.type, ...path]),
        value: String(value),
        hint: `write a value of type ${type}`,
      },
    );
  };
  if (spec.type === 'accepted_values') {
    const type = typeOf(table, spec.column);
    for (const [place, value] of spec.values.entries())
      check(value, valueText(String(value), type) !== undefined, 'values', place);
  }
  if (spec.type === 'relationships') {
    const [other = '', key = ''] = spec.to.split('.');
    const [type, otherType] = [typeOf(table, spec.column), schema[other] && typeOf(schema[other], key)];
    if (otherType !== undefined && !areComparable(type, otherType)) {
      throw new PipelineError('CONFIG_INVALID', `${model}.${spec.column} is ${type} and ${spec.to} is ${otherType}`, {
        file: pipeline.file,
        ...pipeline.at(['models', model, 'tests', index, spec.type, 'to']),
        hint: 'DuckDB would round or parse one of them: compare columns of one type, or write a custom test',
      });
    }
  }
  if (spec.type === 'range') {
    const type = typeOf(table, spec.column);
    for (const which of ['min', 'max'] as const)
      check(spec[which], boundText(String(spec[which]), type, which) !== undefined, which);
  }
}

const families: readonly (readonly SqlType[])[] = [
  ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'],
  ['FLOAT', 'DOUBLE'],
  // A DOUBLE can represent every value of the others.
  ['TINYINT', 'SMALLINT', 'INTEGER', 'DOUBLE'],
  ['DATE', 'TIMESTAMP'],
];

/** True if DuckDB compares values of the two types without converting one. */
const areComparable = (a: SqlType, b: SqlType): boolean =>
  a === b || families.some((family) => family.includes(a) && family.includes(b));
