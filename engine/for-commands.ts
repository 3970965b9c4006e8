/**
 * The engine's API for command modules and the library: what they share with the engine's own commands. The API for
 * extracts, models and tests is index.ts, which loads none of this.
 */

export { runSelection } from './cli/build.ts';
export { createNotes } from './cli/io.ts';
export { openContext } from './cli/open-context.ts';
export type { GlobalOptions } from './cli/options.ts';
export { resolveOutput, writeText } from './cli/output.ts';
export { chooseForm, lineResult, type ResultOptions, resultFormats, takeResult } from './cli/result.ts';
export { type CommandIo, defineCommand } from './command.ts';
export { describeWindow } from './config/window.ts';
export { formatAmount } from './format.ts';
export { openReader } from './open-reader.ts';
export type { ColumnsOf, Reader, ReadQuery, StandIn } from './read.ts';
export { terminalOf } from './report/terminal.ts';
export { sourcesLock } from './target/paths.ts';
