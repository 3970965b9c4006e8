import type { Kysely } from 'kysely';
import { countDistinct, countWhere, divide, holds, literal, nullIf } from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';
import type { Database } from '../../models/schema.ts';

const leastShare = 0.9;

const shareOfDays = (db: Kysely<Database>) =>
  db.selectFrom('volume_rankings').select(({ and, eb, ref }) => {
    const days = countWhere(and([eb('symbol', '=', 'BTCUSDT'), eb('rank', '<=', 5)]));
    return [divide(days, nullIf(countDistinct(ref('date')), 0n)).as('value'), literal(leastShare).as('threshold')];
  });

export default defineDataTest({
  description: 'BTCUSDT is in the top five on at least 90 % of days; a wrong universe or unit would show here.',
  failures: ({ db }) =>
    db
      .selectFrom(shareOfDays(db).as('found'))
      .where(({ eb, ref }) => holds(eb('found.value', '<', ref('found.threshold')), { ifUnknown: true }))
      .selectAll(),
  measure: ({ db }) => shareOfDays(db),
});
