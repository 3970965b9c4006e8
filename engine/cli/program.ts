import { Command } from 'commander';
import { about } from '../about.ts';
import type { Cli, MainIo } from './cli.ts';
import { defineClean } from './commands/clean.ts';
import { defineCompile } from './commands/compile.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineDoctor } from './commands/doctor.ts';
import { defineLs } from './commands/ls.ts';
import { defineMigrate } from './commands/migrate.ts';
import { definePlan } from './commands/plan.ts';
import { defineRetry } from './commands/retry.ts';
import { defineRun } from './commands/run.ts';
import { defineSchema } from './commands/schema.ts';
import { defineShow } from './commands/show.ts';
import { defineTest } from './commands/test.ts';
import { addContributedCommands } from './contributed.ts';
import { reportFailure } from './failure.ts';
import { addExamples, addGlobalOptions } from './options.ts';

const commands = [
  defineRun,
  defineTest,
  (program: Command, cli: Cli) => defineRetry(program, cli, { runWords, commandOf }),
  definePlan,
  defineLs,
  defineCompile,
  defineShow,
  defineSchema,
  defineMigrate,
  defineDoctor,
  defineClean,
  defineCompletion,
];

/** The commands of the engine; those of pipeline.yaml come on top. */
export function createProgram(cli: Cli): Command {
  const program = new Command('pnpm pipeline')
    .description('Builds what pipeline.yaml declares: extracts, models, their tests and exports.')
    .version(`${about.name} ${about.version}`, '--version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      // Errors are printed in one place, in the form that --log-format asks for.
      outputError: () => {},
    })
    .configureHelp({ showGlobalOptions: true });
  addGlobalOptions(program);
  addExamples(program, 'run', 'run --select +NAME --start 2025-06-01', 'ls --select tag:nightly --output json');
  for (const define of commands) define(program, cli);
  return program;
}

/** A command of the engine as `runWords` would find it, with the flags of vars. */
async function commandOf(cli: Cli, name: string): Promise<Command> {
  const program = createProgram(cli);
  await addContributedCommands(program, { name, options: createProgram(cli).opts(), cli });
  return program.commands.find((command) => command.name() === name) as Command;
}

/** Does what the words of a command line say. */
async function runWords(cli: Cli): Promise<void> {
  const program = createProgram(cli);
  // Parsing stores options, so a program of its own finds the command's name.
  const probe = createProgram(cli);
  const { operands } = probe.parseOptions([...cli.argv]);
  await addContributedCommands(program, { name: operands[0], options: probe.opts(), cli });
  await program.parseAsync([...cli.argv], { from: 'user' });
}

/** Runs one command line and returns its exit code; it touches nothing of the process but what `io` holds. */
export async function main(argv: readonly string[], io: MainIo): Promise<number> {
  let exitCode = 0;
  const cli: Cli = {
    ...io,
    argv,
    print: (line) => io.stdout.write(`${line}\n`),
    finish(code) {
      exitCode = code;
    },
  };
  try {
    await runWords(cli);
    return exitCode;
  } catch (error) {
    return reportFailure(error, cli);
  }
}
