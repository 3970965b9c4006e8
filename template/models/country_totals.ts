import { count, sum } from 'klinehouse/vocabulary';
import { defineModel } from './schema.ts';

export default defineModel('country_totals', {
  query: ({ db }) =>
    db
      .selectFrom('daily_revenue as daily')
      .leftJoin('countries', 'countries.country', 'daily.country')
      .groupBy(['daily.country', 'countries.name'])
      .select(({ ref }) => [
        'daily.country',
        'countries.name',
        count().as('days'),
        sum(ref('daily.orders')).ofGroup().as('orders'),
        sum(ref('daily.revenue')).ofGroup().as('revenue'),
      ]),
});
