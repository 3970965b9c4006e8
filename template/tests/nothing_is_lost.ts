import { cast } from 'klinehouse/engine';
import { defineDataTest } from '../models/schema.ts';

export default defineDataTest({
  description: 'The revenue of every country is that of its days.',
  failures: ({ db }) =>
    db
      .selectFrom('daily_revenue as daily')
      .innerJoin('country_totals as total', 'total.country', 'daily.country')
      .groupBy(['daily.country', 'total.revenue'])
      .select(({ fn }) => ['daily.country', 'total.revenue', cast('BIGINT', fn.sum('daily.revenue')).as('of_days')])
      .having(({ eb, fn, ref }) => eb(cast('BIGINT', fn.sum('daily.revenue')), '<>', ref('total.revenue'))),
});
