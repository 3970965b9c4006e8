import { sum } from 'klinehouse/vocabulary';
import { defineDataTest } from '../models/schema.ts';

export default defineDataTest({
  description: 'The revenue of every country is that of its days.',
  failures: ({ db }) =>
    db
      .selectFrom('daily_revenue as daily')
      .innerJoin('country_totals as total', 'total.country', 'daily.country')
      .groupBy(['daily.country', 'total.revenue'])
      .select(({ ref }) => ['daily.country', 'total.revenue', sum(ref('daily.revenue')).as('of_days')])
      .having(({ eb, ref }) => eb(sum(ref('daily.revenue')), '<>', ref('total.revenue'))),
});
