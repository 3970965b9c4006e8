import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completionScript, type Shell, shells } from '../completion.ts';
import { addExamples } from '../options.ts';

export function defineCompletion(program: Command, cli: Cli): void {
  const command = program
    .command('completion')
    .description(
      'Prints a script that completes the commands and options of `klinehouse`, an alias for `pnpm pipeline`.',
    )
    .addArgument(new Argument('<shell>', 'the shell that reads the script').choices(shells))
    .action((shell: Shell) => cli.print(completionScript(program, shell)));
  addExamples(command, 'completion bash > ~/.pipeline-completion.bash', 'completion fish | source');
}
