import { sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'The market shares of a day sum to 100 ± 0.001.',
  failures: ({ db }) =>
    db
      .selectFrom('volume_rankings')
      .groupBy('date')
      .having(({ ref }) => sql<boolean>`abs(sum(cast(${ref('market_share_pct')} as DOUBLE)) - 100) > 0.001`)
      .select(({ ref }) => ['date', cast('DOUBLE', sql`sum(cast(${ref('market_share_pct')} as DOUBLE))`).as('share')]),
});
