import { dirname, join } from 'node:path';
import { compileModel as compile, statementsOf } from '../../engine/compile-model.ts';
import type { TestSpec } from '../../engine/config/spec.ts';
import { createVars, type VarValue } from '../../engine/config/vars.ts';
import { type BuildOptions, type BuildOutcome, buildModel } from '../../engine/duckdb/build-model.ts';
import type { CompiledModel } from '../../engine/duckdb/compiled-model.ts';
import { testSql } from '../../engine/duckdb/data-tests.ts';
import { schemaStatements } from '../../engine/duckdb/ddl.ts';
import type { CompiledTest } from '../../engine/duckdb/run-test.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from '../../engine/duckdb/warehouse.ts';
import type { Model } from '../../engine/model.ts';
import type { Schema, Table } from '../../engine/schema/table.ts';
import { tempDir } from './temp.ts';

export const utc = (text: string): Date => new Date(`${text}Z`);

/** Opens a warehouse in a temp folder, with every table of the schema. */
export async function createWarehouse(schema: Schema, options: Partial<WarehouseOptions> = {}): Promise<Warehouse> {
  const file = join(await tempDir('warehouse-'), 'warehouse.duckdb');
  const warehouse = await openWarehouse({ file, threads: 1, ...options });
  await warehouse.transaction(async () => {
    for (const statement of schemaStatements(schema)) await warehouse.run(statement);
  });
  return warehouse;
}

/** A model of a test, compiled as one of models/. */
export const compileModel = (
  model: Model,
  schema: Schema,
  values: Readonly<Record<string, VarValue>> = {},
): CompiledModel =>
  compile(statementsOf(model, schema, createVars(values)), { file: `${model.table.name}.ts`, tablesBehind: new Map() });

type Loose<Spec> = Spec extends { severity: unknown }
  ? Omit<Spec, 'severity' | 'tags'> & Partial<Pick<Spec, 'severity'>>
  : never;
export type LooseTestSpec = Loose<Exclude<TestSpec, { type: 'custom' }>>;

/** A data test of the engine as pipeline.yaml would declare it for the table. */
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

/** Builds a model once; each call is a separate run. */
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
    readersOf: async () => [],
    failuresDir: failuresDir(warehouse),
    signal: new AbortController().signal,
    warn: () => {},
    ...options,
  });
}

/** The rows of a query as DuckDB prints their values, NULL as null: easy to compare, and the same in any time zone. */
export async function texts(warehouse: Warehouse, query: string): Promise<readonly (readonly (string | null)[])[]> {
  const rows = await warehouse.rows<Record<string, string | null>>(
    `SELECT cast(COLUMNS(*) as VARCHAR) FROM (${query})`,
  );
  return rows.map((row) => Object.values(row));
}
