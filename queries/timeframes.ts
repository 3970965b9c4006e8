import { PipelineError } from '../engine/index.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Every timeframe of the archive; the length in ms where it is fixed and aligned to the epoch. */
export const timeframes = {
  '1s': 1_000,
  '1m': minute,
  '3m': 3 * minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '30m': 30 * minute,
  '1h': hour,
  '2h': 2 * hour,
  '4h': 4 * hour,
  '6h': 6 * hour,
  '8h': 8 * hour,
  '12h': 12 * hour,
  '1d': day,
  '3d': undefined,
  '1w': undefined,
  '1mo': undefined,
} as const satisfies Record<string, number | undefined>;

export type Timeframe = keyof typeof timeframes;

/** As a caller may write it: the exchange's API calls a month `1M`. */
export type GivenTimeframe = Timeframe | '1M';

/** `1mo` for `1M`, which is not the minute; any other name as it is. */
export const timeframeAlias = (name: string): string => (name === '1M' ? '1mo' : name);

/** The coarser timeframes that bars of this one fill without a rest. */
function coarserThan(timeframe: Timeframe): readonly Timeframe[] {
  const source = timeframes[timeframe];
  if (source === undefined) return [];
  return (Object.keys(timeframes) as Timeframe[]).filter((name) => {
    const target = timeframes[name];
    return target === undefined || (target > source && target % source === 0);
  });
}

/** @throws PipelineError USAGE where bars of one do not add up to bars of the other, as 3m to 5m */
export function checkResample(from: Timeframe, to: Timeframe): void {
  const possible = coarserThan(from);
  if (possible.includes(to)) return;
  throw new PipelineError('USAGE', `bars of ${from} do not add up to bars of ${to}`, {
    key: '--resample',
    value: to,
    hint: possible.length > 0 ? `${from} makes ${possible.join(', ')}` : `nothing can be made of ${from}`,
  });
}
