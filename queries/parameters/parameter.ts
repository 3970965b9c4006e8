import type { Reader } from '../../engine/for-commands.ts';
import type { Database } from '../../models/schema.ts';

export interface ParameterContext {
  /** Name of the parameter, for messages. */
  readonly key: string;
  readonly reader: Reader<Database>;
}

/** Turns what a caller gives into what a query reads. */
export interface Parameter<Given, Value> {
  /** How an option is written; without it the parameter is an argument of the command, at its place. */
  readonly flags?: string;
  /** An option that has no default. */
  readonly required?: true;
  readonly description: string;
  /** Throws USAGE for what makes no sense, naming the key. */
  resolve(given: Given, context: ParameterContext): Value | Promise<Value>;
}

/** A parameter that makes sense by itself, without a look at what the warehouse has. */
export interface PlainParameter<Given, Value> extends Parameter<Given, Value> {
  resolve(given: Given, context: Pick<ParameterContext, 'key'>): Value;
}
