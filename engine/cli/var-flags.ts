import type { Command } from 'commander';
import type { Pipeline } from '../config/load.ts';
import type { BuildOptions } from './build.ts';

const varOf = new WeakMap<Command, ReadonlyMap<string, string>>();

/** Gives a command the flags that vars of pipeline.yaml declare: `--symbols A,B` for `flag: symbols`. */
export function addVarFlags(command: Command, pipeline: Pipeline): void {
  const names = new Map<string, string>();
  for (const [name, { flag, type, description }] of Object.entries(pipeline.spec.vars)) {
    if (flag === undefined) continue;
    const option = command.createOption(
      `--${flag} <${type === 'string[]' ? 'a,b,…' : type}>`,
      description ?? `the var ${name}`,
    );
    command.addOption(option);
    names.set(option.attributeName(), name);
  }
  varOf.set(command, names);
}

/** The options of a command, with those that are flags of vars as `name=value`. */
export function withVarFlags(command: Command): BuildOptions {
  const options = command.optsWithGlobals<BuildOptions & Record<string, unknown>>();
  const names = [...(varOf.get(command) ?? [])].filter(([attribute]) => options[attribute] !== undefined);
  return { ...options, varFlags: names.map(([attribute, name]) => `${name}=${options[attribute]}`) };
}
