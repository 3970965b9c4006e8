/** What of DuckDB is known without loading it: its SQL as text (definitions, models, tests), limits, names of files. */
export { type CompiledModel, type ModelWarning, modelWarnings } from './compiled-model.ts';
export { type TestValue, testSql, typeOf } from './data-tests.ts';
export { createIndexes, createTable, printSchema, schemaStatements, tableStatements } from './ddl.ts';
export { compileSql, createCompiler, samePartition, sourcesOf } from './kysely.ts';
export { dirtyView } from './partitions.ts';
export type { CompiledTest } from './run-test.ts';
export { sourceRelations } from './source.ts';
