/** The SQL of DuckDB as text: definitions, models and tests. It does not load DuckDB. */
export type { CompiledModel } from './compiled-model.ts';
export { testSql } from './data-tests.ts';
export { createIndexes, createTable, printSchema, schemaStatements, tableStatements } from './ddl.ts';
export { compileSql, createCompiler, sourcesOf } from './kysely.ts';
export { dirtyView } from './partitions.ts';
export type { CompiledTest } from './run-test.ts';
export { samePartition } from './same-partition.ts';
export { sourceRelations } from './source.ts';
export { type TestValue, typeOf } from './test-values.ts';
