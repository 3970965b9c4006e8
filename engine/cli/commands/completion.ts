import { Argument, type Command } from 'commander';
import { about } from '../../about.ts';
import type { Cli } from '../cli.ts';
import { completionScript, type Shell, shells } from '../completion.ts';
import { valueWords } from '../completion-words.ts';
import { addExamples } from '../options.ts';

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
