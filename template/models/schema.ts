import { bigint, dataTestsOf, date, engineTables, modelsOf, table, varchar } from 'klinehouse/engine';

export const schema = {
  orders: table('orders', {
    description: 'Orders as they were staged.',
    columns: {
      order_id: bigint('Number of the order.'),
      day: date('Day of the order, UTC.'),
      country: varchar('Country of the customer.'),
      amount: bigint('What was paid.', { unit: 'cents', min: 0 }),
    },
    key: ['day', 'order_id'],
    keyHeldBy: 'partition',
    partition: ['day'],
  }),
  daily_revenue: table('daily_revenue', {
    description: 'Orders and revenue of a country on a day.',
    columns: {
      day: date('Day of the orders, UTC.'),
      country: varchar('Country of the customers.'),
      orders: bigint('Number of orders.', { min: 1 }),
      revenue: bigint('What was paid.', { unit: 'cents' }),
    },
    key: ['day', 'country'],
    partition: ['day'],
  }),
  countries: table('countries', {
    description: 'Seed: names of countries.',
    columns: { country: varchar('Country of customers.'), name: varchar('Its name.') },
    key: ['country'],
  }),
  country_totals: table('country_totals', {
    description: 'What each country has ordered so far.',
    columns: {
      country: varchar('Country of the customers.'),
      name: varchar.nullable('Its name.'),
      days: bigint('Days with an order.'),
      orders: bigint('Number of orders.'),
      revenue: bigint('What was paid.', { unit: 'cents' }),
    },
    key: ['country'],
  }),
  ...engineTables,
} as const;

export const defineModel = modelsOf(schema);
export const defineDataTest = dataTestsOf(schema);
