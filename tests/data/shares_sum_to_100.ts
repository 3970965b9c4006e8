import type { Expression } from 'kysely';
import { abs, cast, minus, sumOfDoubles } from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';

const share = (percent: Expression<number>) => sumOfDoubles(cast('DOUBLE', percent)).ofGroup();

export default defineDataTest({
  description: 'The market shares of a day sum to 100 ± 0.001.',
  failures: ({ db }) =>
    db
      .selectFrom('volume_rankings')
      .groupBy('date')
      .having(({ eb, ref }) => eb(abs(minus(share(ref('market_share_pct')), 100)), '>', 0.001))
      .select(({ ref }) => ['date', share(ref('market_share_pct')).as('share')]),
});
