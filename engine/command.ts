import type { Command } from 'commander';
import type { GlobalOptions } from './cli/options.ts';

/** What a command may touch: nothing of the process but this. */
export interface CommandIo {
  /** Carries the result. */
  readonly stdout: NodeJS.WritableStream;
  /** Carries progress and log. */
  readonly stderr: NodeJS.WritableStream | NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Paths that a user gives are relative to it. */
  readonly cwd: string;
  readonly now: () => Date;
  /** Monotonic, in ms from any start: what durations are taken by. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The default export of a module under `commands:` in pipeline.yaml: it adds its arguments, subcommands and actions. */
export interface CommandModule {
  define(command: Command, io: CommandIo): void;
  /** What completes values, by the name of an argument (`region`) or an option (`--regions`); nothing where it is not known. */
  completions?(io: CommandIo, options: GlobalOptions): Promise<Readonly<Record<string, readonly string[]>>>;
}

export const defineCommand = (module: CommandModule): CommandModule => Object.freeze(module);
