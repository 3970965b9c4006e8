/**
 * The engine's face for what a pipeline declares: all that extracts, models and data tests import of it. It loads no
 * command, report or run; modules of commands and the library have for-commands.ts as well.
 */
export { closest } from './closest.ts';
export { parseDuration } from './config/duration.ts';
export { formatDay, parseInstant } from './config/instant.ts';
export type { Vars } from './config/vars.ts';
export { csvLine } from './csv-line.ts';
export { writeWhole } from './disk.ts';
export { diskError } from './disk-error.ts';
export { defineErrors, type ErrorCode, type ErrorDetails, isAbort, PipelineError } from './errors.ts';
export { exactDecimal, exactSum } from './exact-sum.ts';
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
  type Window,
} from './extract.ts';
export { countOf, formatBytes, formatCount, formatUtc } from './format.ts';
export { dataTestsOf, modelsOf, rowsDigest, stateOf } from './model.ts';
export { once } from './once.ts';
export { builtPartitions, partitionText, partitionValues } from './partition-text.ts';
export { openFileLimit } from './run/open-files.ts';
export {
  bigint,
  boolean,
  date,
  double,
  float,
  integer,
  smallint,
  timestamp,
  tinyint,
  varchar,
} from './schema/column.ts';
export { partitionState, schemaMigrations, testResults } from './schema/system.ts';
export { type DatabaseOf, desc, month, type Schema, table } from './schema/table.ts';
export { hideEcho, hideInValue, type SplitUrl, splitUrl, type UrlAccess } from './secrets.ts';
export { cast } from './sql.ts';
export { msOfDay, msOfHour, parseSize } from './units.ts';
