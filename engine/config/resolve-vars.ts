import { closest, PipelineError } from '../errors.ts';
import { hideInValue } from '../secrets.ts';
import type { Pipeline } from './load.ts';
import { seedInstead } from './references.ts';
import type { PipelineSpec } from './spec.ts';
import { checkVarValue, createVars, parseVarText, type Vars, type VarValue } from './vars.ts';

/**
 * Returns the run's variables: defaults of pipeline.yaml, then those of the target, then `--vars '{…}'`, then each
 * `--var name=value`. Durations become ms.
 * Throws VAR_INVALID for invalid JSON, an undeclared name, and a value that does not match its declaration.
 */
export function resolveVars(
  pipeline: Pick<Pipeline, 'spec'>,
  options: { readonly target?: string; readonly json?: string; readonly pairs?: readonly string[] } = {},
): Vars {
  const { spec } = pipeline;
  const { vars, targets } = spec;
  const ofTarget = options.target === undefined ? undefined : targets[options.target]?.vars;
  const given = new Map<string, unknown>(Object.entries(ofTarget ?? {}));
  for (const [name, raw] of Object.entries(parseJson(options.json ?? '{}'))) {
    declared(spec, name);
    given.set(name, raw);
  }
  for (const pair of options.pairs ?? []) {
    const split = pair.indexOf('=');
    if (split < 1) {
      throw new PipelineError('VAR_INVALID', `--var must be name=value, not \`${hideInValue(pair)}\``, {
        value: pair,
        hint: 'write it as --var NAME=10, or several as --vars \'{"NAME": 10}\'',
      });
    }
    const name = pair.slice(0, split).trim();
    given.set(name, parseVarText(declared(spec, name).type, pair.slice(split + 1)));
  }
  const values = Object.entries(vars).map(([name, spec]): [string, VarValue] => {
    const raw = given.has(name) ? given.get(name) : spec.default;
    const checked = checkVarValue(spec, raw);
    if ('value' in checked) return [name, checked.value];
    throw new PipelineError('VAR_INVALID', `the var ${name} ${checked.problem}`, {
      key: name,
      value: typeof raw === 'string' ? raw : JSON.stringify(raw),
      ...(checked.hint !== undefined && { hint: checked.hint }),
    });
  });
  return createVars(Object.fromEntries(values));
}

function parseJson(json: string): Record<string, unknown> {
  const hint = '--vars takes a JSON map: --vars \'{"NAME": 10}\'';
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    // V8 quotes part of the text, which may contain part of a password.
    const problem = (cause as Error).message.replace(/, (\.{3})?"[\s\S]*" is not valid JSON$|, (\.{3})?"[\s\S]*$/, '');
    throw new PipelineError('VAR_INVALID', `--vars is not valid JSON: ${problem}`, { value: json, hint });
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new PipelineError('VAR_INVALID', '--vars is not a map of names and values', { value: json, hint });
}

function declared({ vars, seeds }: PipelineSpec, name: string): PipelineSpec['vars'][string] {
  const variable = Object.hasOwn(vars, name) ? vars[name] : undefined;
  if (variable !== undefined) return variable;
  const seed = Object.hasOwn(seeds, name) ? seeds[name] : undefined;
  throw new PipelineError('VAR_INVALID', `the var ${name} is not declared in pipeline.yaml`, {
    key: name,
    hint: seed
      ? seedInstead(name, seed)
      : (closest(name, Object.keys(vars)) ?? `declared vars: ${Object.keys(vars).join(', ') || 'none'}`),
  });
}
