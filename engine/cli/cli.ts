import type { CommandIo } from '../command.ts';

/** What `main` needs of the process around it. */
export interface MainIo extends CommandIo {
  /** Where a question is answered; without it nobody can be asked. */
  readonly stdin?: NodeJS.ReadStream;
}

/** What the commands of the engine itself get. */
export interface Cli extends MainIo {
  /** The words of the command line. */
  readonly argv: readonly string[];
  /** Only these nodes of what the words select; all of it by default. */
  readonly only?: ReadonlySet<string>;
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** Sets the exit code of a command that ends without an error. */
  readonly finish: (exitCode: number) => void;
}
