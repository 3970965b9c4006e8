import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadPipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import { createTable } from '../../../engine/duckdb/ddl.ts';
import { runTest, type TestOutcome } from '../../../engine/duckdb/run-test.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { buildGraph, type TestNode } from '../../../engine/graph/graph.ts';
import { bigint, date, double, engineTables, table, timestamp } from '../../../engine/index.ts';
import { openProject } from '../../../engine/project.ts';
import type { Table } from '../../../engine/schema/table.ts';
import { boundText, valueText } from '../../../engine/schema/value-text.ts';
import { compileTest, type LooseTestSpec, utc } from '../../support/engine.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { tree } from '../../support/tree.ts';

const engine = pathToFileURL(join(root, 'engine/index.ts')).href;

/** What the tests of a model `t`, as pipeline.yaml writes them, say of a table with one column and these values. */
async function project(column: string, tests: string, key = "bigint('')") {
  const directory = await tree({
    'pipeline.yaml': `\
name: one
default_target: sample
schema: schema.ts
targets: { sample: { archive: sample } }
extracts: { x: { use: x.ts, writes: [s] } }
models:
  t:
    use: x.ts
    needs: [s]
    tests:
      - ${tests}
`,
    'x.ts': '',
    'schema.ts': `\
import { bigint, boolean, date, double, float, integer, engineTables, table, timestamp, tinyint, varchar } from '${engine}';
export const schema = {
  t: table('t', { description: '', key: [], columns: { v: ${column} } }),
  s: table('s', { description: '', key: [], columns: { k: ${key} } }),
  ...engineTables,
};`,
  });
  const pipeline = await loadPipeline(join(directory, 'pipeline.yaml'));
  const opened = openProject(pipeline, resolveVars(pipeline, {}));
  const node = buildGraph(pipeline).nodes.find((one): one is TestNode => one.kind === 'test') as TestNode;
  return { file: pipeline.file, open: () => opened, compile: async () => (await opened).test(node) };
}

async function outcomeOf(column: string, tests: string, values: readonly string[]): Promise<TestOutcome> {
  const { open, compile } = await project(column, tests);
  const { schema } = await open();
  await using warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
  for (const one of [schema.t as Table, engineTables.partition_state]) await warehouse.run(createTable(one));
  await warehouse.run(`INSERT INTO t VALUES ${values.map((value) => `(${value})`).join(', ')}`);
  return await runTest(warehouse, await compile(), options(await tempDir('failures-')));
}

const options = (failuresDir: string) => ({ runId: 'run', asOf: utc('2025-07-10T09:00'), failuresDir });

describe('the values of a test are compared as values of the column (B31)', () => {
  test.each([
    [
      'a whole number beyond 2^53',
      "bigint('')",
      'accepted_values: { column: v, values: [9007199254740993] }',
      ['9007199254740993'],
      ['9007199254740992'],
    ],
    [
      'the largest 64-bit integer',
      "bigint('')",
      'accepted_values: { column: v, values: [0x7fffffffffffffff] }',
      ['9223372036854775807'],
      ['9223372036854775806'],
    ],
    [
      'numbers in the notations of YAML',
      "integer('')",
      'accepted_values: { column: v, values: [1e3, 0o17, 2.0] }',
      ['1000', '15', '2'],
      ['17'],
    ],
    [
      'text that looks like a number',
      "varchar('')",
      'accepted_values: { column: v, values: [007, 1e3, 0x10, 1.50] }',
      ["'007'", "'1e3'", "'0x10'", "'1.50'"],
      ["'7'", "'1000'", "'16'", "'1.5'"],
    ],
    [
      'text that looks like something else',
      "varchar('')",
      `accepted_values: { column: v, values: [no, true, 2025-06-01, "007", 'it''s'] }`,
      ["'no'", "'true'", "'2025-06-01'", "'007'", "'it''s'"],
      ["'false'", "'True'", "'2025-06-01 00:00:00'"],
    ],
    [
      'an alias, and text with a line break',
      "varchar('')",
      'accepted_values: { column: v, values: [&a 007, *a, "a\\n b"] }',
      ["'007'", "E'a\\n b'"],
      ["'7'", "'a b'"],
    ],
    [
      'a fraction',
      "double('')",
      `accepted_values: { column: v, values: [0.1, 12345678901234567890.5, 'inf'] }`,
      ['0.1', '12345678901234567890.5', "'inf'"],
      ['0.1000000000000001'],
    ],
    ['a fraction of less precision', "float('')", 'accepted_values: { column: v, values: [0.1] }', ['0.1'], ['0.2']],
    ['a day', "date('')", 'accepted_values: { column: v, values: [2025-06-01] }', ["'2025-06-01'"], ["'2025-06-02'"]],
    [
      'a time',
      "timestamp('')",
      'accepted_values: { column: v, values: [2025-06-01, "2025-06-01T10:00:00.000001Z"] }',
      ["'2025-06-01'", "'2025-06-01 10:00:00.000001'"],
      ["'2025-06-01 10:00:00'"],
    ],
    ['yes or no', "boolean('')", 'accepted_values: { column: v, values: [true] }', ['true'], ['false']],
    [
      'the bounds of a whole number',
      "bigint('')",
      'range: { column: v, min: -9007199254740993, max: 9007199254740993 }',
      ['9007199254740993', '-9007199254740993'],
      ['9007199254740994', '-9007199254740994'],
    ],
    [
      'bounds between whole numbers',
      "integer('')",
      'range: { column: v, min: -1.5, max: 1e0 }',
      ['-1', '1'],
      ['-2', '2'],
    ],
    [
      'bounds beyond the range of the type',
      "tinyint('')",
      'range: { column: v, min: -1e99, max: 300 }',
      ['-128', '127'],
      undefined,
    ],
    ['a bound that no value can reach', "tinyint('')", 'range: { column: v, min: 1e99 }', undefined, ['127', '-128']],
    [
      'the bounds of a fraction',
      "float('')",
      'range: { column: v, min: 0.1, max: 0.3 }',
      ['0.1', '0.3'],
      ['0.09', '0.31'],
    ],
    [
      'the bounds of days',
      "date('')",
      'range: { column: v, min: 2025-06-01, max: 2025-06-30 }',
      ["'2025-06-01'", "'2025-06-30'"],
      ["'2025-05-31'", "'2025-07-01'"],
    ],
  ] as const)('%s', async (_, column, tests, right, wrong) => {
    if (right) expect(await outcomeOf(column, tests, right)).toMatchObject({ status: 'pass' });
    if (wrong)
      expect(await outcomeOf(column, tests, wrong)).toMatchObject({ status: 'error', rowsFailed: wrong.length });
  });

  test.each([
    [
      "integer('')",
      'accepted_values: { column: v, values: [1, no] }',
      '`no` is not a value of t.v, which is INTEGER',
      51,
    ],
    [
      "integer('')",
      'accepted_values: { column: v, values: [7.5] }',
      '`7.5` is not a value of t.v, which is INTEGER',
      48,
    ],
    [
      "tinyint('')",
      'accepted_values: { column: v, values: [128] }',
      '`128` is not a value of t.v, which is TINYINT',
      48,
    ],
    [
      "date('')",
      'accepted_values: { column: v, values: [2025-02-29] }',
      '`2025-02-29` is not a value of t.v, which is DATE',
      48,
    ],
    ["boolean('')", 'accepted_values: { column: v, values: [no] }', '`no` is not a value of t.v, which is BOOLEAN', 48],
    [
      "timestamp('')",
      "accepted_values: { column: v, values: ['2025-06-01T10:00:00+02:00'] }",
      '`2025-06-01T10:00:00+02:00` is not a value of t.v, which is TIMESTAMP',
      48,
    ],
    ["double('')", 'range: { column: v, max: much }', '`much` is not a value of t.v, which is DOUBLE', 34],
  ])('what no value of the column could be is refused at its place: %s %s', async (column, tests, message, at) => {
    const { file, open } = await project(column, tests);
    await expect(open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      exitCode: 2,
      message,
      details: { file, line: 11, column: at },
    });
  });

  test.each([
    ["bigint('')", "double('')", 'BIGINT', 'DOUBLE'],
    ["varchar('')", "bigint('')", 'VARCHAR', 'BIGINT'],
  ])('columns are not compared if one would be rounded or parsed: %s, %s', async (column, key, type, other) => {
    const tests = 'relationships: { column: v, to: s.k }';
    const { file, open } = await project(column, tests, key);
    await expect(open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `t.v is ${type} and s.k is ${other}`,
      details: { file, line: 11, column: 41 },
    });
  });

  test('columns of types with the same values are compared', async () => {
    const tests = 'relationships: { column: v, to: s.k }';
    await expect((await project("date('')", tests, "timestamp('')")).compile()).resolves.toMatchObject({
      reads: ['t', 's'],
    });
  });

  test('a whole number is written exactly, and a bound becomes the nearest value of the type', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.integer({ min: 1, max: 999 }),
        (whole, part) => {
          expect(valueText(String(whole), 'BIGINT')).toBe(String(whole));
          expect(valueText(`${whole}.000`, 'BIGINT')).toBe(String(whole));
          expect(valueText(`${whole}000e-3`, 'BIGINT')).toBe(String(whole));
          const between = `${whole}.${String(part).padStart(3, '0')}`;
          expect(valueText(between, 'BIGINT')).toBeUndefined();
          const [below, above] = between.startsWith('-') ? [whole - 1n, whole] : [whole, whole + 1n];
          expect(boundText(between, 'BIGINT', 'max')?.text).toBe(String(below));
          expect(boundText(between, 'BIGINT', 'min')?.text).toBe(String(above));
        },
      ),
    );
  });
});

test('a test whose SQL fails names itself and its line', async () => {
  const failing = outcomeOf("bigint('')", `expression: { name: sense, expect: v > cast('nonsense' as BIGINT) }`, ['1']);
  await expect(failing).rejects.toMatchObject({
    code: 'TEST_FAILED',
    message: expect.stringMatching(/^the test sense cannot be run: .*nonsense/s),
    details: {
      file: expect.stringMatching(/pipeline\.yaml$/),
      line: 11,
      column: 9,
      hint: expect.stringContaining('sense'),
    },
  });
});

describe('columns may have the names that a test computes (B30)', () => {
  const columns = {
    day: date('Day.'),
    coverage: double('C.'),
    row_count: bigint('R.'),
    previous: date('P.'),
    newest: date('N.'),
    days_old: bigint('O.'),
    begins: bigint('B.'),
    part_day: bigint('D.'),
    value: bigint.nullable('V.'),
    seen: timestamp('S.'),
  };
  const rows = [
    `('2025-07-01', 5, 1, '2025-07-01', '2025-07-01', 0, 1, 1, NULL, '2025-07-01 10:00')`,
    `('2025-07-01', 5, 1, '2025-07-03', '2025-07-09', 0, 1, 1, NULL, '2025-07-03 10:00')`,
    `('2025-07-05', 6, 2, '2025-07-05', '2025-07-09', 0, 1, 1, 1, '2025-07-05 10:00')`,
  ];
  const day = 86_400_000;

  test.each<[string, LooseTestSpec, object]>([
    [
      'coverage by a column of that name',
      { type: 'coverage', column: 'value', by: ['coverage'], min: 0.3 },
      { coverage: 5, coverage_: 0 },
    ],
    [
      'coverage by row_count',
      { type: 'coverage', column: 'value', by: ['row_count'], min: 0.3 },
      { row_count: 1n, row_count_: 2n },
    ],
    [
      'unique with a column row_count',
      { type: 'unique', columns: ['day', 'row_count'] },
      { row_count: 1n, row_count_: 2n },
    ],
    [
      'unique in partitions',
      { type: 'unique', columns: ['day', 'begins', 'part_day'] },
      { begins: 1n, row_count_: 2n },
    ],
    ['row_count', { type: 'row_count', min: 4 }, { row_count_: 3n }],
    [
      'completeness of previous',
      { type: 'completeness', column: 'previous', step: day },
      { previous: new Date('2025-07-03') },
    ],
    [
      'freshness of newest',
      { type: 'freshness', column: 'newest', error_after: day / 2 },
      { newest_: new Date('2025-07-09'), days_old_: 1.375 },
    ],
  ])('%s', async (_, spec, example) => {
    const sales = table('row_count', { description: 'S.', columns, key: [], partition: ['day'] });
    await using warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    for (const one of [sales, engineTables.partition_state]) await warehouse.run(createTable(one));
    await warehouse.run(`INSERT INTO row_count VALUES ${rows.join(', ')}`);
    await warehouse.setTime('as_of', utc('2025-07-10T09:00'));
    const outcome = await runTest(warehouse, compileTest(sales, spec), options(await tempDir('failures-')));
    expect(outcome).toMatchObject({
      status: 'error',
      examples: expect.arrayContaining([expect.objectContaining(example)]),
    });
  });

  test('a column missing in the other table of relationships is not taken from this one', async () => {
    const sales = table('sales', { description: 'S.', columns, key: [] });
    const others = table('others', { description: 'O.', columns: { id: bigint('I.') }, key: [] });
    await using warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    for (const one of [sales, others, engineTables.partition_state]) await warehouse.run(createTable(one));
    await warehouse.run(`INSERT INTO sales VALUES ${rows.join(', ')}`);
    await warehouse.run('INSERT INTO others VALUES (1)');
    const lacking = compileTest(sales, { type: 'relationships', column: 'begins', to: 'others.begins' });
    await expect(runTest(warehouse, lacking, options('unused'))).rejects.toMatchObject({ code: 'TEST_FAILED' });
  });

  test("failing rows are kept, whatever the names of the columns in the test's name", async () => {
    const name = 'a/../b "c"';
    const odd = table('odd', { description: 'O.', columns: { [name]: bigint.nullable('A.') }, key: [] });
    await using warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    for (const one of [odd, engineTables.partition_state]) await warehouse.run(createTable(one));
    await warehouse.run('INSERT INTO odd VALUES (NULL)');
    const directory = await tempDir('failures-');
    const spec = compileTest(odd, { type: 'not_null', columns: [name] });
    const files = await Promise.all(
      [`not_null_odd_${name}`, `not_null_odd_${name.replace('/', ':')}`, `long_${'x'.repeat(300)}`].map(
        async (called) => (await runTest(warehouse, { ...spec, name: called }, options(directory))).failuresFile,
      ),
    );
    expect(new Set(files).size).toBe(3);
    for (const file of files) expect(file).toMatch(new RegExp(`^${directory}/[\\w.-]+\\.csv$`));
  });
});
