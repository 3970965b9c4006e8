import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The alias that a user types; `pnpm` has a completion of its own. */
const alias = 'klinehouse';

/** The words that may follow a command: its subcommands, its options and those of the program. */
interface Place {
  /** `''` for the program itself, else `archive write`. */
  readonly path: string;
  readonly words: readonly string[];
}

function placesOf(program: Command): Place[] {
  const longOptions = (command: Command) =>
    command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
  const visit = (command: Command, path: readonly string[]): Place[] => [
    {
      path: path.join(' '),
      words: [
        ...command.commands.map((child) => child.name()),
        ...longOptions(command),
        ...(command === program ? [] : longOptions(program)),
        '--help',
      ],
    },
    ...command.commands.flatMap((child) => visit(child, [...path, child.name()])),
  ];
  return visit(program, []);
}

/** A script that completes commands and options; after an option that takes a value the shell offers files. */
export function completionScript(program: Command, shell: Shell): string {
  return scripts[shell](placesOf(program));
}

const header = (read: string) => `# alias ${alias}='pnpm --silent pipeline'\n# Read this script with: ${read}`;

/** Words that are no command, such as the value of an option, leave the path as it is. */
const paths = (places: readonly Place[]) => places.map(({ path }) => `"${path}"`).slice(1);

const scripts: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: (places) => `${header(`eval "$(${alias} completion bash)"`)}\n${bashFunction(places)}`,
  zsh: (places) =>
    `${header(`eval "$(${alias} completion zsh)"`)}\nautoload -U +X bashcompinit && bashcompinit\n${bashFunction(places)}`,
  fish: (places) => `${header(`${alias} completion fish | source`)}\n${fishFunction(places)}`,
};

const bashFunction = (places: readonly Place[]): string => `_${alias}() {
  local path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    word="\${path:+$path }$word"
    case "$word" in
      ${paths(places).join('|')}) path="$word" ;;
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${alias} ${alias}`;

const fishFunction = (places: readonly Place[]): string => `function __${alias}_path
  set -l path
  for word in (commandline -opc)[2..]
    contains -- (string join ' ' $path $word) ${paths(places).join(' ')}
    and set -a path $word
  end
  string join ' ' $path
end
${places.map(({ path, words }) => `complete -c ${alias} -n 'test "$(__${alias}_path)" = "${path}"' -a '${words.join(' ')}'`).join('\n')}`;
