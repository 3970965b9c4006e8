import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { bigint, date, desc, double, integer, type Table, table, varchar } from '../../../engine/schema/table.ts';
import { createProject, schemaOf, type TestProject } from './project.ts';

const columns = { date: date('Day.'), symbol: varchar('Ticker.'), volume: double('Turnover.', { unit: 'USDT' }) };
const days: Table = table('days', { description: 'Days.', columns, key: ['date', 'symbol'] });

let project: TestProject;
beforeEach(async () => {
  project = await createProject();
  await project.create('first', schemaOf(days));
});

const read = (file: string) => readFile(join(project.root, 'migrations', file), 'utf8');
const sqlOf = async (file: string) => (await read(file)).replaceAll(/^--.*\n/gm, '').trim();

test('a column at the end is added in place', async () => {
  const more = { ...days, columns: { ...columns, trades: bigint.nullable('Trades.') } };
  await project.create('trades', schemaOf(more));
  expect(await read('0002_trades.sql')).toBe(`\
-- 0002_trades; written by pnpm pipeline migrate new, never changed after its release
-- days: add trades BIGINT

ALTER TABLE "days" ADD COLUMN "trades" BIGINT;
COMMENT ON COLUMN "days"."trades" IS 'Trades.';
`);
});

test('an index is part of the comment until the database is published', async () => {
  const more = { ...days, indexes: { idx_volume: [desc('volume'), 'date'] } };
  await project.create('index', schemaOf(more));
  expect(await sqlOf('0002_index.sql')).toContain('Index idx_volume: volume DESC, date');
  await project.create('no_index', schemaOf(days));
  expect(await sqlOf('0003_no_index.sql')).toContain('DROP INDEX IF EXISTS "idx_volume";');
});

test('any other change recreates the table, with the key added after the rows', async () => {
  const other = { ...days, columns: { symbol: columns.symbol, date: columns.date, volume: bigint('Turnover.') } };
  await project.create('whole_dollars', schemaOf(other));
  expect(await sqlOf('0002_whole_dollars.sql')).toBe(`\
CREATE TABLE "days_new" (
  "symbol" VARCHAR NOT NULL,
  "date" DATE NOT NULL,
  "volume" BIGINT NOT NULL
);
INSERT INTO "days_new" ("symbol", "date", "volume")
SELECT "symbol", "date", cast("volume" as BIGINT) FROM "days";

DROP TABLE "days";
ALTER TABLE "days_new" RENAME TO "days";
ALTER TABLE "days" ADD PRIMARY KEY ("date", "symbol");
COMMENT ON TABLE "days" IS 'Days.';
COMMENT ON COLUMN "days"."symbol" IS 'Ticker.';
COMMENT ON COLUMN "days"."date" IS 'Day.';
COMMENT ON COLUMN "days"."volume" IS 'Turnover.';`);
  expect(await read('0002_whole_dollars.sql')).toContain(
    '-- days: change volume from DOUBLE to BIGINT (destructive)\n',
  );
});

test('B30: a table is recreated even if its temporary name is taken', async () => {
  const taken = { ...days, name: 'days_new' };
  const other = { ...days, columns: { symbol: columns.symbol, date: columns.date, volume: bigint('Turnover.') } };
  await project.create('both', schemaOf(days, taken));
  await project.create('whole_dollars', schemaOf(other, taken));
  expect(await sqlOf('0003_whole_dollars.sql')).toContain('ALTER TABLE "days_new_" RENAME TO "days";');
});

test('a table is created and dropped', async () => {
  const weeks = { ...days, name: 'weeks', columns, key: ['date'] };
  await project.create('weeks_only', schemaOf(weeks));
  expect(await sqlOf('0002_weeks_only.sql')).toMatch(/^CREATE TABLE "weeks" [\s\S]*\n\nDROP TABLE "days";$/);
});

test('unchanged tables are not written', async () => {
  expect(await project.create('nothing', schemaOf(days))).toBeUndefined();
  expect(await project.migrations()).toHaveLength(1);
});

test('every file is signed in the format of sha256sum', async () => {
  await project.create('more', schemaOf(days, { ...days, name: 'weeks', columns, key: ['date'] }));
  const lines = await Promise.all(
    ['0001_first.sql', '0002_more.sql'].map(
      async (file) =>
        `${createHash('sha256')
          .update(await read(file))
          .digest('hex')}  ${file}\n`,
    ),
  );
  expect(await read('SHA256SUMS')).toBe(lines.join(''));
});

test('a column or table is renamed only if a hint says so', async () => {
  const { volume, ...rest } = columns;
  const spells = { ...days, name: 'spells', columns: { ...rest, turnover: volume } };
  await project.create('rename', schemaOf(spells), { renames: ['days=spells', 'days.volume=spells.turnover'] });
  const sql = await read('0002_rename.sql');
  expect(sql).toContain('SELECT "date", "symbol", "volume" FROM "days";');
  expect(sql).toContain('-- rename days to spells\n-- spells: rename volume to turnover\n');
  expect((await project.migrations())[1]?.renames).toEqual(
    new Map([
      ['spells', 'days'],
      ['spells.turnover', 'volume'],
    ]),
  );
});

test('a new NOT NULL column asks for a value for old rows', async () => {
  const more = { ...days, columns: { ...columns, market: varchar('Market.') } };
  await expect(project.create('market', schemaOf(more))).rejects.toMatchObject({
    code: 'USAGE',
    message: 'days.market is new and NOT NULL, so existing rows need a value',
    details: { hint: 'give it as SQL over the old row: --fill "days.market=…"' },
  });
  await project.create('market', schemaOf(more), { fills: [`days.market='spot'`] });
  expect(await sqlOf('0002_market.sql')).toContain(
    `SELECT "date", "symbol", "volume", cast('spot' as VARCHAR) FROM "days"`,
  );
});

test('a fill replaces NULL in a column that no longer allows it, and converts a changed type', async () => {
  const loose = { ...columns, rank: integer.nullable('Rank.'), week: varchar('Week.') };
  await project.create('loose', schemaOf({ ...days, columns: loose }), { fills: [`days.week='1'`] });
  const strict = { ...loose, rank: integer('Rank.'), week: integer('Week.') };
  await project.create('strict', schemaOf({ ...days, columns: strict }), {
    fills: ['days.rank=0', 'days.week=week(date)'],
  });
  const select = /SELECT (.*) FROM "days"/.exec(await read('0003_strict.sql'))?.[1];
  expect(select).toBe('"date", "symbol", "volume", coalesce("rank", cast(0 as INTEGER)), cast(week(date) as INTEGER)');
});

test.each([
  [
    ['renames', 'days.volum=days.turnover'],
    'days.volum is not in the schema that results from the migrations',
    'did you mean days.volume?',
  ],
  [['renames', 'days.volume=days.turnovr'], 'days.turnovr is not in the definition', 'did you mean days.turnover?'],
  [['renames', 'days.symbol=days.date'], 'days.date already exists', undefined],
  [['renames', 'days.volume'], '`days.volume` is not valid', 'write --rename table.old=table.new'],
  [['renames', 'days=days.turnover'], 'names a table and a column', undefined],
  [
    ['renames', 'days.volume=weeks.date'],
    'moves a column to another table',
    'rename the table first: --rename days=weeks',
  ],
  [['fills', 'days.turnovr=1'], 'days.turnovr is not in the definition', 'did you mean days.turnover?'],
  [['fills', 'days=1'], 'names no column', undefined],
] as const)('a wrong hint %j is refused', async ([kind, hint], message, next) => {
  const { volume, ...rest } = columns;
  const to = schemaOf(
    { ...days, columns: { ...rest, turnover: volume } },
    { ...days, name: 'weeks', columns, key: [] },
  );
  await expect(project.create('wrong', to, { [kind]: [hint] })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(message),
    details: next === undefined ? {} : { hint: next },
  });
});

test('a name that is not a file name is refused', async () => {
  await expect(project.create('Add Rank', schemaOf())).rejects.toMatchObject({ code: 'USAGE' });
});
