import { cast } from 'klinehouse/engine';
import { defineModel } from './schema.ts';

export default defineModel('daily_revenue', {
  query: ({ db, vars }) =>
    db
      .selectFrom('orders')
      .where('amount', '>=', BigInt(vars.number('smallest_order')))
      .groupBy(['day', 'country'])
      .select(({ fn }) => [
        'day',
        'country',
        cast('BIGINT', fn.countAll()).as('orders'),
        cast('BIGINT', fn.sum('amount')).as('revenue'),
      ]),
});
