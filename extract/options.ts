import { z } from 'zod';
import { PipelineError } from '../engine/index.ts';
import { type InstrumentType, marketPaths } from './archive/keys.ts';
import { isTimeframe, type Timeframe, timeframes } from './archive/timeframes.ts';

const instrumentType = z.enum(Object.keys(marketPaths) as [InstrumentType, ...InstrumentType[]]);
const timeframe = z.enum(Object.keys(timeframes) as [Timeframe, ...Timeframe[]]);

const shared = {
  instrument_type: instrumentType,
  timeframes: z.array(timeframe).min(1),
  /** Connections to a host, and requests under way. */
  connections: z.int().min(1).max(1024).default(128),
};

const listingOptions = z.strictObject({
  ...shared,
  /** Whether the daily tree at var `availability_timeframe` is listed too. */
  availability: z.boolean().default(false),
});

const klinesOptions = z.strictObject({
  ...shared,
  /** What becomes of an archive whose MD5 is the listed one and whose CHECKSUM file says otherwise (A19). */
  stale_checksum: z.enum(['fail', 'warn']).default('fail'),
});

export type ListingOptions = z.infer<typeof listingOptions>;
export type KlinesOptions = z.infer<typeof klinesOptions>;

export const parseListingOptions = (options: unknown): ListingOptions => parse('listing', listingOptions, options);
export const parseKlinesOptions = (options: unknown): KlinesOptions => parse('klines', klinesOptions, options);

/** Throws CONFIG_INVALID for what the archive does not have: a timeframe of no market, 1s of futures. */
function parse<T extends { instrument_type: InstrumentType; timeframes: Timeframe[] }>(
  name: string,
  shape: z.ZodType<T>,
  options: unknown,
): T {
  const parsed = shape.safeParse(options);
  if (!parsed.success) {
    throw new PipelineError(
      'CONFIG_INVALID',
      `the with: block of the ${name} extract: ${z.prettifyError(parsed.error)}`,
    );
  }
  if (parsed.data.instrument_type !== 'spot' && parsed.data.timeframes.includes('1s')) {
    throw new PipelineError('CONFIG_INVALID', `the with: block of the ${name} extract asks for 1s of futures`, {
      value: parsed.data.instrument_type,
      hint: '1s exists for spot only',
    });
  }
  return parsed.data;
}

/** The value of a var of type timeframe. */
export function timeframeOf(name: string, value: string): Timeframe {
  if (isTimeframe(value)) return value;
  throw new PipelineError('VAR_INVALID', `the var ${name} is no timeframe of the archive`, { key: name, value });
}
