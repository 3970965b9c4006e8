import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { noteChanges, type Reader } from '../../../engine/duckdb/changes.ts';
import type { CompiledModel } from '../../../engine/duckdb/compiled-model.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import {
  bigint,
  boolean,
  type DatabaseOf,
  date,
  engineTables,
  modelsOf,
  month,
  table,
  timestamp,
  varchar,
} from '../../../engine/index.ts';
import type { Model, ModelDefinition } from '../../../engine/model.ts';
import type { Schema } from '../../../engine/schema/table.ts';
import { addDays, cast, dayOf, sum, unnestDays } from '../../../engine/vocabulary/index.ts';
import { build, compileModel, createWarehouse, texts, utc } from '../../support/engine.ts';

const day = date('Day.');
const shop = varchar('Shop.');
const columns = { day, shop, value: bigint.nullable('What the model makes of it.') };
const byDay = { description: 'By day.', columns, key: [], keyHeldBy: 'partition', partition: ['day'] } as const;
const schema = {
  sales: table('sales', {
    description: 'What was sold when.',
    columns: { sold_at: timestamp('When.'), shop, amount: bigint('Sold.'), clerk: varchar('Who sold it.') },
    key: [],
    keyHeldBy: 'partition',
  }),
  shops: table('shops', {
    description: 'Shops.',
    columns: { shop, is_open: boolean('Whether it sells.'), street: varchar('Where.') },
    key: [],
    keyHeldBy: 'partition',
  }),
  leases: table('leases', {
    description: 'From which day to which a shop has its rooms.',
    columns: { shop, first_day: date('First day.'), last_day: date('Last day.') },
    key: [],
    keyHeldBy: 'partition',
  }),
  sold: table('sold', byDay),
  trends: table('trends', byDay),
  rented: table('rented', byDay),
  settled: table('settled', byDay),
  months: table('months', { ...byDay, partition: [month('day')] }),
  total: table('total', {
    description: 'In all.',
    columns: { value: bigint('Sold.') },
    key: [],
    keyHeldBy: 'partition',
  }),
  ...engineTables,
} as const;
const defineModel = modelsOf(schema);
type Database = DatabaseOf<typeof schema>;

/** Sales of open shops by day. */
const daily = (db: Kysely<Database>) =>
  db
    .selectFrom('sales')
    .innerJoin('shops', (join) => join.onRef('shops.shop', '=', 'sales.shop').on('shops.is_open', '=', true))
    .groupBy(({ ref }) => [dayOf(ref('sales.sold_at')), 'sales.shop'])
    .select(({ ref }) => [dayOf(ref('sales.sold_at')).as('day'), 'sales.shop', sum(ref('sales.amount')).as('value')]);

const sources = {
  sales: { by: { day: 'sold_at' } },
  shops: { through: 'sales', on: ['shop'] },
} as const;

const definitions = {
  sold: defineModel('sold', { sources, query: ({ db }) => daily(db) }),
  trends: defineModel('trends', {
    sources: { sold: { looksBack: '3 days' } },
    query: ({ db }) =>
      db
        .selectFrom('sold as one')
        .innerJoin('sold as other', (join) =>
          join
            .onRef('other.shop', '=', 'one.shop')
            .on(({ ref }) => sql<boolean>`${ref('other.day')} between ${ref('one.day')} - 3 and ${ref('one.day')}`),
        )
        .groupBy(['one.day', 'one.shop'])
        .select(({ ref }) => ['one.day', 'one.shop', sum(ref('other.value')).as('value')]),
  }),
  rented: defineModel('rented', {
    sources: { leases: { by: { day: ['first_day', 'last_day'] } }, sold: {} },
    query: ({ db }) =>
      db
        .selectFrom(({ selectFrom }) =>
          selectFrom('leases')
            .select(({ ref }) => ['shop', unnestDays(ref('first_day'), ref('last_day')).as('day')])
            .as('lease'),
        )
        .leftJoin('sold', (join) => join.onRef('sold.shop', '=', 'lease.shop').onRef('sold.day', '=', 'lease.day'))
        .select(['lease.day', 'lease.shop', 'sold.value']),
  }),
  settled: defineModel('settled', {
    settlesAfter: '2 days',
    query: ({ db, asOf }) =>
      db
        .selectFrom('sold')
        .where(({ eb, ref }) => eb(addDays(ref('day'), 2), '<', asOf))
        .select(['day', 'shop', 'value']),
  }),
  months: defineModel('months', { query: ({ db }) => db.selectFrom('sold').select(['day', 'shop', 'value']) }),
  total: defineModel('total', {
    query: ({ db }) =>
      db.selectFrom('sold').select(({ ref }) => [cast('BIGINT', sql`coalesce(sum(${ref('value')}), 0)`).as('value')]),
  }),
};
const compiled = Object.values(definitions).map((model) => compileModel(model, schema as unknown as Schema));
const named = (name: string) => compiled.find((model) => model.name === name) as CompiledModel;

const readersOf = (all: readonly CompiledModel[]) => async (name: string) =>
  all.filter(({ sources: read }) => read.some((source) => source.table.name === name)) as readonly Reader[];

/** Changes a table as an extract would, with its changes noted. */
async function edit(warehouse: Warehouse, name: keyof typeof schema, statement: string, all = compiled): Promise<void> {
  const readers = await readersOf(all)(name);
  await warehouse.transaction(() => noteChanges(warehouse, schema[name], readers, '', () => warehouse.run(statement)));
}

const makeUp = (warehouse: Warehouse, model: CompiledModel, options: Partial<Parameters<typeof build>[2]> = {}) =>
  build(warehouse, model, { readersOf: readersOf(compiled), ...options });

const rowsOf = (warehouse: Warehouse, relation: string) => texts(warehouse, `FROM ${relation} ORDER BY ALL`);

const days = fc.integer({ min: 1, max: 9 }).map((number) => `2025-07-0${number}`);
const shops = fc.constantFrom('a', 'b', 'c');
const edits = fc.oneof(
  fc
    .tuple(days, shops, fc.integer({ min: 1, max: 3 }))
    .map(
      ([sold, of, amount]) => ['sales', `INSERT INTO sales VALUES ('${sold} 12:00', '${of}', ${amount}, 'x')`] as const,
    ),
  fc
    .tuple(days, shops)
    .map(([sold, of]) => ['sales', `DELETE FROM sales WHERE sold_at::DATE = '${sold}' AND shop = '${of}'`] as const),
  fc
    .tuple(days, days)
    .map(
      ([from, to]) => ['sales', `UPDATE sales SET sold_at = '${to} 08:00' WHERE sold_at::DATE = '${from}'`] as const,
    ),
  fc.constant(['sales', `UPDATE sales SET clerk = 'y'`] as const),
  fc.constant(['sales', `UPDATE sales SET amount = CASE shop WHEN 'a' THEN 2 ELSE 1 END`] as const),
  fc
    .tuple(shops, fc.boolean())
    .map(([of, open]) => ['shops', `UPDATE shops SET is_open = ${open} WHERE shop = '${of}'`] as const),
  fc.constant(['shops', `UPDATE shops SET street = street || '!'`] as const),
  fc
    .tuple(shops, days, days)
    .map(
      ([of, one, other]) =>
        [
          'leases',
          `UPDATE leases SET first_day = least('${one}', '${other}')::DATE, last_day = greatest('${one}', '${other}')::DATE WHERE shop = '${of}'`,
        ] as const,
    ),
);
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: edits.map(([name, statement]) => ({ kind: 'edit', name, statement }) as const) },
    {
      weight: 2,
      arbitrary: fc
        .record({
          model: fc.constantFrom(...(Object.keys(definitions) as (keyof typeof definitions)[])),
          window: fc.option(fc.tuple(days, days)),
          asOf: fc.constantFrom('2025-07-08T09:00', '2025-07-09T09:00', '2025-07-10T09:00'),
        })
        .map((run) => ({ kind: 'run', ...run }) as const),
    },
  ),
  { minLength: 1, maxLength: 12 },
);

async function filled(): Promise<Warehouse> {
  const warehouse = await createWarehouse(schema as unknown as Schema);
  await warehouse.run(
    `INSERT INTO sales SELECT DATE '2025-07-01' + i::INTEGER, shop, i, 'x' FROM range(6) t(i), (VALUES ('a'), ('b')) s(shop)`,
  );
  await warehouse.run(`INSERT INTO shops VALUES ('a', true, 's'), ('b', true, 's'), ('c', false, 's')`);
  await warehouse.run(`INSERT INTO leases VALUES ('a', '2025-07-01', '2025-07-04'), ('c', '2025-07-03', '2025-07-08')`);
  return warehouse;
}

describe('a model without inputs', () => {
  test('is what a full build makes it, after any edits, in any order and selection', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (some) => {
        await using warehouse = await filled();
        for (const step of some) {
          if (step.kind === 'edit') await edit(warehouse, step.name, step.statement);
          else {
            const { window: range, asOf } = step;
            const [start, end] = [...(range ?? [])].sort();
            const window =
              range === null ? undefined : { start: new Date(start as string), end: new Date(end as string) };
            await makeUp(warehouse, named(step.model), { window, asOf: utc(asOf) });
          }
        }
        const asOf = utc('2025-07-09T09:00');
        for (const model of compiled) await makeUp(warehouse, model, { asOf });
        for (const { name, querySql } of compiled)
          expect(await rowsOf(warehouse, name), name).toEqual(await rowsOf(warehouse, `(${querySql})`));
        for (const model of compiled)
          expect(await makeUp(warehouse, model, { asOf }), model.name).toMatchObject({
            status: 'reused',
            partitions: 0,
          });
      }),
      { numRuns: 12 },
    );
  }, 120_000);

  const built = async (warehouse: Warehouse): Promise<Readonly<Record<string, number>>> => {
    const partitions: Record<string, number> = {};
    for (const model of compiled) partitions[model.name] = (await makeUp(warehouse, model)).partitions;
    return partitions;
  };

  test('builds the partitions that a change reaches, and nothing after a change of what it does not read', async () => {
    await using warehouse = await filled();
    await built(warehouse);
    const none = { sold: 0, trends: 0, rented: 0, settled: 0, months: 0, total: 0 };
    await edit(warehouse, 'sales', `UPDATE sales SET clerk = 'y'`);
    await edit(warehouse, 'shops', `UPDATE shops SET street = 'z'`);
    expect(await built(warehouse)).toEqual(none);
    await edit(warehouse, 'sales', `UPDATE sales SET amount = 7 WHERE sold_at = '2025-07-02' AND shop = 'a'`);
    expect(await built(warehouse)).toEqual({ sold: 1, trends: 4, rented: 1, settled: 1, months: 1, total: 1 });
    await edit(warehouse, 'leases', `UPDATE leases SET last_day = '2025-07-06' WHERE shop = 'a'`);
    expect(await built(warehouse)).toEqual({ ...none, rented: 2 });
    await edit(warehouse, 'shops', `UPDATE shops SET is_open = false WHERE shop = 'b'`);
    expect(await built(warehouse)).toMatchObject({ sold: 6, trends: 6, rented: 0, months: 1 });
  });

  test('builds nothing after a change and its undoing', async () => {
    await using warehouse = await filled();
    await built(warehouse);
    await edit(warehouse, 'sales', `UPDATE sales SET amount = amount + 1`);
    await edit(warehouse, 'sales', `UPDATE sales SET amount = amount - 1`);
    expect(await makeUp(warehouse, named('sold'))).toMatchObject({ status: 'reused', partitions: 0 });
  });

  test('notices two values that change places', async () => {
    await using warehouse = await filled();
    await edit(warehouse, 'sales', `UPDATE sales SET amount = CASE shop WHEN 'a' THEN 1 ELSE 2 END`);
    await built(warehouse);
    await edit(warehouse, 'sales', `UPDATE sales SET amount = CASE shop WHEN 'a' THEN 2 ELSE 1 END`);
    expect(await built(warehouse)).toMatchObject({ sold: 6, total: 0 });
  });

  test('keeps its rows and its changes when its build fails, and takes them up later', async () => {
    await using warehouse = await filled();
    await built(warehouse);
    await edit(warehouse, 'sales', `UPDATE sales SET amount = 9 WHERE sold_at = '2025-07-02'`);
    const broken = { ...named('sold'), prunedSql: `SELECT day, shop, error('no')::BIGINT AS value FROM sold` };
    await expect(makeUp(warehouse, broken)).rejects.toThrow();
    expect(await makeUp(warehouse, named('sold'))).toMatchObject({ partitions: 1 });
  });

  test('looks at everything after its definition has changed, and where its source was published meanwhile', async () => {
    await using warehouse = await filled();
    await built(warehouse);
    const other = { ...named('trends'), definitionDigest: 'another' };
    const both = [...compiled.filter(({ name }) => name !== 'trends'), other];
    await edit(warehouse, 'sales', `UPDATE sales SET amount = 9 WHERE sold_at = '2025-07-02'`);
    await build(warehouse, named('sold'), { readersOf: readersOf(both) });
    expect(await makeUp(warehouse, named('trends'))).toMatchObject({ partitions: 6 });
    expect(await rowsOf(warehouse, 'trends')).toEqual(await rowsOf(warehouse, `(${named('trends').querySql})`));
  });
});

describe('a mistake in sources', () => {
  const redefined = (
    name: keyof typeof definitions,
    change: Partial<ModelDefinition<Schema, never>>,
  ): CompiledModel => {
    const { table: of, definition } = definitions[name] as Model;
    return compileModel(
      { table: of, definition: { ...definition, ...(change as object) } },
      schema as unknown as Schema,
    );
  };

  test.each([
    ['the newest day', `INSERT INTO sales VALUES ('2025-07-07', 'a', 5, 'x')`, '2025-07-06'],
    ['an early day', `UPDATE sales SET amount = 9 WHERE sold_at = '2025-07-02'`, '2025-07-03'],
  ])(
    'shows in the witness: a look-back that is left out publishes nothing after a change of %s',
    async (_, change, witness) => {
      await using warehouse = await filled();
      const forgetful = redefined('trends', { sources: {} });
      const all = [named('sold'), forgetful];
      const buildAll = async () => {
        for (const model of all) await build(warehouse, model, { readersOf: readersOf(all) });
      };
      await buildAll();
      const before = await rowsOf(warehouse, 'trends');
      await edit(warehouse, 'sales', change, all);
      await expect(buildAll()).rejects.toMatchObject({
        code: 'SOURCES_INVALID',
        message: expect.stringContaining(`trends was computed again for ${witness}, which no change has reached`),
      });
      expect(await rowsOf(warehouse, 'trends')).toEqual(before);
    },
  );

  test('shows when the whole table is compared: its partitions and rows are named, and nothing is published', async () => {
    await using warehouse = await filled();
    for (const model of compiled) await makeUp(warehouse, model);
    for (const model of compiled) expect((await makeUp(warehouse, model, { verify: true })).status).toBe('reused');
    await warehouse.run(`UPDATE sold SET value = 99 WHERE day = '2025-07-02' AND shop = 'b'`);
    await expect(makeUp(warehouse, named('sold'), { verify: true })).rejects.toMatchObject({
      code: 'SOURCES_INVALID',
      message:
        'sold differs from a full build in 1 partition: 2025-07-02\n' +
        '  stored:\n    day=2025-07-02T00:00:00.000Z shop=b value=99\n' +
        '  built:\n    day=2025-07-02T00:00:00.000Z shop=b value=1',
    });
  });

  test.each([
    [
      'a source without the partition columns',
      'sold',
      {},
      'the source sales has no column day, by which sold is partitioned',
    ],
    [
      'a number that is no number of days',
      'trends',
      { sold: { looksBack: '3 weeks' } },
      'the source sold says 3 weeks',
    ],
    ['days for a model of months', 'months', { sold: { by: { month: ['day', 'day'] } } }, 'the source sold maps days'],
    ['a look back over months', 'months', { sold: { looksBack: '3 days' } }, 'the source sold looks back'],
    ['a column that it lacks', 'sold', { sales: { by: { day: 'sold_on' } } }, 'the source sales has no column sold_on'],
    ['a column of another type', 'sold', { sales: { by: { day: 'shop' } } }, 'the source sales has shop as VARCHAR'],
  ] as const)('is refused before anything is built: %s', (_what, name, wrong, message) => {
    expect(() => redefined(name, { sources: wrong as never })).toThrow(message);
  });
});
