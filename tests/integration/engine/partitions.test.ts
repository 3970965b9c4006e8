import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import { createCompiler } from '../../../engine/duckdb/kysely.ts';
import type { Warehouse } from '../../../engine/duckdb/warehouse.ts';
import {
  bigint,
  boolean,
  builtPartitions,
  date,
  double,
  engineTables,
  modelsOf,
  month,
  partitionText,
  partitionValues,
  type Schema,
  table,
  timestamp,
  varchar,
} from '../../../engine/index.ts';
import { partitionTextSql } from '../../../engine/partition-text.ts';
import { checkNames } from '../../../engine/schema/names.ts';
import { quoteName, quoteText } from '../../../engine/sql.ts';
import { rowsDigest } from '../../../engine/vocabulary/index.ts';
import { build, compileModel, compileTest, createWarehouse, texts } from '../../support/engine.ts';
import { tempDir } from '../../support/temp.ts';

const system = engineTables;
// biome-ignore lint/suspicious/noExplicitAny: the tables of a test have names of any kind
type AnyDb = Kysely<any>;

/** Values as SQL literals, by the type of the column. */
const kinds = {
  VARCHAR: {
    column: varchar.nullable('Part.'),
    values: fc
      .oneof(
        fc.constantFrom(
          '',
          '/',
          '%',
          '%N',
          '%2F',
          '%25',
          'a/b',
          'b',
          'a',
          'NULL',
          '.',
          '2025-06',
          "o'hare",
          'A',
          '币安',
          '\n',
        ),
        fc.string({ maxLength: 4, unit: fc.constantFrom('/', '%', '2', 'F', 'N', "'", '"', ' ', 'x') }),
      )
      .map(quoteText),
  },
  DATE: {
    column: date.nullable('Part.'),
    values: fc.constantFrom('2025-06-01', '1969-12-31', '0044-03-15 (BC)', 'infinity').map((text) => `DATE '${text}'`),
  },
  TIMESTAMP: {
    column: timestamp.nullable('Part.'),
    values: fc
      .constantFrom('2025-06-01 00:00:00', '2025-06-01 00:00:00.000001', '1969-12-31 23:59:59.999999')
      .map((text) => `TIMESTAMP '${text}'`),
  },
  DOUBLE: {
    column: double.nullable('Part.'),
    values: fc
      .constantFrom('0.1', '0.30000000000000004', '1e300', '5e-324', 'nan', '-inf', '-7')
      .map((text) => `cast('${text}' as DOUBLE)`),
  },
  BIGINT: { column: bigint.nullable('Part.'), values: fc.constantFrom('9007199254740993', '9007199254740992', '-1') },
  BOOLEAN: { column: boolean.nullable('Part.'), values: fc.constantFrom('true', 'false') },
} as const;
type Kind = keyof typeof kinds;

/** Names that the engine, SQL or the partition itself might use for something else. */
const names = ['month', 'digest', 'partition', 'part1', 'dirty', 'input_digest', 'is_readable', 'select', 'a b', 'x"y'];

/** A table of sales with these columns of a partition, and a model that copies it. */
function copyOf(parts: readonly (readonly [name: string, kind: Kind])[], pruned: boolean) {
  const columns = {
    ...Object.fromEntries(parts.map(([name, kind]) => [name, kinds[kind].column])),
    amount: bigint('Sold.'),
  };
  const partition = parts.map(([name]) => name);
  const options = {
    description: 'T.' as const,
    columns,
    key: [],
    keyHeldBy: 'partition' as const,
    partition: partition as never,
  };
  const schema = { ...system, sales: table('sales', options), copies: table('copies', options) } as unknown as Schema;
  const model = {
    table: schema.copies,
    definition: {
      inputs: ({ db }: { db: AnyDb }) =>
        db
          .selectFrom('sales')
          .groupBy(partition.map((name) => `sales.${name}`))
          .select(({ ref }) => [
            ...partition.map((name) => `sales.${name}`),
            rowsDigest(ref('sales.amount')).as('digest'),
          ]),
      query: ({ db }: { db: AnyDb }) =>
        db.selectFrom('sales').select(Object.keys(columns).map((name) => `sales.${name}`)),
      ...(pruned && { sources: { sales: {} } }),
    },
  };
  return { schema, columns, model: compileModel(model as never, schema) };
}

const distinct = async (warehouse: Warehouse, relation: string) =>
  (await texts(warehouse, `FROM ${relation} ORDER BY ALL`)).map((row) => JSON.stringify(row));

describe('partition values of any kind (B29)', () => {
  const parts = fc.uniqueArray(
    fc.tuple(fc.constantFrom(...names), fc.constantFrom(...(Object.keys(kinds) as Kind[]))),
    {
      minLength: 1,
      maxLength: 3,
      selector: ([name]) => name,
    },
  );
  const project = parts.chain((chosen) => {
    const row = fc.tuple(
      ...chosen.map(([, kind]) => fc.option(kinds[kind].values, { nil: 'NULL', freq: 4 })),
      fc.integer({ min: 1, max: 3 }).map(String),
    );
    const rows = fc.array(row, { maxLength: 8 });
    return fc.record({ chosen: fc.constant(chosen), pruned: fc.boolean(), first: rows, second: rows, third: rows });
  });

  test('survive a full build, an incremental one and a removal, distinct and unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(project, async ({ chosen, pruned, first, second, third }) => {
        const { schema, model, columns } = copyOf(chosen, pruned);
        await using warehouse = await createWarehouse(schema, { file: ':memory:' });
        for (const rows of [first, second, [...third, ...second], []]) {
          await warehouse.run('TRUNCATE sales');
          if (rows.length > 0)
            await warehouse.run(`INSERT INTO sales VALUES ${rows.map((row) => `(${row})`).join(', ')}`);
          await build(warehouse, model);
          expect(await distinct(warehouse, 'copies')).toEqual(await distinct(warehouse, 'sales'));
          const partitions = Object.keys(columns).slice(0, -1).map(quoteName).join(', ');
          const counted = await warehouse.row(`SELECT
            (SELECT count(*) FROM (SELECT ${partitions} FROM sales GROUP BY ALL)) AS partitions,
            (SELECT count(DISTINCT partition) FROM partition_state) AS texts, (SELECT count(*) FROM partition_state) AS states`);
          expect([counted.texts, counted.states]).toEqual([counted.partitions, counted.partitions]);
          expect(await build(warehouse, model)).toMatchObject({ status: 'reused', partitions: 0 });
        }
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  test('have distinct texts from which they can be restored', async () => {
    const value = fc.option(fc.string({ unit: fc.constantFrom('/', '%', '2', '5', 'F', 'N', 'a', "'") }));
    await using warehouse = await createWarehouse(system);
    const db = createCompiler();
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 3 }), async (values) => {
        const text = partitionText(...values);
        expect(partitionValues(text)).toEqual(values);
        const written = values.map((one) => ({ expression: one === null ? 'NULL' : quoteText(one), type: 'VARCHAR' }));
        const row = await warehouse.row<{ text: string }>(`SELECT ${partitionTextSql(written)} AS text`);
        expect(row.text).toBe(text);
        if (values.includes(null)) return;
        await warehouse.run('TRUNCATE partition_state');
        await warehouse.run(`INSERT INTO partition_state (model, partition, input_digest, run_id)
          VALUES ('one', ${quoteText(text)}, 'digest of it', 'run')`);
        const columns = Object.fromEntries(values.map((_, at) => [`part${at}`, 'VARCHAR' as const]));
        const expected = Object.fromEntries(values.map((one, at) => [`part${at}`, one]));
        expect(await warehouse.rows(builtPartitions(db, 'one', columns).compile().sql)).toEqual([
          { ...expected, digest: 'digest of it' },
        ]);
      }),
      { numRuns: 60 },
    );
  });

  test('of a feed replace the right rows, named by partitionText or as they are', async () => {
    const value = fc.constantFrom(null, '', 'BTC/USDT', 'BTC', '%N', 'a/b', 'a', 'b', '%');
    const feedRows = fc.uniqueArray(fc.tuple(value, value, fc.integer({ min: 1, max: 2 })), {
      maxLength: 5,
      selector: ([one, other]) => partitionText(one, other),
    });
    const columns = { one: varchar.nullable('One.'), other: varchar.nullable('Other.'), size: bigint('Size.') };
    const objects = table('objects', { description: 'O.', columns, key: [], partition: ['one', 'other'] });
    const directory = await tempDir('load-');
    const cell = (text: string | null) => (text === null ? '' : `"${text}"`);
    await fc.assert(
      fc.asyncProperty(fc.array(feedRows, { minLength: 1, maxLength: 3 }), fc.boolean(), async (feeds, isEscaped) => {
        await using warehouse = await createWarehouse({ ...system, objects }, { file: ':memory:' });
        const textOf = (one: string | null, other: string | null) =>
          isEscaped ? partitionText(one, other) : [one ?? '', other ?? ''].join('/');
        for (const rows of feeds) {
          const byText = Map.groupBy(rows, ([one, other]) => textOf(one, other));
          await loadFeed(
            warehouse,
            objects,
            {
              partitions: new Map([...byText].map(([text, all]) => [text, JSON.stringify(all)])),
              writeCsv: (asked, file) => {
                const lines = [...asked].flatMap((text) => byText.get(text) ?? []);
                const csv = lines.map(([one, other, size]) => [cell(one), cell(other), size].join(','));
                return writeFile(file, ['one,other,size', ...csv, ''].join('\n'));
              },
            },
            { directory, runId: 'run', readers: [] },
          );
          const wanted = rows.map(([one, other, size]) => JSON.stringify([one, other, String(size)]));
          expect((await distinct(warehouse, 'objects')).sort()).toEqual(wanted.sort());
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['a number that is written differently', double.nullable('Part.'), '5', '5'],
    ['a time with T and Z', timestamp('Part.'), '2025-07-01T00:00:00Z', '2025-07-01T00:00:00Z'],
  ])('of a feed may be written differently: %s', async (_, column, text, cellText) => {
    const objects = table('objects', {
      description: 'O.',
      columns: { part: column, size: bigint('Size.') },
      key: [],
      partition: ['part'],
    } as never);
    await using warehouse = await createWarehouse({ ...system, objects } as never);
    const directory = await tempDir('load-');
    for (const [size, more] of [
      [1, 'x'],
      [2, 'x'],
      [3, 'y'],
    ] as const) {
      const other = column.type === 'DOUBLE' ? '7' : '2025-07-02T00:00:00Z';
      const partitions = new Map([
        [text, String(size)],
        [other, more],
      ]);
      const lines = { [text]: `${cellText},${size}`, [other]: `${other},0` };
      const writeCsv = (asked: ReadonlySet<string>, file: string) =>
        writeFile(file, ['part,size', ...[...asked].map((one) => lines[one]), ''].join('\n'));
      await loadFeed(warehouse, objects as never, { partitions, writeCsv }, { directory, runId: 'run', readers: [] });
      expect(await texts(warehouse, 'SELECT size FROM objects ORDER BY part')).toEqual([[String(size)], ['0']]);
    }
  });

  test('of a feed are refused, without a change, if its rows belong to a partition that it does not name', async () => {
    const objects = table('objects', {
      description: 'O.',
      columns: { part: varchar('Part.') },
      key: [],
      partition: ['part'],
    });
    await using warehouse = await createWarehouse({ ...system, objects });
    const directory = await tempDir('load-');
    const load = (digest: string, part: string) =>
      loadFeed(
        warehouse,
        objects,
        {
          partitions: new Map([
            ['a', digest],
            ['b', 'same'],
          ]),
          writeCsv: (_, file) => writeFile(file, `part\n${part}\n`),
        },
        { directory, runId: 'run', readers: [] },
      );
    await load('1', 'a');
    for (const part of ['b', 'c'])
      await expect(load('2', part)).rejects.toMatchObject({ code: 'MODULE_INVALID', details: { value: part } });
    expect(await texts(warehouse, 'FROM objects')).toEqual([['a']]);
  });

  test('two months, or a month and a column of that name, can be parts of one key', async () => {
    const schema = {
      ...system,
      trips: table('trips', {
        description: 'Trips.',
        columns: { month: varchar('Season.'), left: timestamp('Left.'), back: timestamp('Back.') },
        key: [],
        partition: ['month', month('left'), month('back')],
      }),
      copies: table('copies', {
        description: 'Trips.',
        columns: { month: varchar('Season.'), left: timestamp('Left.'), back: timestamp('Back.') },
        key: [],
        partition: ['month', month('left'), month('back')],
      }),
    } as const;
    const monthOf = (name: string) => sql<Date>`cast(date_trunc('month', ${sql.ref(name)}) as DATE)`;
    const copies = modelsOf(schema)('copies', {
      inputs: ({ db }) =>
        db
          .selectFrom('trips')
          .select([
            'trips.month',
            monthOf('left').as('month_of_left'),
            monthOf('back').as('month_of_back'),
            rowsDigest(sql.ref('left'), sql.ref('back')).as('digest'),
          ])
          .groupBy(['trips.month', 'month_of_left', 'month_of_back']),
      query: ({ db }) => db.selectFrom('trips').selectAll('trips'),
    });
    await using warehouse = await createWarehouse(schema);
    const model = compileModel(copies, schema);
    await warehouse.run(
      `INSERT INTO trips VALUES ('dry', '2025-06-30', '2025-07-01'), ('wet', '2025-06-30', '2025-08-01')`,
    );
    expect(await build(warehouse, model)).toMatchObject({ rows: 2, partitions: 2 });
    await warehouse.run(`UPDATE trips SET back = '2025-07-02' WHERE month = 'dry'`);
    const window = { start: new Date('2025-07-01'), end: new Date('2025-08-01') };
    expect(await build(warehouse, model, { window })).toMatchObject({ rows: 0, partitions: 0 }); // left in June
    expect(await build(warehouse, model)).toMatchObject({ rows: 1, partitions: 1 });
    expect(await distinct(warehouse, 'copies')).toEqual(await distinct(warehouse, 'trips'));
  });
});

describe('rows outside the partitions that are built (B28)', () => {
  const options = {
    description: 'Sales.',
    columns: { day: date('Day.'), shop: varchar('Shop.') },
    partition: ['day'],
  } as const;
  const schemaOf = (keyHeldBy?: 'partition') => ({
    ...system,
    sales: table('sales', { ...options, key: ['day', 'shop'] }),
    copies: table('copies', { ...options, key: ['day', 'shop'], ...(keyHeldBy && { keyHeldBy }) }),
  });
  const modelOf = (schema: ReturnType<typeof schemaOf>) =>
    compileModel(
      modelsOf(schema)('copies', {
        inputs: ({ db }) =>
          db
            .selectFrom('sales')
            .where('shop', '<>', 'closed')
            .groupBy('day')
            .select(({ ref }) => ['day', rowsDigest(ref('shop')).as('digest')]),
        query: ({ db }) => db.selectFrom('sales').orderBy('day').select(['day', 'shop']),
      }),
      schema,
    );

  test.each([
    ['under a key', undefined],
    ['without a key', 'partition'],
  ] as const)('are never stored, whatever a query returns: %s', async (_, keyHeldBy) => {
    const schema = schemaOf(keyHeldBy);
    const model = modelOf(schema);
    await using warehouse = await createWarehouse(schema);
    const copies = () => texts(warehouse, 'FROM copies');
    await warehouse.run(`INSERT INTO sales VALUES ('2025-07-01', 'a'), ('2025-07-02', 'a'), ('2025-07-03', 'closed')`);
    expect(await build(warehouse, model)).toMatchObject({ rows: 2, partitions: 2 });
    await warehouse.run(`INSERT INTO sales VALUES ('2025-07-02', 'b'), ('2025-07-04', 'a')`);
    const unique = compileTest(schema.copies, { type: 'unique', columns: ['day', 'shop'] });
    expect(await build(warehouse, model, { tests: [unique] })).toMatchObject({ rows: 3, tests: [{ status: 'pass' }] });
    expect(await copies()).toEqual([
      ['2025-07-01', 'a'],
      ['2025-07-02', 'a'],
      ['2025-07-02', 'b'],
      ['2025-07-04', 'a'],
    ]);
    await warehouse.run(`UPDATE sales SET shop = 'closed' WHERE day = '2025-07-01'`);
    expect(await build(warehouse, model)).toMatchObject({ rows: 0, partitions: 1 });
    expect((await copies()).map(([day]) => day)).toEqual(['2025-07-02', '2025-07-02', '2025-07-04']);
  });

  test('are also left out by a first build with a window', async () => {
    const schema = schemaOf('partition');
    await using warehouse = await createWarehouse(schema);
    await warehouse.run(`INSERT INTO sales VALUES ('2025-07-01', 'a'), ('2025-07-02', 'a'), ('2025-07-02', 'closed')`);
    const window = { start: new Date('2025-07-02'), end: new Date('2025-07-03') };
    expect(await build(warehouse, modelOf(schema), { window })).toMatchObject({ rows: 2, partitions: 1 });
    expect(await build(warehouse, modelOf(schema))).toMatchObject({ rows: 1, partitions: 1 });
    expect(await texts(warehouse, 'FROM copies ORDER BY ALL')).toHaveLength(3);
  });

  test('leave the stored rows in the order of the query', async () => {
    const schema = schemaOf('partition');
    await using warehouse = await createWarehouse(schema, { threads: 2 });
    await warehouse.run(`INSERT INTO sales VALUES ('2025-01-01', 'a')`);
    await build(warehouse, modelOf(schema));
    await warehouse.run(
      `INSERT INTO sales SELECT DATE '2025-02-01' + cast(i // 1000 as INTEGER), 'shop' || i FROM range(100000) AS t(i)`,
    );
    await build(warehouse, modelOf(schema));
    const [row] = await texts(
      warehouse,
      'SELECT count(*) FROM (SELECT day < lag(day) OVER () AS falls FROM copies) WHERE falls',
    );
    expect(row).toEqual(['0']);
  });
});

describe('names that the engine itself uses (B30)', () => {
  const taken = [
    'dirty_partitions',
    'input_partitions',
    'new_rows',
    'changed_partitions',
    'copies_new',
    'dirty',
    'built',
    'piece',
    'now',
  ];

  test.each(taken)('are free for tables of a project: %s', async (name) => {
    const columns = {
      day: date('Day.'),
      coverage: bigint('C.'),
      previous: bigint('P.'),
      begins: bigint('B.'),
      part_day: bigint('D.'),
    };
    const options = {
      description: 'T.' as const,
      columns,
      key: ['day', 'begins'] as const,
      partition: ['day'] as const,
    };
    const schema = { ...system, [name]: table(name, options), copies: table('copies', options) };
    checkNames(schema, 'schema.ts');
    const model = {
      table: schema.copies,
      definition: {
        inputs: ({ db }: { db: AnyDb }) =>
          db
            .selectFrom(name)
            .groupBy('day')
            .select(({ ref }) => [
              'day',
              rowsDigest(...Object.keys(columns).map((column) => ref(column))).as('digest'),
            ]),
        query: ({ db }: { db: AnyDb }) => db.selectFrom(name).selectAll(),
      },
    };
    await using warehouse = await createWarehouse(schema);
    const tests = [
      compileTest(schema.copies, { type: 'unique', columns: ['day', 'begins'] }),
      compileTest(schema.copies, { type: 'row_count', min: 1 }),
    ];
    for (const day of [1, 2]) {
      await warehouse.run(
        `INSERT INTO ${name} VALUES ('2025-07-0${day}', 5, 1, 1, 1), ('2025-07-0${day}', 6, 2, 2, 2)`,
      );
      expect(await build(warehouse, compileModel(model as never, schema), { tests })).toMatchObject({
        status: 'pass',
        rows: 2,
      });
      expect(await distinct(warehouse, 'copies')).toEqual(await distinct(warehouse, name));
    }
  });
});

test('a model of an earlier version that joins dirty_partitions builds as it did, NULL included', async () => {
  const options = {
    description: 'S.',
    columns: { shop: varchar.nullable('Shop.'), amount: bigint('Sold.') },
    key: [],
    keyHeldBy: 'partition',
    partition: ['shop'],
  } as const;
  const schema = { ...system, sales: table('sales', options), copies: table('copies', options) };
  const definition = {
    inputs: ({ db }: { db: AnyDb }) =>
      db
        .selectFrom('sales')
        .groupBy('shop')
        .select(({ ref }) => ['shop', rowsDigest(ref('amount')).as('digest')]),
    query: ({ db }: { db: AnyDb }) =>
      db
        .selectFrom('sales')
        .innerJoin('dirty_partitions as dirty', 'dirty.shop', 'sales.shop')
        .select(['sales.shop', 'sales.amount']),
  };
  const model = compileModel({ table: schema.copies, definition } as never, schema);
  await using warehouse = await createWarehouse(schema);
  await warehouse.run(`INSERT INTO sales VALUES ('a', 1), (NULL, 2)`);
  expect(await build(warehouse, model)).toMatchObject({ rows: 2, partitions: 2 });
  await warehouse.run(`UPDATE sales SET amount = 3 WHERE shop IS NULL`);
  expect(await build(warehouse, model)).toMatchObject({ rows: 1, partitions: 1 });
  expect(await texts(warehouse, 'FROM copies ORDER BY ALL')).toEqual([
    ['a', '1'],
    [null, '3'],
  ]);
});
