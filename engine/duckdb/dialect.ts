/** What of DuckDB is known without loading it: its SQL as text (definitions, models, tests), limits, names of files. */
export { type CompiledModel, type ModelWarning, modelWarnings } from './compiled-model.ts';
export { testSql } from './data-tests.ts';
export { createIndexes, createTable, printSchema, schemaStatements, tableStatements } from './ddl.ts';
export { compileSql, createCompiler, sourcesOf } from './kysely.ts';
export { dirtyView } from './partitions.ts';
export type { CompiledTest } from './run-test.ts';
export { samePartition } from './same-partition.ts';
export { sourceRelations } from './source.ts';
export { type TestValue, typeOf } from './test-values.ts';
