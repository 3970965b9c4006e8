/**
 * The engine's API for what a pipeline declares: everything that extracts, models and data tests import from it. It
 * loads no command, report or run; command modules and the library also use for-commands.ts.
 */

import './node-version.ts';

export type { Vars } from './config/vars.ts';
export { csvLine } from './csv-line.ts';
export { writeWhole } from './disk.ts';
export { closest, defineErrors, type ErrorCode, type ErrorDetails, isAbort, PipelineError } from './errors.ts';
export {
  type ArchiveMatch,
  type DamagedFile,
  defineExtract,
  type Extract,
  type ExtractContext,
  type ExtractPlan,
  type Freed,
  type PlanRow,
  type Progress,
  type StagedFiles,
  type StagedSource,
  type TableFeed,
  type Target,
  type Window,
} from './extract.ts';
export { countOf, formatBytes, formatCount, formatUtc } from './format.ts';
export { machineFault } from './machine-fault.ts';
export { dataTestsOf, modelsOf, stateOf } from './model.ts';
export { modelTestsOf } from './model-test.ts';
export { once } from './once.ts';
export { openFileLimit } from './open-files.ts';
export { builtPartitions, partitionText, partitionValues } from './partition-text.ts';
export { defineFiles, type MadeFilesContext } from './publish/made-files.ts';
export { engineTables, partitionState, schemaMigrations, testResults } from './schema/system.ts';
export {
  bigint,
  boolean,
  type DatabaseOf,
  date,
  desc,
  double,
  float,
  integer,
  month,
  type Schema,
  smallint,
  table,
  timestamp,
  tinyint,
  varchar,
} from './schema/table.ts';
export { hideEcho, hideInValue, type SplitUrl, splitUrl, type UrlAccess } from './secrets.ts';
export { formatDay, msOfDay, msOfHour, parseDuration, parseInstant, parseSize } from './units.ts';
export { cast, exactDecimal, exactSum, rowsDigest } from './vocabulary/index.ts';
