import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadUnitTests, runUnitTest } from '../../../engine/run/unit-tests.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { shopProject } from './shop-project.ts';

const engine = pathToFileURL(join(root, 'engine/index.ts')).href;
const module = (...tests: readonly string[]) => `\
import { modelTestsOf } from '${engine}';
import { schema } from '../../schema.ts';
const defineModelTest = modelTestsOf(schema);
${tests.join('\n')}
`;

const sums = `export const sums = defineModelTest({
  model: 'totals',
  description: 'A total is what was sold.',
  asOf: '2025-07-02T09:00:00Z',
  given: { sales: [{ day: '2025-07-01', amount: 3 }, { day: '2025-07-02', amount: 4 }] },
  expect: [{ day: '2025-07-01', total: 3, built_at: '2025-07-02T09:00:00Z' }, { day: '2025-07-02', total: 4, built_at: '2025-07-02T09:00:00Z' }],
});`;

const shopWith = (...tests: readonly string[]) => shopProject({}, { 'tests/models/totals.ts': module(...tests) });

/** The result of one test whose options are given as text. */
async function result(options: string) {
  const { pipeline } = await shopWith(`export const one = defineModelTest({ ${options} });`);
  const [one] = await loadUnitTests(pipeline);
  return runUnitTest(one as NonNullable<typeof one>, { pipeline, signal: new AbortController().signal });
}

const base = `model: 'totals', asOf: '2025-07-02'`;

describe('a unit test', () => {
  test('compares all rows of the result by the columns that it expects', async () => {
    const given = `given: { sales: [{ day: '2025-07-01', amount: 3 }, { day: '2025-07-02', amount: 4 }] }`;
    expect(await result(`${base}, ${given}, expect: [{ total: 4 }, { total: 3 }]`)).toEqual([]);
    expect(
      await result(`${base}, ${given}, expect: [{ day: '2025-07-01', total: 3 }, { day: '2025-07-03', total: 4 }]`),
    ).toEqual([
      'missing     day=2025-07-03 total=4',
      'unexpected  day=2025-07-02 total=4 built_at=2025-07-02 00:00:00',
    ]);
    expect(await result(`${base}, ${given}, expect: []`)).toHaveLength(2);
  });

  test('uses the vars of pipeline.yaml, and its own', async () => {
    const given = `given: { sales: [{ day: '2025-07-01', amount: 0 }] }`;
    expect(await result(`${base}, ${given}, expect: []`)).toEqual([]);
    expect(await result(`${base}, ${given}, vars: { at_least: 0 }, expect: [{ total: 0 }]`)).toEqual([]);
    await expect(result(`${base}, ${given}, vars: { at_lest: 0 }, expect: []`)).rejects.toMatchObject({
      details: { file: 'tests/models/totals.ts', hint: 'did you mean at_least?' },
    });
  });

  test('fills columns that a row leaves out', async () => {
    expect(
      await result(`${base}, given: { sales: [{}] }, vars: { at_least: 0 }, expect: [{ day: '1970-01-01', total: 0 }]`),
    ).toEqual([]);
  });

  test.each([
    [
      'a table that there is not',
      `${base}, given: { sale: [] }, expect: []`,
      'given.sale: there is no table sale',
      'did you mean sales?',
    ],
    [
      'a table that the model does not read',
      `${base}, given: { trends: [] }, expect: []`,
      'given.trends: totals does not read this table',
      'it reads: sales',
    ],
    [
      'a column that there is not',
      `${base}, given: { sales: [{ dy: 1 }] }, expect: []`,
      'given.sales: sales has no column dy',
      'did you mean day?',
    ],
    [
      'a value of another type',
      `${base}, given: { sales: [{ day: 'June' }] }, expect: []`,
      'given.sales[0].day: `June` is not a value of type DATE',
      'correct the value',
    ],
    [
      'an expected column that there is not',
      `${base}, given: {}, expect: [{ totl: 1 }]`,
      'expect: totals has no column totl',
      'did you mean total?',
    ],
    [
      'rows of which the second lacks a column',
      `${base}, given: {}, expect: [{ day: '2025-07-01', total: 1 }, { total: 1 }]`,
      'expect: row 2 has the columns total, the first row day, total',
      'name the same columns in each row',
    ],
    [
      'a row that NULL cannot be in',
      `${base}, given: { sales: [{ amount: null }] }, expect: []`,
      'given.sales: Constraint Error',
      'correct the rows',
    ],
    ['no clock', `model: 'totals', given: {}, expect: []`, 'totals reads the clock', 'give the test an `asOf`'],
    [
      'a clock that is none',
      `model: 'totals', asOf: 'noon', given: {}, expect: []`,
      '`noon` is not a time',
      'write asOf as',
    ],
  ])('with %s is refused', async (_, options, message, hint) => {
    const error = await result(options).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'MODULE_INVALID', details: { file: 'tests/models/totals.ts' } });
    expect((error as Error).message).toContain(`one: ${message}`);
    expect((error as { details: { hint: string } }).details.hint).toContain(hint);
  });

  test.each([
    ['nothing', '', 'it exports no unit test'],
    ['something else', 'export const helper = 1;', 'its export helper is not a unit test'],
    [
      'a test of another table',
      `export const one = defineModelTest({ model: 'sales', given: {}, expect: [] });`,
      'pipeline.yaml has no model sales',
    ],
  ])('in a module that exports %s is refused', async (_, text, message) => {
    const { pipeline } = await shopWith(text);
    await expect(loadUnitTests(pipeline)).rejects.toThrow(message);
  });
});

describe('test --unit', () => {
  const run = async (tests: readonly string[], ...words: readonly string[]) => {
    const { directory } = await shopWith(...tests);
    return pipelineInProcess(['test', '--unit', ...words], { cwd: directory });
  };

  test('runs the tests of the selected models, without a warehouse', async () => {
    const { exitCode, stdout } = await run([sums]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'PASS totals: sums\nDone. PASS=1 ERROR=0 TOTAL=1\n' });
    expect((await run([sums], '--select', 'numbers')).exitCode).toBe(0);
    const none = await run([sums], '--select', 'trends');
    expect(none).toMatchObject({ exitCode: 2, stdout: '' });
    expect(none.stderr).toContain('error [SELECTION_EMPTY] no model that is selected has a unit test');
  });

  test('shows what differs, and goes on', async () => {
    const wrong = sums.replace('const sums', 'const adds').replace('total: 4', 'total: 5');
    const broken = sums.replace('const sums', 'const breaks').replace('sales:', 'sale:');
    const { exitCode, stdout } = await run([sums, wrong, broken]);
    expect(exitCode).toBe(1);
    expect(stdout).toBe(`\
FAIL totals: adds (tests/models/totals.ts)
  A total is what was sold.
  differs     day=2025-07-02
              total: expected 5, got 4
FAIL totals: breaks (tests/models/totals.ts)
  A total is what was sold.
  error [MODULE_INVALID] tests/models/totals.ts: breaks: given.sale: there is no table sale
    next: did you mean sales?
PASS totals: sums
Done. PASS=1 ERROR=2 TOTAL=3
`);
  });

  test('takes no option that is about published tables', async () => {
    expect((await run([sums], '--warn-error')).exitCode).toBe(2);
  });
});
