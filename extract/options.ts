import { z } from 'zod';
import { type ExtractContext, PipelineError } from '../engine/index.ts';
import { isTimeframe, type Timeframe, timeframeNames } from '../exchange/timeframes.ts';
import { type InstrumentType, instrumentTypes } from '../exchange/vocabulary.ts';
import { connectionSettings, fitOpenFiles, stagingSettings } from './settings.ts';

const instrumentType = z.enum(instrumentTypes);
const timeframe = z.enum(timeframeNames);

const shared = {
  ...connectionSettings,
  /** Where pipeline.yaml declares a var of the same name, that counts. */
  instrument_types: z.array(instrumentType).min(1).default(['futures-um']),
  timeframes: z.array(timeframe).min(1).default(['1d']),
  symbols: z.array(z.string()).default([]),
};

const listingOptions = z.strictObject({
  ...shared,
  /** Whether the daily USD-M tree at var `availability_timeframe` is listed too. */
  availability: z.boolean().default(false),
});

const klinesOptions = z.strictObject({
  ...shared,
  ...stagingSettings,
  /** What becomes of an archive whose MD5 is the listed one and whose CHECKSUM file says otherwise (A19). */
  stale_checksum: z.enum(['fail', 'warn']).default('fail'),
  /** Whether the CSVs of archives stay in the staging area after their rows have been published. */
  staging_retention: z.enum(['keep', 'prune_after_load']).default('keep'),
  /** Files that are known to be bad, by the SHA-256 of the zip: rejected without a warning, with the reason given here. */
  known_defects: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'it wants 64 lower-case hex digits'),
        reason: z.string().min(1),
      }),
    )
    .default([]),
});

const restOptions = z.strictObject({
  ...shared,
  connections: shared.connections.default(8),
  /** Days after which a symbol that the exchange did not know is asked for again. */
  ask_again_after: z.int().min(0).default(7),
});

export type RestOptions = z.infer<typeof restOptions>;
export type ListingOptions = z.infer<typeof listingOptions>;
export type KlinesOptions = z.infer<typeof klinesOptions>;

/** Which series a run is about. */
export interface Scope {
  readonly instrument_types: readonly InstrumentType[];
  readonly timeframes: readonly Timeframe[];
  /** As the archive spells them; none means all. */
  readonly symbols: readonly string[];
}

type Context = Pick<ExtractContext, 'options' | 'vars'>;

export const parseListingOptions = (context: Context): ListingOptions => parse('listing', listingOptions, context);
export const parseKlinesOptions = (context: Context): KlinesOptions => parse('klines', klinesOptions, context);
export const parseRestOptions = (context: Context): RestOptions => parse('rest', restOptions, context);

interface Shared {
  instrument_types: InstrumentType[];
  timeframes: Timeframe[];
  symbols: string[];
  connections: number;
  workers?: number;
}

/** Throws CONFIG_INVALID for what the archive does not have: a timeframe of no market, 1s of futures. */
function parse<T extends Shared>(name: string, shape: z.ZodType<T>, { options, vars }: Context): T {
  const declared = ['instrument_types', 'timeframes', 'symbols'].filter((one) => Object.hasOwn(vars.values, one));
  const parsed = shape.safeParse({
    ...options,
    ...Object.fromEntries(declared.map((one) => [one, [...new Set(vars.strings(one))]])),
  });
  if (!parsed.success) {
    throw new PipelineError('CONFIG_INVALID', `the ${name} extract: ${z.prettifyError(parsed.error)}`, {
      hint: 'see its with: block and the vars instrument_types, timeframes and symbols',
    });
  }
  const { instrument_types, timeframes: wanted, symbols } = parsed.data;
  const futures = instrument_types.find((one) => one !== 'spot');
  if (futures !== undefined && wanted.includes('1s')) {
    throw new PipelineError('CONFIG_INVALID', `there is no 1s of ${futures}: the archive has it for spot only`, {
      value: '1s',
      hint: 'ask for it with --instrument-type spot',
    });
  }
  const { connections, workers } = fitOpenFiles(parsed.data);
  return {
    ...parsed.data,
    connections,
    ...(parsed.data.workers !== undefined && { workers }),
    symbols: symbols.map((symbol) => symbol.replace('/', '').toUpperCase()),
  };
}

/** The value of a var of type timeframe. */
export function timeframeOf(name: string, value: string): Timeframe {
  if (isTimeframe(value)) return value;
  throw new PipelineError('VAR_INVALID', `the var ${name} is no timeframe of the archive`, { key: name, value });
}
