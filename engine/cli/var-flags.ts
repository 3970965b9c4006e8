import type { Command } from 'commander';
import type { Pipeline } from '../config/load.ts';
import { flagOf } from '../config/var-value.ts';
import type { BuildOptions } from './build.ts';

const varOf = new WeakMap<Command, ReadonlyMap<string, string>>();

/** Gives a command the flags that vars of pipeline.yaml declare; that of a boolean takes no value. */
export function addVarFlags(command: Command, pipeline: Pipeline): void {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(pipeline.spec.vars)) {
    const { type, description = `the var ${name}` } = spec;
    const flag = flagOf(spec);
    if (flag === undefined) continue;
    const option =
      type === 'boolean'
        ? command.createOption(flag, `--var ${name}=${!spec.default}. ${description}`)
        : command.createOption(`${flag} <${type === 'string[]' ? 'a,b,…' : type}>`, description);
    command.addOption(option);
    names.set(option.attributeName(), name);
  }
  varOf.set(command, names);
}

/** The options of a command, with those that are flags of vars as `name=value`. */
export function withVarFlags(command: Command): BuildOptions {
  const options = command.optsWithGlobals<BuildOptions & Record<string, unknown>>();
  // A flag that begins with --no- has a value without being given.
  const names = [...(varOf.get(command) ?? [])].filter(([key]) => command.getOptionValueSource(key) === 'cli');
  return { ...options, varFlags: names.map(([key, name]) => `${name}=${options[key]}`) };
}
