import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { createCompiler } from '../../../engine/duckdb/dialect.ts';
import { groupsBy } from '../../../engine/lineage.ts';
import { count, max } from '../../../engine/vocabulary/index.ts';

interface Database {
  orders: { day: string; shop: string; total: number };
  shops: { name: string };
}
const db = createCompiler<Database>();
const orders = db.selectFrom('orders');
const ofDay = orders.groupBy('day').having(({ eb, ref }) => eb(max(ref('total')), '>', 1));

describe('a query groups a table by its partitions', () => {
  test.each([
    ['if it groups by them', ofDay.select('day')],
    ['if it groups by more', orders.groupBy(['shop', 'day']).select(['shop', 'day', count().as('rows')])],
    ['with conditions and an order', ofDay.where('total', '>', 0).orderBy('day').select('day')],
  ])('%s', (_, query) => {
    expect(groupsBy(query, 'orders', ['day'])).toBe(true);
  });

  test.each([
    ['if it does not group', orders.select('day')],
    ['if it groups by other columns', orders.groupBy('shop').select('shop')],
    ['with a limit', ofDay.limit(1).select('day')],
    ['with a join', ofDay.innerJoin('shops', 'shops.name', 'orders.shop').select('day')],
    ['of another table', db.selectFrom('shops').groupBy('name').select('name')],
    ['of the table under another name', db.selectFrom('orders as other').groupBy('other.day').select('other.day')],
    ['of a subquery', db.selectFrom(orders.selectAll().as('orders')).groupBy('day').select('day')],
    [
      'with a CTE',
      db
        .with('orders', () => orders.selectAll())
        .selectFrom('orders')
        .groupBy('day')
        .select('day'),
    ],
    ['with a union', ofDay.select('day').union(orders.groupBy('day').select('day'))],
    [
      'with a subquery',
      ofDay.where('total', '>', (eb) => eb.selectFrom('shops').select('name' as never)).select('day'),
    ],
    [
      'with a window',
      ofDay.select(({ ref }) => [
        'day',
        max(max(ref('total')).ofGroup())
          .over()
          .as('most'),
      ]),
    ],
    ['with a window in a raw fragment', ofDay.select(sql`count(*) OVER ()`.as('days'))],
    ['with a subquery in a raw fragment', ofDay.where(sql<boolean>`shop IN (SELECT name FROM shops)`).select('day')],
  ])('but not %s', (_, query) => {
    expect(groupsBy(query, 'orders', ['day'])).toBe(false);
  });
});
