import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { about } from '../about.ts';
import type { CommandModule } from '../command.ts';
import { PipelineError } from '../errors.ts';
import { addVarFlags } from './build.ts';
import { defineClean } from './commands/clean.ts';
import { defineCompile } from './commands/compile.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineDoctor } from './commands/doctor.ts';
import { defineInit } from './commands/init.ts';
import { defineLs } from './commands/ls.ts';
import { defineMigrate } from './commands/migrate.ts';
import { definePlan } from './commands/plan.ts';
import { definePublish, defineRestore } from './commands/publish.ts';
import { defineRetry } from './commands/retry.ts';
import { defineRun } from './commands/run.ts';
import { defineSchema } from './commands/schema.ts';
import { defineShow } from './commands/show.ts';
import { defineTest } from './commands/test.ts';
import { reportFailure } from './failure.ts';
import type { Cli, MainIo } from './io.ts';
import { loadPipelineOf } from './open-context.ts';
import { addExamples, addGlobalOptions, type GlobalOptions } from './options.ts';

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
  definePublish,
  defineRestore,
  defineInit,
  defineDoctor,
  defineClean,
  defineCompletion,
];

/** Creates the program with the engine's commands; those of pipeline.yaml are added later. */
export function createProgram(cli: Cli): Command {
  const program = new Command('pnpm pipeline')
    .description('Builds what pipeline.yaml declares: extracts, models, their tests and exports.')
    .version(`${about.name} ${about.version}`, '--version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      // Errors are printed in one place, in the format of --log-format.
      outputError: () => {},
    })
    .configureHelp({ showGlobalOptions: true });
  addGlobalOptions(program);
  addExamples(program, 'run', 'run --select +NAME --start 2025-06-01', 'ls --select tag:nightly --output json');
  for (const define of commands) define(program, cli);
  return program;
}

/** Returns a command of the engine as `runWords` sees it, with the flags of vars. */
async function commandOf(cli: Cli, name: string): Promise<Command> {
  const program = createProgram(cli);
  await addContributedCommands(program, { name, options: createProgram(cli).opts(), cli });
  return program.commands.find((command) => command.name() === name) as Command;
}

/** Executes a command line. */
async function runWords(cli: Cli): Promise<void> {
  const program = createProgram(cli);
  // Parsing stores options, so a separate program finds the name of the command.
  const probe = createProgram(cli);
  const { operands } = probe.parseOptions([...cli.argv]);
  await addContributedCommands(program, { name: operands[0], options: probe.opts(), cli });
  await program.parseAsync([...cli.argv], { from: 'user' });
}

/** Runs one command line and returns its exit code. It accesses the process only through `io`. */
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

/** Commands that show all others. If pipeline.yaml is invalid, they show only those of the engine. */
const listing: readonly (string | undefined)[] = [undefined, 'help', 'completion'];

/** Commands of the engine that accept the flags of vars. */
const takesVarFlags: ReadonlySet<string> = new Set(['run', 'plan']);

/**
 * Adds the commands of pipeline.yaml, which is read only if one of them may be meant. A module is loaded for its own
 * command and for those that show its subcommands. Throws MODULE_INVALID for a module without `define`, and USAGE for
 * an unknown command that pipeline.yaml lists under `instead_of`.
 */
async function addContributedCommands(
  program: Command,
  called: { readonly name: string | undefined; readonly options: Pick<GlobalOptions, 'pipeline'>; readonly cli: Cli },
): Promise<void> {
  const { name, options, cli } = called;
  const isListing = listing.includes(name);
  const builtIn = isListing ? undefined : program.commands.find((command) => command.name() === name);
  if (builtIn !== undefined && !takesVarFlags.has(builtIn.name())) return;
  const pipeline = await loadPipelineOf(cli, options).catch((error: unknown) => {
    // A command of the engine reports the error itself, and its --help works anyway.
    if (isListing || builtIn !== undefined) return undefined;
    throw error;
  });
  if (pipeline === undefined) return;
  if (builtIn !== undefined) return addVarFlags(builtIn, pipeline);
  const { commands } = pipeline.spec;
  const instead = Object.values(commands).find(({ instead_of }) => Object.hasOwn(instead_of, name ?? ''))?.instead_of;
  if (name !== undefined && instead !== undefined && !Object.hasOwn(commands, name)) {
    throw new PipelineError('USAGE', `unknown command '${name}'`, { hint: instead[name] as string });
  }
  if (name === 'completion') {
    for (const command of program.commands) if (takesVarFlags.has(command.name())) addVarFlags(command, pipeline);
  }
  for (const [own, { use, description }] of Object.entries(commands)) {
    const command = program.command(own).description(description);
    // The list of all commands shows only names and descriptions.
    if (own !== name && (name === undefined || !isListing)) continue;
    const loaded = (await import(pathToFileURL(resolve(pipeline.root, use)).href)) as {
      default?: Partial<CommandModule>;
    };
    if (typeof loaded.default?.define !== 'function') {
      throw new PipelineError('MODULE_INVALID', `the command ${own} has no default export with define()`, {
        file: use,
        hint: 'export default defineCommand({ define(command, io) { … } })',
      });
    }
    loaded.default.define(command, cli);
  }
}
