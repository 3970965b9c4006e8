import { expect, test } from 'vitest';
import { checkRawSql } from '../../checks/raw-sql.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (text: string) => checkRawSql(await tree({ 'models/market/a.ts': `\n${text}` }));

test.each([
  "cast('DOUBLE', sql`a / b`).as('ratio')",
  "eb.ref('a').as('b')",
  'join.on((eb) => sql<boolean>`a between b and c`)',
  "const part = (at) => sql`split_part(key, '/', 3)`; export const parts = { symbol: cast('VARCHAR', part(3)) }; parts.symbol.as('symbol')",
  "db.selectFrom(days(db).as('day'))",
  "sql<unknown>`bitstring_agg(a)`.as('bits')",
])('%s passes', async (text) => {
  expect(await problemsOf(text)).toEqual([]);
});

test.each([
  ['sql<number>`a / b`', 'sql<number> is a claim that nothing proves'],
  ['sql<string | null>`a`', 'sql<string | null> is a claim that nothing proves'],
  ["sql.ref<number>('a')", 'sql<number> is a claim that nothing proves'],
  ["sql`a / b`.as('ratio')", 'a raw fragment is selected without a cast'],
  ["sql<boolean>`a > b`.as('more')", 'a raw fragment is selected without a cast'],
  ["sql.lit(1).as('one')", 'a raw fragment is selected without a cast'],
  ["const ratio = sql`a / b`; db.select(ratio.as('ratio'))", 'a raw fragment is selected without a cast'],
  ["const ratio = (a) => sql`a / b`; ratio(1).as('ratio')", 'a raw fragment is selected without a cast'],
  ["function ratio(a) { return sql`a / b`; } ratio(1).as('ratio')", 'a raw fragment is selected without a cast'],
  ["const one = sql`1`; const same = one; (isOne ? same : a).as('b')", 'a raw fragment is selected without a cast'],
  ['query.$castTo<{ a: number }>()', '$castTo() is a claim that nothing proves'],
])('%s fails', async (text, problem) => {
  expect(await problemsOf(text)).toEqual([expect.stringContaining(`models/market/a.ts:2: ${problem}`)]);
});

test('models, queries and data tests are checked', async () => {
  const text = "sql`1`.as('one')";
  const root = await tree({ 'queries/a.ts': text, 'tests/data/b.ts': text, 'engine/c.ts': text });
  expect(await checkRawSql(root)).toHaveLength(2);
});
