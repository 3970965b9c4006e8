/** The engine's public face: all that extract, models, queries and tests/data import of it. */
export { openContext } from './cli/context.ts';
export { createNotes } from './cli/notes.ts';
export type { GlobalOptions } from './cli/options.ts';
export { resolveOutput, writeText } from './cli/output.ts';
export { chooseForm, lineResult, type ResultOptions, resultFormats, takeResult } from './cli/result.ts';
export { type RunSelectionOptions, runSelection } from './cli/run-selection.ts';
export { closest } from './closest.ts';
export { type CommandIo, type CommandModule, defineCommand } from './command.ts';
export { parseDuration } from './config/duration.ts';
export { formatDay, parseInstant } from './config/instant.ts';
export { describeWindow } from './config/resolve-window.ts';
export type { Vars, VarValue } from './config/vars.ts';
export { diskError } from './disk-error.ts';
export { type ErrorCode, type ErrorDetails, formatError, isAbort, PipelineError } from './errors.ts';
export { exactDecimal, exactSum } from './exact-sum.ts';
export {
  type ArchiveMatch,
  type DamagedFile,
  defineExtract,
  type Extract,
  type ExtractContext,
  type ExtractPlan,
  type ExtractResult,
  type Freed,
  type PlanRow,
  type Progress,
  type Rejected,
  type Staged,
  type StagedFiles,
  type StagedSource,
  type TableFeed,
  type Target,
  type Window,
} from './extract.ts';
export { dataTestsOf, modelsOf, rowsDigest, stateOf } from './model.ts';
export { openReader } from './open-reader.ts';
export { partitionText, partitionTextOf, partitionValueOf, partitionValues } from './partition-text.ts';
export type { ColumnsOf, Reader, ReadQuery, StandIn } from './read.ts';
export { countOf, formatAmount, formatBytes, formatCount, formatDuration, formatUtc } from './report/format.ts';
export { terminalOf } from './report/terminal.ts';
export { sourcesLock } from './run/paths.ts';
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
export { type DatabaseOf, desc, month, type RowOf, type Schema, table } from './schema/table.ts';
export { hideEcho, hideInValue, type SplitUrl, splitUrl, type UrlAccess } from './secrets.ts';
export { cast } from './sql.ts';
