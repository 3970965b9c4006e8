import { closest, PipelineError } from '../errors.ts';
import { hideInValue } from '../secrets.ts';
import { formatDay, parseDuration, parseInstant } from '../units.ts';
import type { VarSpec, VarType } from './spec.ts';

export type VarValue = boolean | number | string | readonly string[];

/** The run's variables, read by type. A name that pipeline.yaml does not declare is an error. */
export interface Vars {
  boolean(name: string): boolean;
  number(name: string): number;
  string(name: string): string;
  strings(name: string): readonly string[];
  /** A duration in ms. */
  duration(name: string): number;
  /** All values, for the artifacts of the run. */
  readonly values: Readonly<Record<string, VarValue>>;
}

/** Durations in `values` are in ms. */
export function createVars(values: Readonly<Record<string, VarValue>>): Vars {
  function read<T extends VarValue>(name: string, isType: (value: VarValue) => value is T, wanted: string): T {
    if (!Object.hasOwn(values, name)) {
      throw new PipelineError('VAR_INVALID', `the var ${name} is not declared in pipeline.yaml`, {
        key: name,
        hint: closest(name, Object.keys(values)) ?? `declare it under vars: ${name}: { type: …, default: … }`,
      });
    }
    const value = values[name] as VarValue;
    if (!isType(value))
      throw new PipelineError('VAR_INVALID', `the var ${name} is not a ${wanted}`, { key: name, value: String(value) });
    return value;
  }
  const isNumber = (value: VarValue) => typeof value === 'number';
  return Object.freeze({
    boolean: (name: string) => read(name, (value) => typeof value === 'boolean', 'boolean'),
    number: (name: string) => read(name, isNumber, 'number'),
    string: (name: string) => read(name, (value) => typeof value === 'string', 'string'),
    strings: (name: string) =>
      read(name, (value): value is readonly string[] => Array.isArray(value), 'list of strings'),
    duration: (name: string) => read(name, isNumber, 'duration'),
    values: Object.freeze({ ...values }),
  });
}

export type Checked = { readonly value: VarValue } | { readonly problem: string; readonly hint?: string };

interface TypeOfVar {
  readonly wanted: string;
  /** Returns the value as the run reads it, or undefined if `raw` does not fit. */
  read(raw: unknown): VarValue | undefined;
  /** Parses the text of `--var name=text`. */
  parse(text: string): unknown;
  readonly isOrdered: boolean;
}

const isText = (raw: unknown): raw is string => typeof raw === 'string';
const asText = (text: string): unknown => text;
const asNumber = (text: string): unknown => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text);
const day = (raw: unknown): string | undefined => {
  const instant = isText(raw) && !raw.includes('T') ? parseInstant(raw) : undefined;
  return instant && formatDay(instant);
};

const types: Readonly<Record<VarType, TypeOfVar>> = {
  boolean: {
    wanted: 'true or false',
    read: (raw) => (typeof raw === 'boolean' ? raw : undefined),
    parse: (text) => (text === 'true' ? true : text === 'false' ? false : text),
    isOrdered: false,
  },
  integer: {
    wanted: 'a whole number',
    read: (raw) => (Number.isSafeInteger(raw) ? (raw as number) : undefined),
    parse: asNumber,
    isOrdered: true,
  },
  number: {
    wanted: 'a number',
    read: (raw) => (Number.isFinite(raw) ? (raw as number) : undefined),
    parse: asNumber,
    isOrdered: true,
  },
  string: { wanted: 'a string', read: (raw) => (isText(raw) ? raw : undefined), parse: asText, isOrdered: false },
  'string[]': {
    wanted: 'a list of strings',
    read: (raw) => (Array.isArray(raw) && raw.every(isText) ? raw : undefined),
    parse: (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    isOrdered: false,
  },
  duration: {
    wanted: 'a duration such as `30 days` or `12 hours`',
    read: (raw) => (isText(raw) ? parseDuration(raw) : undefined),
    parse: asText,
    isOrdered: true,
  },
  date: { wanted: 'a date such as 2025-06-17', read: day, parse: asText, isOrdered: true },
};

const written = (raw: unknown): string => hideInValue(isText(raw) ? raw : (JSON.stringify(raw) ?? String(raw)));

/** Returns a value from pipeline.yaml or --vars as the run reads it (durations in ms), or why it is invalid. */
export function checkVarValue(
  spec: Pick<VarSpec, 'type' | 'min' | 'max' | 'values' | 'aliases'>,
  given: unknown,
): Checked {
  const { wanted, read } = types[spec.type];
  const meant = (one: unknown) => (isText(one) ? (spec.aliases?.[one] ?? one) : one);
  const raw = Array.isArray(given) ? given.map(meant) : meant(given);
  const value = read(raw);
  if (value === undefined) return { problem: `must be ${wanted}, not \`${written(raw)}\`` };
  const { min, max, values } = spec;
  if (min !== undefined && value < (read(min) ?? value))
    return { problem: `must be at least ${min}, not \`${written(raw)}\`` };
  if (max !== undefined && value > (read(max) ?? value))
    return { problem: `must be at most ${max}, not \`${written(raw)}\`` };
  if (values === undefined) return { value };
  const allowed = new Set(values.map((one) => (Array.isArray(value) ? one : read(one))));
  const stray = (Array.isArray(value) ? (value as readonly string[]) : [value]).find(
    (one) => !allowed.has(one as string),
  );
  if (stray === undefined) return { value };
  const hint = closest(String(stray), values.map(String));
  return {
    problem: `must be one of ${values.join(', ')}, not \`${written(Array.isArray(raw) ? stray : raw)}\``,
    ...(hint !== undefined && { hint }),
  };
}

/** Returns a problem of `min`, `max` or `values`: they must have the var's type, and bounds need an ordered type. */
export function checkVarBounds(
  spec: VarSpec,
): { readonly key: 'min' | 'max' | 'values'; readonly problem: string } | undefined {
  const { wanted, isOrdered, read } = types[spec.type];
  for (const key of ['min', 'max'] as const) {
    const bound = spec[key];
    if (bound === undefined) continue;
    if (!isOrdered) return { key, problem: `does not apply to a var of type ${spec.type}` };
    if (read(bound) === undefined) return { key, problem: `must be ${wanted}, not \`${bound}\`` };
  }
  const stray = spec.values?.find((one) => read(spec.type === 'string[]' ? [one] : one) === undefined);
  return stray === undefined
    ? undefined
    : { key: 'values', problem: `contains \`${stray}\`, but the var is ${wanted}` };
}

/** Parses `--var name=text`; an invalid text is returned unchanged, for `checkVarValue` to refuse. */
export const parseVarText = (type: VarType, text: string): unknown => types[type].parse(text);

/** Returns the flag of a var as typed: `--region`, or `--no-cache` for a boolean that is true by default. */
export const flagOf = ({ flag, type, default: given }: VarSpec): string | undefined =>
  flag && `--${type === 'boolean' && given === true ? 'no-' : ''}${flag}`;
