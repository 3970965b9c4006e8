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
    .option('--target <name>', 'target in pipeline.yaml (default: PIPELINE_TARGET, then default_target)')
    .option('--vars <json>', 'vars as a JSON map: \'{"NAME": 10}\'')
    .option('--var <name=value>', 'one var; repeatable', collect)
    .option('--data-dir <dir>', 'folder for output, with a subfolder per target (default: data next to pipeline.yaml)')
    .option('--pipeline <file>', 'path of pipeline.yaml (default: here or in the nearest folder above)')
    .addOption(
      new Option('--log-format <format>', 'format of progress and log (default: text)').choices(['text', 'json']),
    )
    .option('--quiet', 'print only errors and the last line')
    .option('--verbose', 'print all nodes even if nothing changed')
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
      'nodes to include: name, group, folder, tag:x, path:x, +a, a+, 2+a+1, @a',
      collect,
    )
    .option('--exclude <selectors...>', 'nodes to exclude, in the same syntax', collect);
}

/** Collects the values of a repeatable option. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function wholeNumber(min: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`);
  };
}

const smallestMemory = 100e6;

/** `--memory-limit` of run and test: a size in DuckDB's notation, large enough for DuckDB to start. */
export const memoryLimit = (): Option =>
  new Option(
    '--memory-limit <size>',
    `memory of DuckDB, such as 4GB; the rest spills to disk (default: ${defaultMemoryLimit})`,
  ).argParser(memorySize);

function memorySize(value: string): string {
  if ((parseSize(value) ?? 0) >= smallestMemory) return value;
  throw new InvalidArgumentError('It must be a size of at least 100MB, such as 800MB or 4GB.');
}

/** Shown at the end of `--help`. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    ['', 'Examples:', ...examples.map((line) => `  pnpm pipeline ${line}`)].join('\n'),
  );
}
