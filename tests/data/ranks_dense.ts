import { sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'The ranks of a day run from 1 without a gap.',
  failures: ({ db }) =>
    db
      .selectFrom('volume_rankings')
      .groupBy('date')
      .having(
        ({ ref }) => sql<boolean>`min(${ref('rank')}) <> 1 or max(${ref('rank')}) <> count(distinct ${ref('rank')})`,
      )
      .select(({ ref }) => [
        'date',
        cast('SMALLINT', sql`min(${ref('rank')})`).as('first_rank'),
        cast('SMALLINT', sql`max(${ref('rank')})`).as('last_rank'),
        cast('BIGINT', sql`count(distinct ${ref('rank')})`).as('ranks'),
      ]),
});
