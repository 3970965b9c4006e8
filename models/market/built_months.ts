import { builtPartitions } from '../../engine/index.ts';

/** The months of series that `ohlcv` was built of, with the digest of what each was built from. */
export const builtMonths = (db: { readonly selectFrom: unknown }) =>
  builtPartitions(db, 'ohlcv', { instrument_type: 'VARCHAR', symbol: 'VARCHAR', timeframe: 'VARCHAR', month: 'DATE' });
