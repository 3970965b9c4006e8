import { type Expression, type Kysely, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import type { Database } from '../schema.ts';

/**
 * What a key of the ledger says: `data/futures/um/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2025-06-17.zip` of an archive, and
 * with `rest` and `.csv` of bars that the exchange gave.
 */
export function keyParts(key: Expression<string>) {
  const part = (fromTheRight: number) => sql`split_part(${key}, '/', ${sql.lit(-fromTheRight)})`;
  const market = sql`regexp_extract(${key}, '^data/(.+)/(daily|monthly|rest)/klines/', 1)`;
  return {
    timeframe: cast('VARCHAR', part(2)),
    symbol: cast('VARCHAR', part(3)),
    cadence: cast('VARCHAR', part(5)),
    instrument_type: cast('VARCHAR', sql`replace(${market}, '/', '-')`),
    month: cast('DATE', sql`regexp_extract(${key}, '-(\\d{4}-\\d{2})(-\\d{2})?\\.(zip|csv)$', 1) || '-01'`),
  };
}

/** Every file whose rows are staged, or were when they were loaded, by what its key says. */
export const archivesAtHand = (db: Pick<Kysely<Database>, 'selectFrom'>) =>
  db
    .selectFrom('staged_archives')
    .where('status', 'in', ['staged', 'loaded'])
    .select((eb) => {
      const { instrument_type, symbol, timeframe, month, cadence } = keyParts(eb.ref('key'));
      return [
        instrument_type.as('instrument_type'),
        symbol.as('symbol'),
        timeframe.as('timeframe'),
        month.as('month'),
        cadence.as('cadence'),
        'key',
        'sha256',
      ];
    });
