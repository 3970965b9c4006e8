import { partitionText } from '../../engine/index.ts';
import type { StagedKey } from '../../exchange/keys.ts';

/** The partition of `ohlcv` that a staged CSV has rows of: `instrument_type/symbol/timeframe/YYYY-MM-01`. */
export const partitionOf = ({ instrument_type, symbol, timeframe, period }: StagedKey): string =>
  partitionText(instrument_type, symbol, timeframe, `${period.slice(0, 7)}-01`);
