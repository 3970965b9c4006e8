import fc from 'fast-check';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import type { SqlType } from '../../../engine/schema/table.ts';
import { quoteName, quoteText, timestampLiteral } from '../../../engine/sql.ts';
import { cast, rowsDigest } from '../../../engine/vocabulary/index.ts';

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
  return () => warehouse[Symbol.asyncDispose]();
});

const plainText = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));

test('a quoted text reads back as the text, and a quoted name as the name', async () => {
  await fc.assert(
    fc.asyncProperty(
      plainText,
      plainText.filter((name) => name !== '' && name !== '__proto__'), // which cannot be keys of an object
      async (text, name) => {
        expect(await warehouse.row(`SELECT ${quoteText(text)} AS ${quoteName(name)}`)).toEqual({ [name]: text });
      },
    ),
  );
});

test('a timestamp literal is the instant, to the millisecond, in UTC', async () => {
  const times = fc.date({
    min: new Date('1970-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  await fc.assert(
    fc.asyncProperty(times, async (time) => {
      expect(await warehouse.row(`SELECT ${timestampLiteral(time)} AS time`)).toEqual({ time });
    }),
  );
});

test.each<[SqlType, string]>([
  ['BOOLEAN', '1'],
  ['TINYINT', '1'],
  ['SMALLINT', '1'],
  ['INTEGER', '1'],
  ['BIGINT', '1'],
  ['FLOAT', '1'],
  ['DOUBLE', '1'],
  ['VARCHAR', '1'],
  ['DATE', `'2025-07-01'`],
  ['TIMESTAMP', `'2025-07-01'`],
])('a cast fragment is %s, whatever its type was, and NULL stays NULL', async (type, value) => {
  const query = createCompiler<Record<string, never>>().selectNoFrom([
    cast(type, sql.raw(value)).as('value'),
    cast.nullable(type, sql`NULL`).as('nothing'),
  ]);
  const types = await warehouse.row(
    `SELECT typeof(value) AS a, typeof(nothing) AS b, nothing FROM (${compileSql(query)})`,
  );
  expect(types).toEqual({ a: type, b: type, nothing: null });
});

describe('the digest of rows', () => {
  type Rows = readonly (readonly [string | null, number | null])[];
  const db = createCompiler<{ rows: { a: string | null; b: number | null } }>();
  const query = compileSql(db.selectFrom('rows').select((eb) => rowsDigest(eb.ref('a'), eb.ref('b')).as('digest')));
  async function digestOf(rows: Rows): Promise<string> {
    await warehouse.run('CREATE OR REPLACE TEMP TABLE rows (a VARCHAR, b INTEGER)');
    const values = rows.map(([a, b]) => `(${a === null ? 'NULL' : quoteText(a)}, ${b ?? 'NULL'})`);
    if (values.length > 0) await warehouse.run(`INSERT INTO rows VALUES ${values.join(', ')}`);
    return (await warehouse.row<{ digest: string }>(query)).digest;
  }
  const row = fc.tuple(fc.option(fc.constantFrom('', 'a', 'b')), fc.option(fc.integer({ min: 0, max: 3 })));
  const rows = fc.array(row, { maxLength: 6 });
  const sorted = (some: Rows) => some.map((one) => JSON.stringify(one)).sort();

  test('is the same for the same rows in any order, and different for other rows', async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, async (some, others) => {
        const isSame = JSON.stringify(sorted(some)) === JSON.stringify(sorted(others));
        expect(await digestOf(some.toReversed())).toBe(await digestOf(some));
        expect((await digestOf(some)) === (await digestOf(others))).toBe(isSame);
      }),
      { numRuns: 60 },
    );
  });

  test('is 0 without rows', async () => {
    expect(await digestOf([])).toBe('0');
  });
});
