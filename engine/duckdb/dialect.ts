/** The parts of the DuckDB layer that do not load DuckDB: SQL text (definitions, models, tests), limits, file names. */
export { type CompiledModel, type ModelWarning, modelWarnings } from './compiled-model.ts';
export { dirtyRows, ofDirtyRows, type TestSql, tellingColumns, testSql } from './data-tests.ts';
export { createTable, printSchema, schemaStatements, tableStatements } from './ddl.ts';
export { definitionParts } from './explain.ts';
export { compileSql, createCompiler, samePartition } from './kysely.ts';
export { daysOf, isPruned, prunedName, type Source, sourcesOfModel } from './partition-map.ts';
export { dirtyView } from './partitions.ts';
export type { CompiledTest } from './run-test.ts';
export { sourceRelations } from './source.ts';
export { stateDigestSql } from './state.ts';
