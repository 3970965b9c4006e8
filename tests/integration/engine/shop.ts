import { sql } from 'kysely';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { bigint, date, desc, engineTables, modelsOf, table, timestamp, varchar } from '../../../engine/index.ts';
import { cast, rowsDigest } from '../../../engine/vocabulary/index.ts';

/** Sales of shops by day, and the models built from them, small enough that each expected row can be read. */
export const schema = {
  sales: table('sales', {
    description: 'What was sold.',
    columns: {
      day: date('Day.'),
      shop: varchar('Shop.'),
      amount: bigint('Sold.', { unit: 'pieces' }),
    },
    key: ['day', 'shop'],
    keyHeldBy: 'partition',
    partition: ['day'],
  }),
  daily_totals: table('daily_totals', {
    description: 'Sales of a day.',
    columns: {
      day: date('Day.'),
      total: bigint('Sold.', { unit: 'pieces' }),
      built_at: timestamp('As-of of the run that built the row.'),
    },
    key: ['day'],
    indexes: { idx_total: [desc('total'), 'day'] },
    partition: ['day'],
  }),
  sightings: table('sightings', {
    description: 'Shops, and when a run first saw that they sell.',
    columns: {
      day: date('Day.'),
      shop: varchar('Shop.'),
      amount: bigint('Sold.', { unit: 'pieces' }),
      first_seen: timestamp('As-of of the run that first saw the sale.'),
    },
    key: ['day', 'shop'],
    partition: ['day'],
  }),
  ...engineTables,
} as const;

const defineModel = modelsOf(schema);

/** `at_least` drops small sales: a var that is a literal in the SQL. */
export const dailyTotals = defineModel('daily_totals', {
  inputs: ({ db }) =>
    db
      .selectFrom('sales')
      .groupBy('day')
      .select((eb) => ['day', rowsDigest(eb.ref('shop'), eb.ref('amount')).as('digest')]),
  query: ({ db, vars, asOf }) =>
    db
      .selectFrom('sales')
      .where('amount', '>=', BigInt(vars.number('at_least')))
      .groupBy('sales.day')
      .orderBy('sales.day')
      .select((eb) => [
        'sales.day',
        cast('BIGINT', sql`sum(${eb.ref('amount')})`).as('total'),
        cast('TIMESTAMP', asOf).as('built_at'),
      ]),
});

/** A model that reads itself: a day that it has seen before keeps the time at which it was seen. */
export const sightings = defineModel('sightings', {
  inputs: ({ db }) =>
    db
      .selectFrom('sales')
      .groupBy('day')
      .select((eb) => ['day', rowsDigest(eb.ref('shop'), eb.ref('amount')).as('digest')]),
  query: ({ db, asOf }) =>
    db
      .selectFrom('sales')
      .leftJoin('sightings as before', (join) =>
        join.onRef('before.day', '=', 'sales.day').onRef('before.shop', '=', 'sales.shop'),
      )
      .select((eb) => [
        'sales.day',
        'sales.shop',
        'sales.amount',
        cast('TIMESTAMP', sql`coalesce(${eb.ref('before.first_seen')}, ${asOf})`).as('first_seen'),
      ]),
});

/** Sets the sales of one shop on these days, replacing earlier ones; 0 removes the day. */
export async function sell(
  warehouse: Warehouse,
  sales: Readonly<Record<string, number>>,
  shop = 'north',
): Promise<void> {
  for (const [day, amount] of Object.entries(sales)) {
    await warehouse.run(`DELETE FROM sales WHERE day = '${day}' AND shop = '${shop}'`);
    if (amount > 0) await warehouse.run(`INSERT INTO sales VALUES ('${day}', '${shop}', ${amount})`);
  }
}
