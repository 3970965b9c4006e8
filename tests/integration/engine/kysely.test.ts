import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { sourceRelations } from '../../../engine/duckdb/source.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { sourcesOf } from '../../../engine/lineage.ts';
import { bigint, table, varchar } from '../../../engine/schema/table.ts';

interface Database {
  bars: { symbol: string; day: Date; volume: number; trades: bigint };
  symbols: { symbol: string; quote: string };
  listed: { symbol: string };
}
const db: Kysely<Database> = createCompiler<Database>();

describe('values in the SQL text', () => {
  let warehouse: Warehouse;
  beforeAll(async () => {
    warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    return () => warehouse[Symbol.asyncDispose]();
  });
  // DuckDB ends a statement at NUL, and a lone surrogate is not a character.
  const anyText = fc
    .oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({
        unit: fc.constantFrom("'", '"', '\\', '\n', '\r', '\t', '--', '/*', ';', '$', '?', '%', '币', '😀'),
      }),
    )
    .filter((text) => !text.includes('\0'));

  test('any text comes back unchanged, through a comparison and through a list', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const query = createCompiler<{ t: { text: string } }>()
          .selectFrom(sql<{ text: string }>`(SELECT ${text} AS text)`.as('t'))
          .where('text', '=', text)
          .where('text', 'in', [text, 'another'])
          .where('text', 'in', [sql.lit(text)])
          .select(['text', sql<string>`${text}`.as('again')]);
        expect(query.compile().parameters).toEqual([]);
        expect(await warehouse.rows(compileSql(query))).toEqual([{ text, again: text }]);
      }),
      { numRuns: 150 },
    );
  });

  test('any 64-bit integer, and any number with few digits, comes back unchanged', async () => {
    const integers = fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n });
    // DuckDB reads 17 digits as a DECIMAL, which may become another DOUBLE in the last bit.
    const numbers = fc.integer({ min: -1e9, max: 1e9 }).map((thousandths) => thousandths / 1000);
    await fc.assert(
      fc.asyncProperty(integers, numbers, async (integer, number) => {
        const query = db.selectNoFrom([
          sql`${integer}::BIGINT`.as('integer'),
          sql`${number}::DOUBLE`.as('number'),
          sql`typeof(${true})`.as('boolean'),
          sql`${null} IS NULL`.as('none'),
        ]);
        expect(await warehouse.row(compileSql(query))).toEqual({
          integer,
          number: number + 0, // turns -0 into 0
          boolean: 'BOOLEAN',
          none: true,
        });
      }),
      { numRuns: 50 },
    );
  });

  test('a Date is an instant in UTC', async () => {
    const time = new Date('2025-03-09T02:30:00.123Z');
    const query = db.selectNoFrom(sql`cast(${time} as TIMESTAMP)`.as('time'));
    expect(await warehouse.row(compileSql(query))).toEqual({ time });
  });

  test('names of tables and columns keep their quotes', async () => {
    const odd = createCompiler<Record<string, Record<string, number>>>().selectFrom('a "b"').select('c "d"');
    await warehouse.run('CREATE TABLE "a ""b""" AS SELECT 1 AS "c ""d"""');
    expect(await warehouse.row(compileSql(odd))).toEqual({ 'c "d"': 1 });
  });

  test('the same query gives the same text, and another value gives another text', () => {
    const query = (least: number) => compileSql(db.selectFrom('bars').where('volume', '>=', least).select('symbol'));
    expect(query(1)).toBe('select "symbol" from "bars" where "volume" >= 1');
    expect(query(1)).toBe(query(1));
    expect(query(2)).not.toBe(query(1));
  });
});

describe('the tables that a query reads', () => {
  test.each<[string, Parameters<typeof sourcesOf>[0], readonly string[]]>([
    ['one in FROM', db.selectFrom('bars').selectAll(), ['bars']],
    ['one under an alias, without the alias', db.selectFrom('bars as b').select('b.symbol'), ['bars']],
    [
      'those of joins, in alphabetical order',
      db
        .selectFrom('symbols as s')
        .innerJoin('bars', 'bars.symbol', 's.symbol')
        .leftJoin('listed as l', 'l.symbol', 's.symbol')
        .select('s.quote'),
      ['bars', 'listed', 'symbols'],
    ],
    [
      'one that is read twice, listed once',
      db.selectFrom('bars as a').innerJoin('bars as b', 'a.day', 'b.day').select('a.day'),
      ['bars'],
    ],
    [
      'one in a subquery in FROM',
      db.selectFrom(db.selectFrom('bars').select('symbol').as('found')).select('found.symbol'),
      ['bars'],
    ],
    [
      'those of subqueries in WHERE and SELECT',
      db
        .selectFrom('bars')
        .where('symbol', 'in', ({ selectFrom }) => selectFrom('listed').select('listed.symbol'))
        .select(({ selectFrom }) => selectFrom('symbols').select('quote').limit(1).as('quote')),
      ['bars', 'listed', 'symbols'],
    ],
    [
      "those of a join's condition",
      db
        .selectFrom('bars')
        .innerJoin('symbols as s', (join) =>
          join.on(({ exists, selectFrom }) => exists(selectFrom('listed').select('listed.symbol'))),
        )
        .select('s.quote'),
      ['bars', 'listed', 'symbols'],
    ],
    [
      'both sides of a union',
      db.selectFrom('bars').select('symbol').unionAll(db.selectFrom('listed').select('symbol')),
      ['bars', 'listed'],
    ],
    [
      'those in CTEs, without the names of the CTEs',
      db
        .with('traded', (cte) => cte.selectFrom('bars').select('symbol'))
        .with('known', (cte) =>
          cte.selectFrom('traded').innerJoin('symbols', 'symbols.symbol', 'traded.symbol').select('symbols.symbol'),
        )
        .selectFrom('known as k')
        .innerJoin('traded as t', 't.symbol', 'k.symbol')
        .select('k.symbol'),
      ['bars', 'symbols'],
    ],
    [
      'one in a raw fragment',
      db.selectFrom('bars').select(sql`(SELECT max(symbol) FROM ${sql.table('listed')})`.as('last')),
      ['bars', 'listed'],
    ],
    [
      'one in a raw fragment that contains a query',
      db
        .selectFrom('bars')
        .select(sql`coalesce((${db.selectFrom('symbols').select('quote').limit(1)}), '')`.as('quote')),
      ['bars', 'symbols'],
    ],
    [
      'those of an update',
      db.updateTable('bars').set({ volume: 0 }).from('listed').whereRef('bars.symbol', '=', 'listed.symbol'),
      ['bars', 'listed'],
    ],
    ['none if there are none', db.selectNoFrom(sql`1`.as('one')), []],
  ])('%s', (_, query, tables) => {
    expect(sourcesOf(query)).toEqual(tables);
  });

  test('a CTE hides the table of the same name only where the CTE is in scope', () => {
    const inSubquery = db
      .selectFrom('bars')
      .innerJoin(
        db
          .with('bars', (cte) => cte.selectFrom('listed').select('symbol'))
          .selectFrom('bars')
          .select('symbol')
          .as('found'),
        'found.symbol',
        'bars.symbol',
      )
      .select('bars.symbol');
    expect(sourcesOf(inSubquery)).toEqual(['bars', 'listed']);
    const readBefore = db
      .with('traded', (cte) => cte.selectFrom('bars').select('symbol'))
      .with('bars', (cte) => cte.selectFrom('traded').select('symbol'))
      .selectFrom('bars')
      .select('symbol');
    expect(sourcesOf(readBefore)).toEqual(['bars']);
    const recursive = db
      .withRecursive('chain', (cte) =>
        cte
          .selectFrom('bars')
          .select('symbol')
          .unionAll(
            cte.selectFrom('chain').innerJoin('listed', 'listed.symbol', 'chain.symbol').select('listed.symbol'),
          ),
      )
      .selectFrom('chain')
      .select('symbol');
    expect(sourcesOf(recursive)).toEqual(['bars', 'listed']);
  });
});

test('a staged source is compiled to a read of files, and is still listed as a source', () => {
  const lines = table('lines', {
    description: 'Lines.',
    kind: 'source',
    columns: { key: varchar('Key.'), time: bigint('Time.') },
    key: [],
  });
  const mapped = createCompiler<{ lines: { key: string; time: bigint } }>(sourceRelations({ lines }));
  const query = mapped.selectFrom('lines as l').select('l.key');
  expect(compileSql(query)).toBe(
    `select "l"."key" from read_csv(getvariable('lines_batches'), header = false, auto_detect = false, delim = ',', quote = '', escape = '', columns = {'key': 'VARCHAR', 'time': 'BIGINT'}) as "l"`,
  );
  expect(sourcesOf(query)).toEqual(['lines']);
});
