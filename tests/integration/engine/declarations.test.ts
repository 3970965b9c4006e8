import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { root } from '../../support/pipeline.ts';
import { tree } from '../../support/tree.ts';
import { run } from '../../unit/cli/fixture.ts';

const engine = pathToFileURL(join(root, 'engine/index.ts')).href;
const zod = pathToFileURL(join(root, 'node_modules/zod/index.js')).href;

const files = {
  'pipeline.yaml': `\
name: shop
default_target: sample
schema: schema.ts
targets: { sample: { archive: till } }
extracts:
  till:
    use: till.ts
    writes: [sales]
    with: { patience: 3 }
  staff: { use: staff.ts, writes: [staff] }
models:
  totals:
    use: totals.ts
    needs: [sales]
    tests:
      - unique: [day, shop]
      - not_null: { columns: [total], where: total > 0 }
      - coverage: { column: total, by: shop, min: 0.5, where: "shop <> 'naïve' and total > 0" }
      - completeness: { column: day, by: [shop], step: 1 day }
      - relationships: { column: day, to: sales.day }
      - freshness: { column: day, warn_after: 3 days }
      - expression: { name: sense, expect: lowest <= highest }
      - expression:
          name: sold
          expect: |
            total >= 0
            and highest >= 0
      - accepted_values: { column: shop, values: [north, south] }
exports:
  totals: { model: totals, format: parquet, order_by: [day, shop] }
publications:
  public:
    files:
      - database: { file: shop.db, tables: [totals, sales] }
      - parquet: { file: totals.parquet, table: totals, order_by: [day, shop] }
      - dataset: { folder: totals, table: totals, partition_by: [shop, year: day] }
`,
  'schema.ts': `\
import { bigint, date, table, varchar } from '${engine}';
const shop = varchar('Shop.');
export const schema = {
  sales: table('sales', { description: '', key: [], columns: { day: date(''), shop, amount: bigint('') } }),
  staff: table('staff', { description: '', key: [], columns: { shop } }),
  parts: table('parts', { description: '', key: [], columns: { shop }, kind: 'source' }),
  totals: table('totals', { description: '', key: ['day'], columns: { day: date(''), shop, total: bigint(''), lowest: bigint(''), highest: bigint('') } }),
};
`,
  'till.ts': `\
import { z } from '${zod}';
export default {
  options: z.strictObject({ patience: z.int().min(1), tills: z.array(z.string()).default([]) }),
  run: async () => ({ status: 'no-op', summary: {} }),
  staged: async () => ({}),
};
`,
  'staff.ts': `export default { run: async () => ({ status: 'no-op', summary: {} }), staged: async () => ({}) };`,
  'totals.ts': `\
import { schema } from './schema.ts';
export default {
  table: schema.totals,
  definition: {
    query: ({ db }) => db.selectFrom('sales').selectAll(),
  },
};
`,
};

type Changes = readonly (readonly [from: string, to: string])[];

async function shop(...changes: Changes): Promise<string> {
  let text = files['pipeline.yaml'];
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`pipeline.yaml has no ${from}`);
    text = text.replace(from, to);
  }
  return tree({ ...files, 'pipeline.yaml': text });
}

const ls = async (...changes: Changes) => {
  const { exitCode, stderr } = await run(await shop(...changes), ['ls']);
  return { exitCode, message: stderr.replaceAll(/\S*\/pipeline\.yaml/g, 'pipeline.yaml').trimEnd() };
};

const allColumns = 'columns are: day, shop, total, lowest, highest';
const condition = 'write an SQL condition about one row, such as `low <= high`';

const cases: readonly (readonly [fault: string, from: string, to: string, message: string])[] = [
  [
    'a model without a table',
    '  totals:\n    use',
    '  total:\n    use',
    'CONFIG_REFERENCE 12:3: schema.ts has no table `total` / models.total / did you mean totals?',
  ],
  [
    'a table that an extract writes, which is near no other',
    'writes: [staff]',
    'writes: [staff, orders]',
    'CONFIG_REFERENCE 10:43: schema.ts has no table `orders` / extracts.staff.writes[1] / define it in schema.ts',
  ],
  [
    'a column of `unique`',
    '[day, shop]',
    '[day, shp]',
    'CONFIG_REFERENCE 16:23: there is no column `shp` in totals / models.totals.tests[0].unique[1] / did you mean shop?',
  ],
  [
    'a column in another case',
    '[day, shop]',
    '[day, Shop]',
    'CONFIG_REFERENCE 16:23: there is no column `Shop` in totals / models.totals.tests[0].unique[1] / did you mean shop?',
  ],
  [
    'a column under `columns`',
    'columns: [total]',
    'columns: [total, weekday]',
    `CONFIG_REFERENCE 17:38: there is no column \`weekday\` in totals / models.totals.tests[1].not_null.columns[1] / ${allColumns}`,
  ],
  [
    'the column of a test',
    'column: total, by',
    'column: totl, by',
    'CONFIG_REFERENCE 18:29: there is no column `totl` in totals / models.totals.tests[2].coverage.column / did you mean total?',
  ],
  [
    'a column of `by`',
    'by: shop',
    'by: shops',
    'CONFIG_REFERENCE 18:40: there is no column `shops` in totals / models.totals.tests[2].coverage.by / did you mean shop?',
  ],
  [
    'a column of `by` in a list',
    'by: [shop]',
    'by: [shop, dya]',
    'CONFIG_REFERENCE 19:49: there is no column `dya` in totals / models.totals.tests[3].completeness.by[1] / did you mean day?',
  ],
  [
    'the column of another table',
    'sales.day',
    'sales.dya',
    'CONFIG_REFERENCE 20:49: there is no column `dya` in sales / models.totals.tests[4].relationships.to / did you mean day?',
  ],
  [
    'a column of `order_by`',
    'order_by: [day, shop]',
    'order_by: [day, shopp]',
    'CONFIG_REFERENCE 30:61: there is no column `shopp` in totals / exports.totals.order_by[1] / did you mean shop?',
  ],
  [
    'a table of a published database that is not stored',
    'tables: [totals, sales]',
    'tables: [totals, parts]',
    'CONFIG_REFERENCE 34:53: schema.ts has no stored table `parts` / publications.public.files[0].database.tables[1] / stored tables are: sales, staff, totals, partition_state, pending_changes, test_results, schema_migrations',
  ],
  [
    'a column of a published file',
    'table: totals, order_by: [day, shop]',
    'table: totals, order_by: [day, shopp]',
    'CONFIG_REFERENCE 35:73: there is no column `shopp` in totals / publications.public.files[1].parquet.order_by[1] / did you mean shop?',
  ],
  [
    'a year of a column without times',
    'year: day',
    'year: total',
    'CONFIG_INVALID 36:78: a year needs a DATE or a TIMESTAMP, and totals.total is BIGINT / publications.public.files[2].dataset.partition_by[1].year / name a column that contains times',
  ],
  [
    'a column without times',
    'freshness: { column: day',
    'freshness: { column: total',
    'CONFIG_INVALID 21:30: a test of freshness needs a DATE or a TIMESTAMP, and totals.total is BIGINT / models.totals.tests[5].freshness.column / name a column that contains times',
  ],
  [
    'a condition that names no column',
    'expect: lowest <= highest',
    'expect: lowest <= higest',
    'CONFIG_REFERENCE 22:54: there is no column `higest`, named in `expect` of the test sense / models.totals.tests[6].expression.expect / did you mean highest?',
  ],
  [
    'one after a letter of two bytes, in quotes',
    'and total > 0"',
    'and totl > 0"',
    'CONFIG_REFERENCE 18:84: there is no column `totl`, named in `where` of the test coverage_totals_total / models.totals.tests[2].coverage.where / did you mean total?',
  ],
  [
    'one in a text of several lines',
    'and highest >= 0',
    'and highst >= 0',
    'CONFIG_REFERENCE 25:19: there is no column `highst`, named in `expect` of the test sold / models.totals.tests[7].expression.expect / did you mean highest?',
  ],
  [
    'a condition that is not SQL',
    'where: total > 0',
    'where: total > > 0',
    `CONFIG_INVALID 17:54: \`where\` of the test not_null_totals_total cannot be read: syntax error at or near ">" / models.totals.tests[1].not_null.where / ${condition}`,
  ],
  [
    'a condition that ends too early',
    'expect: lowest <= highest',
    'expect: lowest <=',
    `CONFIG_INVALID 22:53: \`expect\` of the test sense ends too early / models.totals.tests[6].expression.expect / ${condition}`,
  ],
  [
    'a value that is not a condition',
    'expect: lowest <= highest',
    'expect: lowest',
    `CONFIG_INVALID 22:44: \`expect\` of the test sense is not a condition, but BIGINT / models.totals.tests[6].expression.expect / ${condition}`,
  ],
  [
    'a condition about all rows',
    'expect: lowest <= highest',
    'expect: sum(lowest) > 0',
    `CONFIG_INVALID 22:44: \`expect\` of the test sense cannot be read: WHERE clause cannot contain aggregates! / models.totals.tests[6].expression.expect / ${condition}`,
  ],
  [
    'a function that does not exist',
    'expect: lowest <= highest',
    'expect: lest(lowest) > 0',
    `CONFIG_INVALID 22:44: \`expect\` of the test sense cannot be read: Scalar Function with name lest does not exist! / models.totals.tests[6].expression.expect / ${condition}`,
  ],
  [
    'a condition that names no table',
    'expect: lowest <= highest',
    'expect: lowest in (select amount from sale)',
    'CONFIG_REFERENCE 22:74: there is no table `sale`, named in `expect` of the test sense / models.totals.tests[6].expression.expect / did you mean sales?',
  ],
  [
    'a condition that names a source, which is read only while a model is built',
    'expect: lowest <= highest',
    'expect: shop in (select shop from parts)',
    'CONFIG_REFERENCE 22:70: there is no table `parts`, named in `expect` of the test sense / models.totals.tests[6].expression.expect / tables are defined in schema.ts',
  ],
  [
    'an option that its extract does not have',
    'patience: 3',
    'patience: 3, till: [a]',
    'CONFIG_INVALID 9:26: unknown key `till` in extracts.till.with / extracts.till.with.till / did you mean tills?',
  ],
  [
    'an option of an extract that has none',
    'writes: [staff]',
    'writes: [staff], with: { patience: 3 }',
    'CONFIG_INVALID 10:52: unknown key `patience` in extracts.staff.with / extracts.staff.with.patience / remove it',
  ],
  [
    'a value that an option cannot have',
    'patience: 3',
    'patience: 0',
    'CONFIG_INVALID 9:23: `patience` must be at least 1, not `0` / extracts.till.with.patience / ',
  ],
];

describe('what does not fit the schema or an extract is an error at its place, in ls too', () => {
  test.each(cases)('%s', async (_, from, to, message) => {
    const changes: Changes = [[from, to]];
    // Renaming the model leaves its export without it.
    const only: Changes = to.startsWith('  total:') ? [...changes, ['model: totals', 'model: total']] : changes;
    const [, code, place, text, key, hint] = /^(\S+) (\S+): (.*) \/ (\S+) \/ (.*)$/s.exec(message) as RegExpExecArray;
    const next = hint === '' ? '' : `\n  next: ${hint}`;
    expect(await ls(...only)).toEqual({
      exitCode: 2,
      message: `error [${code}] pipeline.yaml:${place}: ${text}\n  key: ${key}${next}`,
    });
  });

  test('several are one error, in the order of the file', async () => {
    const { message } = await ls(
      ['patience: 3', 'patience: 3, patiance: 3'],
      ['[day, shop]', '[day, shp]'],
      ['lowest <= highest', 'lowest <= higest'],
      ['order_by: [day, shop]', 'order_by: [dya]'],
    );
    expect(message.split('\n').map((line) => /\d+:\d+/.exec(line)?.[0])).toEqual([
      '9:26',
      '16:23',
      '22:54',
      '30:56',
      undefined,
    ]);
  });

  test('a sound one is listed; a condition may read another table, and name its own', async () => {
    const other = 'expect: lowest in (select amount from sales where sales.day = totals.day)';
    expect(await ls()).toEqual({ exitCode: 0, message: '' });
    expect(await ls(['expect: lowest <= highest', other])).toEqual({ exitCode: 0, message: '' });
  });

  test('an extract whose module cannot be loaded is an error where it is selected, and only there', async () => {
    const directory = await tree({ ...files, 'till.ts': `throw new Error('out of luck');` });
    expect((await run(directory, ['ls'])).exitCode).toBe(0);
    expect((await run(directory, ['run'])).stderr).toContain('out of luck');
  });
});

test.each([
  ['ls'],
  ['ls', '--select', '+totals'],
  ['compile'],
  ['plan'],
  ['run'],
  ['run', '--dry-run', '--select', 'kind:extract'],
  ['test'],
])('%s %s ends with it before anything runs', async (...argv) => {
  const directory = await shop(['lowest <= highest', 'lowest <= higest']);
  const { exitCode, stdout, stderr } = await run(directory, argv);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain('pipeline.yaml:22:54: there is no column `higest`');
  expect(existsSync(join(directory, 'data'))).toBe(false);
});
