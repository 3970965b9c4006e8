import { closest } from '../closest.ts';
import { PipelineError } from '../errors.ts';

export type VarValue = boolean | number | string | readonly string[];

/** The run's variables, read with the type that the reader needs. A name that pipeline.yaml does not declare is an error. */
export interface Vars {
  boolean(name: string): boolean;
  number(name: string): number;
  string(name: string): string;
  strings(name: string): readonly string[];
  /** A duration in ms. */
  duration(name: string): number;
  /** All values, for the record. */
  readonly values: Readonly<Record<string, VarValue>>;
}

/** `values` hold durations as ms. */
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
      throw new PipelineError('VAR_INVALID', `the var ${name} is no ${wanted}`, { key: name, value: String(value) });
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
