import { cast } from 'klinehouse/engine';
import { defineModel } from './schema.ts';

export default defineModel('country_totals', {
  query: ({ db }) =>
    db
      .selectFrom('daily_revenue')
      .groupBy('country')
      .select(({ fn }) => [
        'country',
        cast('BIGINT', fn.countAll()).as('days'),
        cast('BIGINT', fn.sum('orders')).as('orders'),
        cast('BIGINT', fn.sum('revenue')).as('revenue'),
      ]),
});
