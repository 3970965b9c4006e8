import { count, sum } from 'klinehouse/vocabulary';
import { defineModel } from './schema.ts';

export default defineModel('country_totals', {
  query: ({ db }) =>
    db
      .selectFrom('daily_revenue')
      .groupBy('country')
      .select(({ ref }) => [
        'country',
        count().as('days'),
        sum(ref('orders')).ofGroup().as('orders'),
        sum(ref('revenue')).ofGroup().as('revenue'),
      ]),
});
