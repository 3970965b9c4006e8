import type { Kysely } from 'kysely';
import type { Vars } from '../../engine/index.ts';
import { addDays, least, max, min } from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';
import type { Database } from '../schema.ts';

export const instrumentType = 'futures-um';

/** Which symbol's daily archive, at the availability timeframe, is listed for which day. */
export const listedDays = (db: Kysely<Database>, vars: Vars) =>
  db
    .selectFrom('archive_objects')
    .where('instrument_type', '=', instrumentType)
    .where('cadence', '=', 'daily')
    .where('timeframe', '=', vars.string('availability_timeframe'))
    .select(['symbol', 'period_start as date', 'size_bytes', 'last_modified', 'key']);

/**
 * From a symbol's first listed day to its last, and `grace_days` more while it stays away, but never past the newest day
 * that is listed for any symbol.
 */
export default defineModel('listed_spans', {
  query: ({ db, vars }) =>
    db
      .selectFrom(listedDays(db, vars).as('listed'))
      .groupBy('symbol')
      .orderBy('symbol')
      .select(({ ref }) => {
        const last = max(ref('date')).ofGroup();
        const lastOfAll = max(last).over();
        return [
          'symbol',
          min(ref('date')).ofGroup().as('first_date'),
          least(addDays(last, vars.number('grace_days')), lastOfAll).as('last_date'),
        ];
      }),
});
