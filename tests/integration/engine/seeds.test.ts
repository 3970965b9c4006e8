import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { PipelineError } from '../../../engine/errors.ts';
import { date, double, table, varchar } from '../../../engine/index.ts';
import { readSeed } from '../../../engine/seed.ts';
import { root } from '../../support/pipeline.ts';
import { tree } from '../../support/tree.ts';
import { shopProject } from './shop-project.ts';

const rates = table('rates', {
  description: 'Rates.',
  key: ['currency'],
  columns: {
    currency: varchar('Currency.', { oneOf: ['EUR', 'GBP', 'USD'] }),
    since: date('First day.'),
    rate: double('Rate.', { min: 0 }),
    note: varchar.nullable('Note.'),
  },
});
const header = 'currency,since,rate,note';

async function read(text: string | Uint8Array, of: Parameters<typeof readSeed>[2] = rates) {
  const folder = await tree({});
  await writeFile(join(folder, 'rates.csv'), text);
  const { feed, rows, digest } = await readSeed(folder, 'rates.csv', of);
  await feed.writeCsv(new Set(['']), join(folder, 'loaded.csv'));
  return { rows, digest, loaded: await readFile(join(folder, 'loaded.csv'), 'utf8') };
}

async function mistakesOf(text: string | Uint8Array, of?: Parameters<typeof readSeed>[2]): Promise<PipelineError> {
  const error = await read(text, of).catch((error: unknown) => error);
  if (error instanceof PipelineError) return error;
  throw new Error('it was accepted');
}

describe('a seed file', () => {
  test('is read as RFC 4180 says: quotes, commas and lines in fields, CRLF, an empty field is NULL, "" is a text', async () => {
    const text = `${header}\r\nEUR,2025-01-01,1.10,"a, ""b""\nc"\r\nUSD,2025-01-01,1,""\r\nGBP,2025-01-01,.8,`;
    expect(await read(text)).toMatchObject({
      rows: 3,
      loaded: `${header}\nEUR,2025-01-01,110e-2,"a, ""b""\nc"\nUSD,2025-01-01,1e0,""\nGBP,2025-01-01,8e-1,\n`,
    });
  });

  test('may begin with a byte-order mark, and may have no rows', async () => {
    expect(await read(`\uFEFF${header}\n`)).toMatchObject({ rows: 0, loaded: `${header}\n` });
  });

  test('changes its digest with its bytes and with the definition of its table', async () => {
    const text = `${header}\nEUR,2025-01-01,1,\n`;
    const { rate: _, ...others } = rates.columns;
    const other = table('rates', { description: 'Rates.', key: [], columns: { ...others, rate: double('Rate.') } });
    const digests = await Promise.all([read(text), read(text), read(text.trimEnd()), read(header)]);
    expect(new Set(digests.map(({ digest }) => digest)).size).toBe(3);
    await expect(read(text, other)).rejects.toMatchObject({ code: 'SEED_INVALID' }); // its columns are in another order
    const reordered = text.replace('since,rate,note', 'since,note,rate').replace(',1,', ',,1');
    expect(digests.map(({ digest }) => digest)).not.toContain((await read(reordered, other)).digest);
  });

  const line = (...fields: string[]) => `${header}\nEUR,2025-01-01,1,\n${fields.join(',')}\n`;
  test.each<[string, string, number, number, string]>([
    ['an empty file', '', 1, 1, 'the file has no header: `currency,since,rate,note`'],
    ['a misspelled column', 'currency,since,rat,note\n', 1, 16, 'not `rat` here'],
    ['a column too few', 'currency,since,rate\n', 1, 16, '`note` is missing after this'],
    ['a column too many', `${header},more\n`, 1, 26, 'not `more` here'],
    ['columns in another order', 'since,currency,rate,note\n', 1, 1, 'in their order, not `since` here'],
    ['a field too few', line('USD', '2025-01-01', '1'), 3, 1, 'the line has 3 fields, but the header has 4'],
    ['a blank line', line(''), 3, 1, 'the line has 1 field, but the header has 4'],
    [
      'a day that is none',
      line('USD', '2025-02-30', '1', ''),
      3,
      5,
      '`since` must be a value of type DATE, not `2025-02-30`',
    ],
    [
      'a text for a number',
      line('USD', '2025-01-01', 'one', ''),
      3,
      16,
      '`rate` must be a value of type DOUBLE, not `one`',
    ],
    ['an infinite number', line('USD', '2025-01-01', '1e999', ''), 3, 16, '`rate` must be a finite DOUBLE'],
    ['no number', line('USD', '2025-01-01', 'nan', ''), 3, 16, '`rate` must be a finite DOUBLE'],
    ['a number too small', line('USD', '2025-01-01', '-1', ''), 3, 16, '`rate` must be at least 0, not `-1`'],
    ['NULL where none may be', line('USD', '', '1', ''), 3, 5, '`since` is empty, but the column does not allow NULL'],
    ['another value', line('USDT', '2025-01-01', '1', ''), 3, 1, '`currency` must be one of EUR, GBP, USD, not `USDT`'],
    [
      'a key that was there',
      line('EUR', '2025-01-02', '1', ''),
      3,
      1,
      'the currency `EUR` appears twice (first on line 2)',
    ],
    ['a space after a comma', line('USD', ' 2025-01-01', '1', ''), 3, 5, '` 2025-01-01` begins or ends with a space'],
    ['a stray quote', line('USD', '2025-01-01', '1', 'a"b'), 3, 19, 'must be quoted as a whole'],
    ['text behind a quote', line('USD', '2025-01-01', '1', '"a"b'), 3, 21, 'must end at its closing quote'],
    ['an open quote', line('USD', '2025-01-01', '1', '"a'), 3, 18, 'the quote that opens here is never closed'],
  ])('with %s is refused at its place', async (_, text, lineOf, column, message) => {
    const { code, exitCode, message: said, details } = await mistakesOf(text);
    expect(said).toContain(message);
    expect({ code, exitCode, details }).toMatchObject({
      code: 'SEED_INVALID',
      exitCode: 2,
      details: { file: 'rates.csv', line: lineOf, column },
    });
  });

  test('is refused with all mistakes at once, and suggests what was meant', async () => {
    const { message, details } = await mistakesOf(line('USDD', '2025-01-01', '-1', ''));
    expect(message).toContain('did you mean USD?');
    expect(message).toContain('rates.csv:3:17: `rate` must be at least 0');
    expect(details.hint).toContain('2 problems');
  });

  test('that is not UTF-8 is refused', async () => {
    expect(await mistakesOf(new Uint8Array([0x61, 0xff]))).toMatchObject({ message: 'the file is not UTF-8' });
  });
});

const vocabulary = pathToFileURL(join(root, 'engine/vocabulary/index.ts')).href;

const totalsWithBonus = `\
import { cast } from '${vocabulary}';
import { schema } from './schema.ts';
export default {
  table: schema.totals,
  definition: {
    sources: { bonuses: { by: { day: 'since' } } },
    query: ({ db, asOf }) => db.selectFrom('sales').leftJoin('bonuses', 'bonuses.since', 'sales.day')
      .select((eb) => ['sales.day', cast('BIGINT', eb('amount', '+', eb.fn.coalesce('bonus', eb.lit(0)))).as('total'), cast('TIMESTAMP', asOf).as('built_at')]),
  },
};
`;

/** The shop with a seed that says from what day on a total counts, and how much is added to it. */
async function seededShop(columns = `since: date('Day.'), bonus: integer('Bonus.')`, options = '') {
  const shop = await shopProject(
    {
      'pipeline.yaml': (text) =>
        text
          .replace('models:\n', 'seeds:\n  bonuses: bonuses.csv\nmodels:\n')
          .replace('needs: [sales]', 'needs: [sales, bonuses]'),
      'schema.ts': (text) =>
        text
          .replace('import { ', 'import { integer, ')
          .replace(
            '  ...engineTables,',
            `  bonuses: table('bonuses', { description: 'Bonuses.', key: ['since'], columns: { ${columns} }${options} }),\n  ...engineTables,`,
          ),
      'totals.ts': () => totalsWithBonus,
    },
    { 'bonuses.csv': 'since,bonus\n2025-07-02,5\n' },
  );
  const give = (text: string) => writeFile(join(shop.directory, 'bonuses.csv'), text);
  await shop.sell({ '2025-07-01': 1, '2025-07-02': 2 });
  return { ...shop, give };
}

const totals = 'SELECT day, total FROM totals ORDER BY day';

describe('a seed in a run', () => {
  test('is loaded before what reads it, reused while it is unchanged, and rebuilds only what it changes', async () => {
    const shop = await seededShop();
    expect((await shop.run()).status).toMatchObject({ 'seed.bonuses': 'pass', 'model.totals': 'pass' });
    expect(await shop.rows(totals)).toEqual([
      ['2025-07-01', '1'],
      ['2025-07-02', '7'],
    ]);
    expect((await shop.run()).status).toMatchObject({ 'seed.bonuses': 'reused', 'model.totals': 'reused' });
    await shop.give('since,bonus\n2025-07-02,6\n');
    const { status, message } = await shop.run();
    expect(status).toMatchObject({ 'seed.bonuses': 'pass', 'model.totals': 'pass' });
    expect(message['seed.bonuses']).toBe('1 row');
    expect(message['model.totals']).toBe('1 row, 1 partition');
    expect(await shop.rows(totals)).toEqual([
      ['2025-07-01', '1'],
      ['2025-07-02', '8'],
    ]);
  });

  test('comes with what reads it, and --full-refresh loads it again', async () => {
    const shop = await seededShop();
    await shop.run();
    await shop.give('since,bonus\n');
    expect((await shop.run({ select: 'totals' })).status).toMatchObject({ 'seed.bonuses': 'pass' });
    expect(await shop.rows(totals)).toEqual([
      ['2025-07-01', '1'],
      ['2025-07-02', '2'],
    ]);
    expect((await shop.run({ fullRefresh: true })).status).toMatchObject({ 'seed.bonuses': 'pass' });
  });

  test('may be the first thing that is ever built', async () => {
    const shop = await seededShop();
    expect((await shop.run({ select: 'bonuses' })).status).toEqual({ 'seed.bonuses': 'pass' });
    expect(await shop.rows('SELECT bonus FROM bonuses')).toEqual([['5']]);
  });

  test('with a mistake stops the run before anything is done', async () => {
    const shop = await seededShop();
    await shop.give('since,bonus\n2025-07-02,many\n');
    await expect(shop.run()).rejects.toMatchObject({
      code: 'SEED_INVALID',
      details: { file: 'bonuses.csv', line: 2, column: 12 },
    });
  });

  test('that breaks a rule between its columns is not loaded: the rows before stay', async () => {
    const shop = await seededShop(
      `since: date('Day.'), bonus: integer('Bonus.'), most: integer('Most.')`,
      `, checks: [['bonus', '<=', 'most']]`,
    );
    await shop.give('since,bonus,most\n2025-07-02,5,9\n');
    await shop.run();
    await shop.give('since,bonus,most\n2025-07-01,5,4\n');
    const { status, message } = await shop.run();
    expect(status).toMatchObject({ 'seed.bonuses': 'error', 'model.totals': 'skip' });
    expect(message['seed.bonuses']).toContain('its rows break a rule of the table');
    expect(await shop.rows('SELECT since, bonus FROM bonuses')).toEqual([['2025-07-02', '5']]);
  });

  test('that another program changed is loaded again', async () => {
    const shop = await seededShop();
    await shop.run();
    {
      await using warehouse = await openWarehouse({ file: shop.paths.warehouse });
      await warehouse.run('UPDATE bonuses SET bonus = 0');
    }
    expect((await shop.run()).status).toMatchObject({ 'seed.bonuses': 'pass' });
    expect(await shop.rows('SELECT bonus FROM bonuses')).toEqual([['5']]);
  });

  test('needs a table in the schema that has no partitions', async () => {
    const without = await shopProject(
      { 'pipeline.yaml': (text) => text.replace('models:\n', 'seeds: { sale: rates.csv }\nmodels:\n') },
      { 'rates.csv': 'a\n' },
    );
    await expect(without.run()).rejects.toMatchObject({
      code: 'MODULE_INVALID',
      message: 'seed.sale has no table `sale` in schema.ts',
      details: { line: 12, column: 16, hint: 'did you mean sales?' },
    });
    const parted = await seededShop(undefined, `, partition: ['since']`);
    await expect(parted.run()).rejects.toMatchObject({
      code: 'MODULE_INVALID',
      message: 'the table of seed.bonuses must be stored and have no partitions',
    });
  });
});
