import { cast, countDistinct, max, min } from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'The ranks of a day run from 1 without a gap.',
  failures: ({ db }) =>
    db
      .selectFrom('volume_rankings')
      .groupBy('date')
      .having(({ eb, or, ref }) => {
        const lastRank = cast('BIGINT', max(ref('rank')).ofGroup());
        return or([eb(min(ref('rank')), '<>', 1), eb(lastRank, '<>', countDistinct(ref('rank')))]);
      })
      .select(({ ref }) => [
        'date',
        min(ref('rank')).ofGroup().as('first_rank'),
        max(ref('rank')).ofGroup().as('last_rank'),
        countDistinct(ref('rank')).as('ranks'),
      ]),
});
