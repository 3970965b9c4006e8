import { type Kysely, sql } from 'kysely';
import { cast, type Vars } from '../../engine/index.ts';
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
      .select((eb) => [
        'symbol',
        cast('DATE', sql`min(${eb.ref('date')})`).as('first_date'),
        cast(
          'DATE',
          sql`least(max(${eb.ref('date')}) + ${sql.lit(vars.number('grace_days'))}, max(max(${eb.ref('date')})) over ())`,
        ).as('last_date'),
      ]),
});
