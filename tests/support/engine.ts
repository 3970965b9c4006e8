import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Compilable, type OperationNodeSource, sql } from 'kysely';
import type { TestSpec } from '../../engine/config/spec.ts';
import { createVars, type VarValue } from '../../engine/config/vars.ts';
import { type BuildOptions, type BuildOutcome, buildModel } from '../../engine/duckdb/build-model.ts';
import type { CompiledModel } from '../../engine/duckdb/compiled-model.ts';
import { testSql } from '../../engine/duckdb/data-tests.ts';
import { schemaStatements } from '../../engine/duckdb/ddl.ts';
import { compileSql, createCompiler, samePartition, sourcesOf } from '../../engine/duckdb/kysely.ts';
import type { CompiledTest } from '../../engine/duckdb/run-test.ts';
import { sourceRelations } from '../../engine/duckdb/source.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from '../../engine/duckdb/warehouse.ts';
import type { Model, ModelContext } from '../../engine/model.ts';
import { tablesWritten } from '../../engine/project.ts';
import { systemTables } from '../../engine/schema/system.ts';
import type { Schema, Table } from '../../engine/schema/table.ts';
import { cast } from '../../engine/sql.ts';
import { tempDir } from './temp.ts';

export const utc = (text: string): Date => new Date(`${text}Z`);

/** A warehouse file of its own in a temp folder, with every table of the schema. */
export async function createWarehouse(schema: Schema, options: Partial<WarehouseOptions> = {}): Promise<Warehouse> {
  const file = join(await tempDir('warehouse-'), 'warehouse.duckdb');
  const warehouse = await openWarehouse({ file, threads: 1, ...options });
  await warehouse.transaction(async () => {
    for (const statement of schemaStatements(schema)) await warehouse.run(statement);
  });
  return warehouse;
}

/** A model of a test as the engine would compile one of models/. */
export function compileModel(
  { table, definition }: Model,
  schema: Schema,
  values: Readonly<Record<string, VarValue>> = {},
): CompiledModel {
  const db = createCompiler(sourceRelations(schema));
  const plugin = samePartition(table);
  const context = {
    db: plugin ? db.withPlugin(plugin) : db,
    vars: createVars(values),
    asOf: cast('TIMESTAMP', sql`getvariable('as_of')`),
  } as unknown as ModelContext<never>;
  const query = definition.query(context);
  const inputs = definition.inputs(context);
  const rejects = definition.rejects?.(context);
  const published = (definition.published?.(context) ?? []) as readonly (Compilable & OperationNodeSource)[];
  const reads = new Set([query, inputs, ...published, ...(rejects ? [rejects] : [])].flatMap(sourcesOf));
  const readsDirty = schema.dirty_partitions === undefined && reads.delete('dirty_partitions');
  for (const name of systemTables) reads.delete(name);
  const text = {
    inputsSql: compileSql(inputs),
    querySql: compileSql(query),
    rejectsSql: rejects && compileSql(rejects),
    publishedSql: published.map(compileSql),
  };
  return {
    name: table.name,
    table,
    ...text,
    writes: tablesWritten(text.publishedSql, schema),
    readsItself: reads.delete(table.name),
    readsDirty,
    reads: [...reads].sort(),
    definitionDigest: createHash('sha256').update(JSON.stringify(text)).digest('hex'),
  };
}

type Loose<Spec> = Spec extends { severity: unknown }
  ? Omit<Spec, 'severity' | 'tags'> & Partial<Pick<Spec, 'severity'>>
  : never;
export type LooseTestSpec = Loose<Exclude<TestSpec, { type: 'custom' }>>;

/** A data test of the engine, as pipeline.yaml would declare it at the table. */
export function compileTest(table: Table, { severity = 'error', ...spec }: LooseTestSpec): CompiledTest {
  const full = { ...spec, severity, tags: [] } as unknown as Exclude<TestSpec, { type: 'custom' }>;
  const reads = [table.name, ...(spec.type === 'relationships' ? [spec.to.split('.')[0] as string] : [])];
  return {
    name: spec.name ?? `${spec.type}_${table.name}`,
    model: table.name,
    severity,
    place: { file: 'pipeline.yaml', line: 1, column: 1 },
    sql: testSql(full, table),
    reads,
  };
}

export const failuresDir = (warehouse: Warehouse): string => join(dirname(warehouse.file), 'failures');

/** Builds a model once; each call is a run of its own. */
export async function build(
  warehouse: Warehouse,
  model: CompiledModel,
  options: Partial<BuildOptions> = {},
): Promise<BuildOutcome> {
  const { asOf = utc('2025-07-10T09:00') } = options;
  await warehouse.setTime('as_of', asOf);
  return buildModel(warehouse, model, {
    window: undefined,
    runId: 'run',
    asOf,
    tests: [],
    failuresDir: failuresDir(warehouse),
    signal: new AbortController().signal,
    warn: () => {},
    ...options,
  });
}

/** Rows of a query with every value as DuckDB writes it, NULL as null: easy to compare, and the same in any time zone. */
export async function texts(warehouse: Warehouse, query: string): Promise<readonly (readonly (string | null)[])[]> {
  const rows = await warehouse.rows<Record<string, string | null>>(
    `SELECT cast(COLUMNS(*) as VARCHAR) FROM (${query})`,
  );
  return rows.map((row) => Object.values(row));
}
