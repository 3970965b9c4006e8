import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultMemoryLimit } from '../limits.ts';
import { parseSize } from '../units.ts';

export interface GlobalOptions {
  readonly pipeline?: string;
  readonly target?: string;
  readonly vars?: string;
  readonly var?: readonly string[];
  readonly dataDir?: string;
  readonly logFormat?: 'text' | 'json';
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

/** Accepted before and after the name of a command. */
export function addGlobalOptions(program: Command): Command {
  return program
    .option('--target <name>', 'target of pipeline.yaml; else PIPELINE_TARGET, else its default_target')
    .option('--vars <json>', 'vars as a JSON map: \'{"NAME": 10}\'')
    .option('--var <name=value>', 'one var; can be given again', collect)
    .option('--data-dir <dir>', 'where runs write, one folder a target (default: data beside pipeline.yaml)')
    .option('--pipeline <file>', 'default: pipeline.yaml here or in a folder above')
    .addOption(
      new Option('--log-format <format>', 'form of progress and log, text by default').choices(['text', 'json']),
    )
    .option('--quiet', 'print only errors and the last line')
    .option('--verbose', 'print all of a run in which nothing changed')
    .option('--debug', 'print debug messages and stack traces');
}

export interface SelectionOptions {
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
}

export function addSelectionOptions(command: Command): Command {
  return command
    .option(
      '-s, --select <selectors...>',
      'what to take: name, group, folder, tag:x, path:x, +a, a+, 2+a+1, @a',
      collect,
    )
    .option('--exclude <selectors...>', 'what to leave out, written in the same way', collect);
}

/** Every value of an option that can be given again. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function wholeNumber(min: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`It wants a whole number of at least ${min}.`);
  };
}

const smallestMemory = 100e6;

/** `--memory-limit` of run and test: a size as DuckDB reads it, and more than it needs to start. */
export const memoryLimit = (): Option =>
  new Option(
    '--memory-limit <size>',
    `memory of DuckDB, as 4GB; beyond it spills to disk (default: ${defaultMemoryLimit})`,
  ).argParser(memorySize);

function memorySize(value: string): string {
  if ((parseSize(value) ?? 0) >= smallestMemory) return value;
  throw new InvalidArgumentError('It wants a size of at least 100MB, such as 800MB or 4GB.');
}

/** Shown at the end of `--help`. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    ['', 'Examples:', ...examples.map((line) => `  pnpm pipeline ${line}`)].join('\n'),
  );
}
