import type { Reader } from '../../engine/for-commands.ts';
import { closest, PipelineError } from '../../engine/index.ts';
import { type GivenTimeframe, type Timeframe, timeframeAlias, timeframeNames } from '../../exchange/timeframes.ts';
import { type InstrumentType, instrumentTypes } from '../../exchange/vocabulary.ts';
import type { Database } from '../../models/schema.ts';

export interface ParameterContext {
  /** Name of the parameter, for messages. */
  readonly key: string;
  readonly reader: Reader<Database>;
}

/** Converts a value given by a caller to the value that a query reads. */
export interface Parameter<Given, Value> {
  /** The syntax of an option; without it the parameter is a positional argument of the command. */
  readonly flags?: string;
  /** An option that has no default. */
  readonly required?: true;
  readonly description: string;
  /** Throws USAGE for an invalid value, naming the key. */
  resolve(given: Given, context: ParameterContext): Value | Promise<Value>;
}

/** A parameter that can be resolved without the warehouse. */
export interface PlainParameter<Given, Value> extends Parameter<Given, Value> {
  resolve(given: Given, context: Pick<ParameterContext, 'key'>): Value;
}

/** A whole number of at least 1. */
export const wholeNumber = (
  flags: string,
  description: string,
  fallback: number,
): Parameter<number | undefined, number> => ({
  flags,
  description: `${description} (default: ${fallback})`,
  resolve(given, { key }) {
    const number = Number(given ?? fallback); // a command line gives text
    if (Number.isSafeInteger(number) && number >= 1) return number;
    throw new PipelineError('USAGE', `${key} must be a whole number of at least 1, not \`${given}\``, { key });
  },
});

function oneOf<const Name extends string>(key: string, given: string, names: readonly Name[]): Name {
  const name = names.find((known) => known === given);
  if (name !== undefined) return name;
  throw new PipelineError('USAGE', `\`${given}\` is not a valid ${key}`, {
    key,
    value: given,
    hint: closest(given, names) ?? `use one of: ${names.join(', ')}`,
  });
}

const timeframeOf = (given: string, key: string): Timeframe => oneOf(key, timeframeAlias(given), timeframeNames);

export const timeframe: PlainParameter<GivenTimeframe, Timeframe> = {
  flags: '--timeframe <name>',
  required: true,
  description: `length of a bar: ${timeframeNames.join(' ')}`,
  resolve: (given, { key }) => timeframeOf(given, key),
};

/** One length of bars; all of them by default. */
export const anyTimeframe: PlainParameter<GivenTimeframe | undefined, Timeframe | undefined> = {
  flags: '--timeframe <name>',
  description: 'length of a bar (default: all)',
  resolve: (given, { key }) => (given === undefined ? undefined : timeframeOf(given, key)),
};

/** One length of bars with a default, for comparisons. */
export const optionalTimeframe: PlainParameter<GivenTimeframe | undefined, Timeframe> = {
  flags: '--timeframe <name>',
  description: 'length of a bar (default: 1d)',
  resolve: (given = '1d', { key }) => timeframeOf(given, key),
};

export const instrumentType: PlainParameter<InstrumentType | 'futures' | undefined, InstrumentType> = {
  flags: '--instrument-type <name>',
  description: 'spot, futures-um or futures-cm; futures is futures-um (default: spot)',
  resolve: (given = 'spot', { key }) => (given === 'futures' ? 'futures-um' : oneOf(key, given, instrumentTypes)),
};

/** One market, or all of them. */
export const anyInstrumentType: PlainParameter<InstrumentType | 'futures' | 'all' | undefined, InstrumentType | 'all'> =
  {
    flags: '--instrument-type <name>',
    description: 'spot, futures-um, futures-cm or all; futures is futures-um (default: futures-um)',
    resolve: (given = 'futures', { key }) =>
      given === 'futures' ? 'futures-um' : oneOf(key, given, [...instrumentTypes, 'all'] as const),
  };

const futuresTypes = ['futures-um', 'futures-cm'] as const;

/** A futures market. */
export const futuresType: PlainParameter<
  (typeof futuresTypes)[number] | 'futures' | undefined,
  (typeof futuresTypes)[number]
> = {
  flags: '--instrument-type <name>',
  description: 'futures-um or futures-cm; futures is futures-um (default: futures-um)',
  resolve: (given = 'futures', { key }) => (given === 'futures' ? 'futures-um' : oneOf(key, given, futuresTypes)),
};

export const resample: PlainParameter<GivenTimeframe, Timeframe> = {
  flags: '--resample <name>',
  description: 'aggregate the bars to this length; bars and bars_expected show which are complete',
  resolve: (given, { key }) => timeframeOf(given, key),
};
