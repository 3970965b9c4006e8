import path from 'node:path';
import type { Command, Option } from 'commander';
import { invalid } from '../../run/artifacts.ts';
import type { Cli } from '../io.ts';
import { openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

/** `runWords` executes a command line; `commandOf` returns a command with all of its options. */
export function defineRetry(
  program: Command,
  cli: Cli,
  {
    runWords,
    commandOf,
  }: {
    readonly runWords: (cli: Cli) => Promise<void>;
    readonly commandOf: (cli: Cli, name: string) => Promise<Command>;
  },
): void {
  const command = program
    .command('retry')
    .description("Repeats the target's last command for the nodes that failed or were skipped.")
    .action(async (_, own: Command) => {
      const again = await readAgain(cli, own.optsWithGlobals(), commandOf);
      if (again !== undefined) await runWords({ ...cli, ...again });
    });
  addExamples(command, 'retry', 'retry --target live');
}

/** Returns the command line to repeat and its nodes; undefined if there is nothing to do. */
async function readAgain(
  cli: Cli,
  options: GlobalOptions,
  commandOf: (cli: Cli, name: string) => Promise<Command>,
): Promise<Pick<Cli, 'argv' | 'only'> | undefined> {
  const [{ paths, graph, target }, { readUnfinished }] = await Promise.all([
    openContext(cli, options),
    import('../../run/artifacts.ts'),
  ]);
  const nodeIds = new Set(graph.nodes.map(({ id }) => id));
  const last = await readUnfinished(paths.artifacts, { target: target.name, nodeIds });
  if (last.nodes.length === 0) {
    cli.print('nothing to retry: every node of the last run succeeded');
    return undefined;
  }
  const [name, ...words] = last.argv;
  const checked = withoutPlaces(words, await commandOf(cli, name));
  if ('problem' in checked) throw invalid(path.join(paths.artifacts, 'run.json'), checked.problem);
  cli.stderr.write(`retrying: pnpm pipeline ${[name, ...checked.words].join(' ')}\n`);
  return { argv: [name, ...checked.words, ...placeWords(options, target.name)], only: new Set(last.nodes) };
}

/** The location of the artifact decides where its command is repeated, whatever the artifact says. */
function placeWords({ pipeline, dataDir }: GlobalOptions, target: string): readonly string[] {
  const given = Object.entries({ '--target': target, '--data-dir': dataDir, '--pipeline': pipeline });
  return given.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
}

const places: ReadonlySet<string | undefined> = new Set(['--target', '--data-dir', '--pipeline']);

/** Returns a command line without the options for places, or the first word that is not an option of the command. */
function withoutPlaces(
  words: readonly string[],
  command: Command,
): { readonly words: readonly string[] } | { readonly problem: string } {
  const options = [...command.options, ...(command.parent?.options ?? [])];
  const kept: string[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at] as string;
    const [name] = word.split('=', 1);
    const option = options.find(({ long, short }) => word === short || name === long);
    if (option === undefined) return { problem: `\`${word}\` is not an option of ${command.name()}` };
    const end = at + 1 + valuesOf(option, word.includes('=') ? [] : words.slice(at + 1));
    if (!places.has(option.long)) kept.push(...words.slice(at, end));
    at = end;
  }
  return { words: kept };
}

/** Counts the words after an option that are its values. */
function valuesOf({ required, optional, variadic }: Option, after: readonly string[]): number {
  const flag = after.findIndex((word) => word.startsWith('-'));
  const most = flag === -1 ? after.length : flag;
  if (required) return Math.min(after.length, variadic ? Math.max(most, 1) : 1);
  return optional ? Math.min(most, 1) : 0;
}
