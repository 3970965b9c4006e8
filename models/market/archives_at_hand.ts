import type { Kysely } from 'kysely';
import { builtPartitions } from '../../engine/index.ts';
import { firstOfMonth, neverNull } from '../../engine/vocabulary/index.ts';
import type { Database } from '../schema.ts';

/** Every file whose rows are staged, or were when they were loaded, with the month of `ohlcv` that it has rows of. */
export const archivesAtHand = (db: Pick<Kysely<Database>, 'selectFrom'>) =>
  db
    .selectFrom('staged_archives')
    .where('status', 'in', ['staged', 'loaded'])
    .select(({ ref }) => [
      'instrument_type',
      'symbol',
      neverNull(ref('timeframe')).as('timeframe'),
      neverNull(firstOfMonth(ref('period_start'))).as('month'),
      'key',
      'sha256',
    ]);

/** The months of series that `ohlcv` was built of, with the digest of what each was built from. */
export const builtMonths = (db: { readonly selectFrom: unknown }) =>
  builtPartitions(db, 'ohlcv', { instrument_type: 'VARCHAR', symbol: 'VARCHAR', timeframe: 'VARCHAR', month: 'DATE' });
