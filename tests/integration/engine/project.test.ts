import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadPipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import { buildGraph, type ExtractNode, type ModelNode, type TestNode } from '../../../engine/graph/graph.ts';
import { openProject } from '../../../engine/project.ts';
import { root } from '../../support/pipeline.ts';
import { tree } from '../../support/tree.ts';

const engine = pathToFileURL(join(root, 'engine/index.ts')).href;
const vocabulary = pathToFileURL(join(root, 'engine/vocabulary/index.ts')).href;

const files = {
  'pipeline.yaml': `\
name: shop
default_target: sample
schema: schema.ts
targets: { sample: { archive: sample } }
vars:
  at_least: { type: integer, default: 1 }
  all_shops: { type: boolean, default: true }
extracts:
  till: { use: till.ts, writes: [sales, shops] }
models:
  totals:
    use: totals.ts
    needs: [sales]
    tests:
      - unique: [day]
      - relationships: { column: day, to: sales.day }
      - custom: { use: positive.ts, severity: warn }
`,
  'schema.ts': `\
import { bigint, date, table, varchar } from '${engine}';
export const schema = {
  sales: table('sales', { description: '', key: [], columns: { day: date(''), shop: varchar(''), amount: bigint('') } }),
  shops: table('shops', { description: '', key: [], columns: { shop: varchar('') } }),
  totals: table('totals', { description: '', key: ['day'], columns: { day: date(''), total: bigint('') }, partition: ['day'] }),
};
`,
  'till.ts': `export default { run: async () => ({ status: 'no-op', summary: {} }), staged: async () => ({}) };`,
  'totals.ts': `\
import { rowsDigest } from '${vocabulary}';
import { schema } from './schema.ts';
export default {
  table: schema.totals,
  definition: {
    inputs: ({ db }) => db.selectFrom('sales').groupBy('day').select((eb) => ['day', rowsDigest(eb.ref('amount')).as('digest')]),
    query: ({ db, vars }) => db.selectFrom('sales')
      .where('amount', '>=', vars.number('at_least')).groupBy('sales.day').select((eb) => ['sales.day', eb.fn.sum('amount').as('total')]),
    // REJECTS
  },
};
`,
  'positive.ts': `\
export default {
  description: 'Totals are positive.',
  failures: ({ db }) => db.selectFrom('totals').innerJoin('sales', 'sales.day', 'totals.day').where('total', '<=', 0).select('totals.day'),
};
`,
};
type File = keyof typeof files;

/** The project with some of its files changed. */
async function project(changes: Partial<Record<File, (text: string) => string>> = {}, pairs: readonly string[] = []) {
  const changed = Object.entries(files).map(([name, text]) => [name, changes[name as File]?.(text) ?? text]);
  const directory = await tree(Object.fromEntries(changed));
  const pipeline = await loadPipeline(join(directory, 'pipeline.yaml'));
  const { nodes } = buildGraph(pipeline);
  const opened = await openProject(pipeline, resolveVars(pipeline, { pairs }));
  const model = nodes.find((node): node is ModelNode => node.kind === 'model') as ModelNode;
  return {
    file: pipeline.file,
    schema: opened.schema,
    model: () => opened.model(model),
    extract: () => opened.extract(nodes.find((node): node is ExtractNode => node.kind === 'extract') as ExtractNode),
    tests: () => Promise.all(nodes.filter((node): node is TestNode => node.kind === 'test').map(opened.test)),
  };
}
const failureOf = async (changes: Parameters<typeof project>[0]) => {
  const { file, model } = await project(changes);
  return { file, error: await model().catch((reason) => reason) };
};

describe('a model', () => {
  test('is compiled to complete SQL, and names the tables that it reads', async () => {
    const model = await (await project()).model();
    expect(model).toMatchObject({
      name: 'totals',
      reads: ['sales'],
      readsItself: false,
      rejectsSql: undefined,
      publishedSql: [],
    });
    expect(model.querySql).toBe(
      'select "sales"."day", sum("amount") as "total" from "sales" where "amount" >= 1 group by "sales"."day"',
    );
  });

  test('is compiled once', async () => {
    const { model } = await project();
    expect(await model()).toBe(await model());
  });

  test('has the same digest in each run, and another one with another var, query, rejection or table', async () => {
    const digestOf = async (...options: Parameters<typeof project>) =>
      (await (await project(...options)).model()).definitionDigest;
    const digests = [
      await digestOf(),
      await digestOf({}, ['at_least=2']),
      await digestOf({ 'totals.ts': (text) => text.replace("eb.fn.sum('amount')", "eb.fn.max('amount')") }),
      await digestOf({
        'totals.ts': (text) =>
          text.replace(
            '// REJECTS',
            `rejects: ({ db }) => db.selectFrom('sales').where('amount', '<', 0).select(['shop as key', 'shop as reason']),`,
          ),
      }),
      await digestOf({
        'totals.ts': (text) =>
          text.replace('// REJECTS', `published: ({ db }) => [db.updateTable('sales').set({ shop: 'x' })],`),
      }),
      await digestOf({ 'schema.ts': (text) => text.replace("total: bigint('')", "total: bigint.nullable('')") }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    expect(await digestOf()).toBe(digests[0]);
    expect(await digestOf({ 'schema.ts': (text) => text.replaceAll("description: ''", "description: 'better'") })).toBe(
      digests[0],
    );
  });
});

describe('needs and what a model reads must agree', () => {
  test('a table that is read but not declared is named, at the line and column of needs', async () => {
    const { file, error } = await failureOf({
      'totals.ts': (text) =>
        text.replace(`.where('amount', '>='`, `.innerJoin('shops', 'shops.shop', 'sales.shop').where('amount', '>='`),
    });
    expect(error).toMatchObject({
      code: 'NEEDS_MISMATCH',
      exitCode: 2,
      message: 'model.totals reads shops, which its needs do not declare',
      details: { file, line: 13, column: 5, hint: 'write needs: [sales, shops], or change totals.ts' },
    });
  });

  test('and so is one that is declared but not read', async () => {
    const { file, error } = await failureOf({ 'pipeline.yaml': (text) => text.replace('[sales]', '[sales, shops]') });
    expect(error).toMatchObject({
      code: 'NEEDS_MISMATCH',
      message: 'model.totals declares shops in needs, but does not read it',
      details: { file, line: 13, column: 5, hint: 'write needs: [sales], or change totals.ts' },
    });
  });

  test('both errors are reported at once', async () => {
    const { error } = await failureOf({ 'pipeline.yaml': (text) => text.replace('[sales]', '[shops]') });
    expect(error.message).toBe(
      'model.totals reads sales, which its needs do not declare; declares shops in needs, but does not read it',
    );
  });

  test('a table that is read for one value of a boolean var is needed for both', async () => {
    const sold = `(vars.boolean('all_shops') ? db.selectFrom('sales') : db.selectFrom('sales').innerJoin('shops', 'shops.shop', 'sales.shop'))`;
    const conditional = {
      'totals.ts': (text: string) =>
        text.replace('inputs: ({ db })', 'inputs: ({ db, vars })').replaceAll(`db.selectFrom('sales')`, sold),
    };
    const both = { ...conditional, 'pipeline.yaml': (text: string) => text.replace('[sales]', '[sales, shops]') };
    expect((await (await project(both)).model()).reads).toEqual(['sales']);
    expect((await (await project(both, ['all_shops=false'])).model()).reads).toEqual(['sales', 'shops']);
    const { model } = await project(conditional, ['all_shops=false']);
    await expect(model()).rejects.toMatchObject({
      message: 'model.totals reads shops, which its needs do not declare',
    });
  });

  test('a model that reads itself needs no mention of that', async () => {
    const { model } = await project({
      'totals.ts': (text) =>
        text.replace(
          `.where('amount', '>='`,
          `.leftJoin('totals as before', 'before.day', 'sales.day').where('amount', '>='`,
        ),
    });
    expect(await model()).toMatchObject({ readsItself: true, reads: ['sales'] });
  });
});

describe('inputs and query must agree (B28)', () => {
  const withShops = (text: string) =>
    text.replace(`.where('amount', '>='`, `.innerJoin('shops', 'shops.shop', 'sales.shop').where('amount', '>='`);
  const needed = { 'pipeline.yaml': (text: string) => text.replace('[sales]', '[sales, shops]') };

  test('a table that the query reads and the inputs do not is refused, and both are named', async () => {
    const { error } = await failureOf({ ...needed, 'totals.ts': withShops });
    expect(error).toMatchObject({
      code: 'SOURCES_INVALID',
      exitCode: 2,
      message: 'the query of totals reads sales.shop, shops, its inputs do not',
      details: { file: 'totals.ts', hint: expect.stringContaining('inputs') },
    });
  });

  test('even if it is read in a subquery, or if the inputs read the states of another table', async () => {
    const nested = (text: string) =>
      text.replace(
        `.where('amount', '>='`,
        `.where('sales.shop', 'in', (eb) => eb.selectFrom('shops').select('shop')).where('amount', '>='`,
      );
    const states = (of: string) => (text: string) =>
      nested(text)
        .replace('import { rowsDigest }', `import { stateOf } from '${engine}';\nimport { rowsDigest }`)
        .replace(
          `db.selectFrom('sales').groupBy`,
          `db.selectFrom('sales').where('shop', 'in', stateOf(db, '${of}').select('digest')).groupBy`,
        );
    expect((await failureOf({ ...needed, 'totals.ts': nested })).error).toMatchObject({ code: 'SOURCES_INVALID' });
    expect((await failureOf({ ...needed, 'totals.ts': states('sales') })).error).toMatchObject({
      message: 'the query of totals reads shops, its inputs do not',
    });
    const { model } = await project({ ...needed, 'totals.ts': states('shops') });
    expect((await model()).reads).toEqual(['sales', 'shops']);
  });

  test('states that are read without naming a table do not count as reading one', async () => {
    const { error } = await failureOf({
      ...needed,
      'totals.ts': (text) =>
        withShops(text).replace(
          `db.selectFrom('sales').groupBy`,
          `db.selectFrom('sales').where('shop', 'in', db.selectFrom('partition_state').select('partition')).groupBy`,
        ),
    });
    expect(error).toMatchObject({ message: 'the query of totals reads shops, its inputs do not' });
  });

  test('a column that the inputs select in between and do not use is refused: the digest lacks it', async () => {
    const selecting = (digested: string) => (text: string) =>
      text.replace(
        `db.selectFrom('sales').groupBy('day').select((eb) => ['day', rowsDigest(eb.ref('amount')).as('digest')])`,
        `db.with('parts', (parts) => parts.selectFrom('sales as sale').select(['sale.day as date', 'shop', 'amount']))
          .selectFrom((from) => from.selectFrom('parts as part').selectAll('part').as('sold')).groupBy('date')
          .select((eb) => ['sold.date as day', rowsDigest(${digested}).as('digest')])`,
      );
    const both = await project({ 'totals.ts': selecting(`eb.ref('sold.amount'), eb.ref('sold.shop')`) });
    expect((await both.model()).inputsSql).toContain('"parts"');
    const unread = (text: string) =>
      selecting(`eb.ref('sold.amount')`)(text).replace(`selectAll('part')`, `select(['date', 'amount'])`);
    expect((await failureOf({ 'totals.ts': unread })).error).toMatchObject({
      code: 'SOURCES_INVALID',
      message: 'the inputs of totals select parts.shop and do not use it',
      details: { file: 'totals.ts', hint: expect.stringContaining('add it to the digest') },
    });
  });

  test('a source counts as read through a table that refers to it, and through no other', async () => {
    const source = (refers: string) => ({
      'pipeline.yaml': (text: string) => text.replace('needs: [sales]', 'needs: [sales, shops]'),
      'schema.ts': (text: string) =>
        text.replace(
          "shops: table('shops', { description: '',",
          `shops: table('shops', { description: '', kind: 'source', references: { ${refers}: ['shop'] },`,
        ),
      'totals.ts': (text: string) =>
        withShops(text).replace("rowsDigest(eb.ref('amount'))", "rowsDigest(eb.ref('amount'), eb.ref('shop'))"),
    });
    const { model } = await project(source('sales'));
    expect((await model()).reads).toEqual(['sales', 'shops']);
    expect((await failureOf(source('totals_of_before'))).error).toMatchObject({ code: 'SOURCES_INVALID' });
  });
});

describe('names that DuckDB cannot tell apart (B30)', () => {
  test.each([
    [
      'two columns',
      "shop: varchar('')",
      "shop: varchar(''), Shop: varchar('')",
      'the columns shop and Shop of sales differ only in case',
    ],
    [
      'two tables',
      "  shops: table('shops'",
      "  Sales: table('Sales', { description: '', key: [], columns: { shop: varchar('') } }),\n  shops: table('shops'",
      'the tables sales and Sales differ only in case',
    ],
    [
      'a table with a name reserved for the engine',
      "table('shops'",
      "table('$shops'",
      'the name of the table $shops begins with $',
    ],
  ])('%s: refused when the schema is read', async (_, from, to, message) => {
    await expect(project({ 'schema.ts': (text) => text.replace(from, to) })).rejects.toMatchObject({
      code: 'MODULE_INVALID',
      exitCode: 2,
      message,
      details: { file: 'schema.ts' },
    });
  });
});

describe('a table of a model', () => {
  const own =
    "table('totals', { description: '', key: ['day'], columns: { day: date(''), total: bigint('') }, partition: ['day'] })";
  const movedTo = (table: string) => ({
    'schema.ts': (text: string) => text.replace(`  totals: ${own},\n`, ''),
    'totals.ts': (text: string) =>
      `import { bigint, date, table } from '${engine}';\n${text.replace('schema.totals', table)}`,
  });

  test('may be defined in its module', async () => {
    const { schema, model } = await project(movedTo(own));
    expect(Object.keys(schema).slice(0, 3)).toEqual(['sales', 'shops', 'totals']);
    expect(await model()).toMatchObject({ name: 'totals', reads: ['sales'] });
  });

  test.each([['schema.totals'], [own.replace('totals', 'total')]])('is missing if the module has %s', async (table) => {
    await expect(project(movedTo(table))).rejects.toMatchObject({
      code: 'CONFIG_REFERENCE',
      message: 'schema.ts has no table `totals`',
      details: { hint: 'define it in schema.ts, or in totals.ts' },
    });
  });
});

describe('a module', () => {
  test('without a default export is named', async () => {
    const { error } = await failureOf({
      'totals.ts': (text) => text.replace('export default', 'export const model ='),
    });
    expect(error).toMatchObject({
      code: 'MODULE_INVALID',
      exitCode: 2,
      message: 'it has no default export',
      details: { file: 'totals.ts', hint: 'export default defineModel(…), defineExtract(…) or defineDataTest(…)' },
    });
  });

  test('that builds another table than pipeline.yaml says is refused', async () => {
    const { error } = await failureOf({ 'totals.ts': (text) => text.replace('schema.totals', 'schema.sales') });
    expect(error).toMatchObject({
      code: 'MODULE_INVALID',
      message: 'pipeline.yaml calls the model totals, the module builds sales',
      details: { file: 'totals.ts' },
    });
  });

  test.each([
    ['a syntax error', (text: string) => `${text}\n}`],
    ['an import of a missing file', (text: string) => `import './nothing.ts';\n${text}`],
    ['an error of its own', (text: string) => `throw new Error('out of luck');\n${text}`],
  ])('with %s is named, with the reason', async (_, change) => {
    const { error } = await failureOf({ 'totals.ts': change });
    expect(error).toMatchObject({ code: 'MODULE_INVALID', exitCode: 2, details: { file: 'totals.ts' } });
    expect(error.message).toMatch(/^it cannot be loaded: ./);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test('of the schema without `schema` is named', async () => {
    await expect(
      project({ 'schema.ts': (text) => text.replace('export const schema', 'export const tables') }),
    ).rejects.toMatchObject({
      code: 'MODULE_INVALID',
      message: 'it has no export schema',
      details: { file: 'schema.ts' },
    });
  });

  test('of an extract is loaded on request', async () => {
    const broken = await project({ 'till.ts': () => `throw new Error('till');` });
    await broken.model();
    await expect(broken.extract()).rejects.toMatchObject({ code: 'MODULE_INVALID', details: { file: 'till.ts' } });
    expect(await (await project()).extract()).toHaveProperty('run');
  });
});

test('tests are compiled with the tables on which their results depend', async () => {
  const compiled = await (await project()).tests();
  expect(compiled.map(({ name, model, severity, reads }) => ({ name, model, severity, reads }))).toEqual([
    { name: 'unique_totals_day', model: 'totals', severity: 'error', reads: ['totals'] },
    { name: 'relationships_totals_day', model: 'totals', severity: 'error', reads: ['totals', 'sales'] },
    { name: 'positive', model: 'totals', severity: 'warn', reads: ['sales', 'totals'] },
  ]);
});
