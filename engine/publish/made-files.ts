import type { Vars } from '../config/vars.ts';
import type { Reader } from '../read.ts';

export interface MadeFilesContext<DB = unknown> {
  readonly reader: Reader<DB>;
  readonly target: string;
  /** True if the target's data is not real. */
  readonly synthetic: boolean;
  readonly vars: Vars;
  /** The clock of the run that is published. */
  readonly asOf: Date;
  readonly signal: AbortSignal;
}

/** The default export of a module that `files:` of a publication names under `made`. */
export interface MadeFiles<DB = unknown> {
  /** Yields the path of each file below the version, with `/`, and its text. */
  files(context: MadeFilesContext<DB>): AsyncIterable<readonly [path: string, text: string]>;
}

// biome-ignore lint/suspicious/noExplicitAny: the engine does not know the tables of the project
export const defineFiles = <DB>(made: MadeFiles<DB>): MadeFiles<any> => Object.freeze(made);
