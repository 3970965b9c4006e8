import { expect, test } from 'vitest';
import { checkRawSql } from '../../checks/raw-sql.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (text: string) => checkRawSql(await tree({ 'models/market/a.ts': `\n${text}` }), { most: 2 });

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
  ["eb.fn<string>('left', ['a'])", 'the type of a function that is called by its name is believed'],
  ["fn.agg<string>('arg_max', ['a', 'b'])", 'the type of a function that is called by its name is believed'],
])('%s is found', async (text, problem) => {
  expect(await problemsOf(text)).toEqual([expect.stringContaining(`models/market/a.ts:2: ${problem}`)]);
});

test.each(["fn.coalesce('a', 'b')", "fn.count('a')"])('%s is one of Kysely', async (text) => {
  expect(await problemsOf(text)).toEqual([]);
});

test('more raw fragments than are allowed are refused', async () => {
  expect(await problemsOf('[sql`a`, sql`b`]')).toEqual([]);
  expect(await problemsOf('[sql`a`, sql`b`, sql`c`]')).toEqual([
    expect.stringContaining('3 raw SQL fragments in models, queries and tests/data, 2 are allowed'),
  ]);
});

test('models, queries and data tests are looked at', async () => {
  const text = 'query.$castTo<{ a: number }>()';
  const root = await tree({ 'queries/a.ts': text, 'tests/data/b.ts': text, 'engine/c.ts': text });
  expect(await checkRawSql(root)).toHaveLength(2);
});
