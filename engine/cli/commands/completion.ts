import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Argument, type Command } from 'commander';
import { about } from '../../about.ts';
import type { CommandModule } from '../../command.ts';
import { PipelineError } from '../../errors.ts';
import type { Cli } from '../io.ts';
import { loadPipelineOf } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

export function defineCompletion(program: Command, cli: Cli): void {
  const command = program
    .command('completion')
    .description(
      `Prints a script that completes commands, options, nodes and targets of \`${about.name}\`, an alias for \`pnpm pipeline\`.`,
    )
    .addArgument(new Argument('<shell>', 'the shell that reads the script').choices(shells))
    .action(async (shell: Shell, _, own: Command) =>
      cli.print(completionScript(program, shell, await valueWords(cli, own.optsWithGlobals()))),
    );
  addExamples(command, 'completion bash > ~/.pipeline-completion.bash', 'completion fish | source');
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The alias that users type, because `pnpm` has its own completion. */
const alias = about.name;

/**
 * The words that may follow a command: its subcommands, values of its argument, its options and those of the program.
 */
interface Place {
  /** `''` for the program itself, otherwise a command such as `schema print`. */
  readonly path: string;
  readonly words: readonly string[];
}

function placesOf(program: Command, values: ValueWords): Place[] {
  const longOptions = (command: Command) =>
    command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
  const visit = (command: Command, path: readonly string[]): Place[] => [
    {
      path: path.join(' '),
      words: [
        ...command.commands.map((child) => child.name()),
        ...command.registeredArguments.flatMap((argument) => values[argument.name()] ?? []),
        ...longOptions(command),
        ...(command === program ? [] : longOptions(program)),
        '--help',
      ],
    },
    ...command.commands.flatMap((child) => visit(child, [...path, child.name()])),
  ];
  return visit(program, []);
}

/**
 * Returns a script that completes commands, options, and values that are known when it is written. After any other
 * option with a value, the shell offers files.
 */
function completionScript(program: Command, shell: Shell, values: ValueWords): string {
  const options = Object.entries(values).filter(([name, words]) => name.startsWith('-') && words.length > 0);
  return scripts[shell](placesOf(program, values), options);
}

type Options = readonly (readonly [option: string, words: readonly string[]])[];

const header = (read: string) => `# alias ${alias}='pnpm --silent pipeline'\n# Read this script with: ${read}`;

/** Words that are not commands, such as the value of an option, do not change the path. */
const paths = (places: readonly Place[]) => places.map(({ path }) => `"${path}"`).slice(1);

const scripts: Readonly<Record<Shell, (places: readonly Place[], options: Options) => string>> = {
  bash: (places, options) => `${header(`eval "$(${alias} completion bash)"`)}\n${bashFunction(places, options)}`,
  zsh: (places, options) =>
    `${header(`eval "$(${alias} completion zsh)"`)}\nautoload -U +X bashcompinit && bashcompinit\n${bashFunction(places, options)}`,
  fish: (places, options) => `${header(`${alias} completion fish | source`)}\n${fishFunction(places, options)}`,
};

/** Completes the last item of a list; a selector may begin with `+` or `@`. */
const bashFunction = (places: readonly Place[], options: Options): string => `_${alias}() {
  local path="" words="" word head="" current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    word="\${path:+$path }$word"
    case "$word" in
      ${paths(places).join('|')}) path="$word" ;;
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n')}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${options.map(([option, words]) => `    ${option}) words="${words.join(' ')}" head="\${current%"\${current##*[,+@]}"}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -P "$head" -W "$words" -- "\${current#"$head"}"))
}
complete -o default -F _${alias} ${alias}`;

const fishFunction = (places: readonly Place[], options: Options): string => `function __${alias}_path
  set -l path
  for word in (commandline -opc)[2..]
    contains -- (string join ' ' $path $word) ${paths(places).join(' ')}
    and set -a path $word
  end
  string join ' ' $path
end
${places.map(({ path, words }) => `complete -c ${alias} -n 'test "$(__${alias}_path)" = "${path}"' -a '${words.join(' ')}'`).join('\n')}
${options.map(([option, words]) => `complete -c ${alias} ${option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`} -xa '${words.join(' ')}'`).join('\n')}`;

/** Completion values by the name of an argument or an option. */
export type ValueWords = Readonly<Record<string, readonly string[]>>;

/** Returns nodes and targets of pipeline.yaml and values from its commands; none if the file is missing or invalid. */
async function valueWords(cli: Cli, options: GlobalOptions): Promise<ValueWords> {
  const [pipeline, { buildGraph }] = await Promise.all([
    loadPipelineOf(cli, options).catch((error: unknown) => {
      if (error instanceof PipelineError) return undefined;
      throw error;
    }),
    import('../../graph/graph.ts'),
  ]);
  if (pipeline === undefined) return {};
  const { nodes } = buildGraph(pipeline);
  const selectors = unique(nodes.flatMap(({ name, group, tags }) => [name, group, ...tags.map((tag) => `tag:${tag}`)]));
  const tables = unique([
    ...nodes.flatMap((node) =>
      node.kind === 'extract' ? node.spec.writes : node.kind === 'model' || node.kind === 'seed' ? [node.name] : [],
    ),
  ]);
  const own: ValueWords = {
    '--target': Object.keys(pipeline.spec.targets),
    '--select': selectors,
    '-s': selectors,
    '--exclude': selectors,
    model: tables,
  };
  const others = await Promise.all(
    Object.values(pipeline.spec.commands).map(async ({ use }) => {
      const { default: module } = (await import(pathToFileURL(resolve(pipeline.root, use)).href)) as {
        default?: CommandModule;
      };
      return (await module?.completions?.(cli, options)) ?? {};
    }),
  );
  return Object.assign({}, own, ...others);
}

const unique = (words: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(words.filter((word) => word !== undefined)),
];
