import type { Command } from 'commander';
import type { GlobalOptions } from './cli/options.ts';

/** The only parts of the process that a command may touch. */
export interface CommandIo {
  /** Carries the result. */
  readonly stdout: NodeJS.WritableStream;
  /** Carries progress and log. */
  readonly stderr: NodeJS.WritableStream | NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Paths given by the user are relative to it. */
  readonly cwd: string;
  readonly now: () => Date;
  /** Monotonic clock for durations, in ms from an arbitrary start. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The default export of a module under `commands:` in pipeline.yaml: it adds its arguments, subcommands and actions. */
export interface CommandModule {
  define(command: Command, io: CommandIo): void;
  /** Completion values by the name of an argument (`region`) or an option (`--regions`); empty if none are known. */
  completions?(io: CommandIo, options: GlobalOptions): Promise<Readonly<Record<string, readonly string[]>>>;
}

export const defineCommand = (module: CommandModule): CommandModule => Object.freeze(module);
