/** The interface of the DuckDB layer. Code that needs only its SQL imports dialect.ts, which does not load DuckDB. */

// Open: a database file or in-memory database, and the target that it belongs to.

export { isAsLeft, noteAsLeft } from './maintain.ts';
export { readOrigin, writeOrigin } from './origin.ts';
export { openWarehouse, type Warehouse, type WarehouseOptions } from './warehouse.ts';

// Schema: the definition of a database, and the statements that change it.

export { alterStatements, type Hints } from './alter.ts';
export { parquetDrift } from './export.ts';
export { hasView, readSchema } from './introspect.ts';

// Load: the tables of an extract.

export type { Reader } from './changes.ts';
export { loadFeed } from './feeds.ts';

// Dirty: what differs from the inputs it was built from.

export { findDirty, partitionsOf } from './partitions.ts';
export { isUpToDate, recordUpToDate } from './up-to-date.ts';

// Publish: the rows of a model with its tests, in one transaction.

export { type BuildOptions, type BuildOutcome, buildModel } from './build-model.ts';
export { checkResult, openEmpty } from './describe.ts';

// Test.

export { lastStatuses, readsClock, recordOutcomes, runTest, stillHolds, type TestOutcome } from './run-test.ts';

// Unit tests of models.

export { runModelCase } from './model-case.ts';

// Export.

export { exportTable, schemaVersion } from './export.ts';

// Publications: files for readers elsewhere, and a warehouse made from them.

export {
  datasetPartitions,
  partitionFile,
  restoreRows,
  takeRecords,
  writeDatabase,
  writeDataset,
  writeParquet,
  writeState,
} from './publication.ts';

// Read.

export { createReader, firstRows } from './reader.ts';

// State: what was published, and what another program changed.

export { adoptRows, describeForeign, markForeign, markUnlessAsLeft } from './foreign.ts';
export {
  alteredPartitions,
  builtAmong,
  builtPartitions,
  type Conclusion,
  forgetInputs,
  isUnbuilt,
  recordConclusion,
  recordedDigest,
} from './state.ts';

// Maintain: copies, checks and the size of a file.

export { backUp, compactWarehouse, databaseSize, duckdbVersion, verifyDatabase } from './maintain.ts';
