import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import type { CommandModule } from '../command.ts';
import { PipelineError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { loadPipelineOf } from './context.ts';
import type { GlobalOptions } from './options.ts';
import { addVarFlags } from './var-flags.ts';

/** Commands that show all others: for them a broken pipeline.yaml only means that fewer are shown. */
const listing: readonly (string | undefined)[] = [undefined, 'help', 'completion'];

/** Commands of the engine that take the vars with a flag of their own. */
const takesVarFlags: ReadonlySet<string> = new Set(['run', 'plan']);

/**
 * Adds the commands of pipeline.yaml, read only where one may be meant. A module is loaded for its own command and for
 * those that show its subcommands. Throws MODULE_INVALID for a module without `define`, and USAGE with what a command of
 * pipeline.yaml says to use instead of one that does not exist.
 */
export async function addContributedCommands(
  program: Command,
  called: { readonly name: string | undefined; readonly options: Pick<GlobalOptions, 'pipeline'>; readonly cli: Cli },
): Promise<void> {
  const { name, options, cli } = called;
  const isListing = listing.includes(name);
  const builtIn = isListing ? undefined : program.commands.find((command) => command.name() === name);
  if (builtIn !== undefined && !takesVarFlags.has(builtIn.name())) return;
  const pipeline = await loadPipelineOf(cli, options).catch((error: unknown) => {
    // A command of the engine says itself what is wrong, but not before it has shown its --help.
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
    // The list of all commands shows names and descriptions alone.
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
