import fc from 'fast-check';
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { exactSum } from '../../../engine/vocabulary/index.ts';
import { nearestToSum } from '../../support/decimal.ts';

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
  return () => warehouse[Symbol.asyncDispose]();
});

async function sumOf(values: readonly (number | null)[]): Promise<number | null> {
  const list = values.map((value) => (value === null ? 'NULL' : `'${value}'`)).join(', ');
  const from = sql.raw(`(SELECT unnest([${list}]::DOUBLE[]) AS value)`);
  const query = createCompiler<Record<string, never>>()
    .selectFrom(sql<{ value: number }>`${from}`.as('given'))
    .select(({ ref }) => [exactSum(ref('value')).as('total')]);
  const [row] = await warehouse.rows(compileSql(query));
  return row?.total as number | null;
}

test('B32: any figures of up to 13 decimals add up to the double nearest to the sum of their texts', async () => {
  // Up to 17 digits with the point anywhere. What a DOUBLE cannot distinguish is written as its shortest text.
  const figure = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 13 }))
    .map(([digits, cut, decimals]) => Number(`${digits / 10n ** BigInt(cut)}e-${decimals}`))
    .filter((value) => value < 1e17);
  await fc.assert(
    fc.asyncProperty(fc.array(figure, { minLength: 1, maxLength: 60 }), async (values) => {
      expect(await sumOf(values)).toBe(nearestToSum(values.map(String)));
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['0.1 ten times', Array(10).fill(0.1), 1],
  ['a small figure next to a large one', [9_999_999_999, 1e-5], 9_999_999_999.00001],
  ['thirteen decimals', [0.1234567890123, 0.0000000000001], 0.1234567890124],
  ["a month of a memecoin's volume", Array(30).fill(123_456_789_012_345.5), 3_703_703_670_370_365],
  ['NULL among others', [null, 0.1, 0.2], 0.3],
  ['only NULL', [null], null],
  ['zero', [0, 0], 0],
  ['numbers beyond any market', [1e17, 1e300], 1e300],
])('B32: %s', async (_, values, sum) => {
  expect(await sumOf(values)).toBe(sum);
});

test('B32: figures of either sign', async () => {
  expect(await sumOf([0.3, -0.1, -0.2, -1e10, 1e10])).toBe(0);
});
