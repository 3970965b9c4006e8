import { count, sum } from 'klinehouse/vocabulary';
import { defineModel } from './schema.ts';

export default defineModel('daily_revenue', {
  query: ({ db, vars }) =>
    db
      .selectFrom('orders')
      .where('amount', '>=', BigInt(vars.number('smallest_order')))
      .groupBy(['day', 'country'])
      .select(({ ref }) => ['day', 'country', count().as('orders'), sum(ref('amount')).ofGroup().as('revenue')]),
});
