import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Table, TimeUnit, tableFromIPC } from 'apache-arrow';
import { beforeAll, expect, test } from 'vitest';
import { main } from '../../../engine/cli/program.ts';
import { openWarehouse as openDatabase } from '../../../engine/duckdb/warehouse.ts';
import { openReader } from '../../../engine/open-reader.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { queryWarehouse } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await writeWarehouse();
});

const query = (...args: readonly string[]) => pipelineInProcess(['query', ...args], { dataDir: fixture.dataDir });

/** The exact bytes that a pipe receives. */
async function piped(...args: readonly string[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const exitCode = await main(['query', ...args, '--data-dir', fixture.dataDir], {
    stdout: new Writable({
      write(chunk, _, done) {
        chunks.push(Buffer.from(chunk));
        done();
      },
    }),
    stderr: new Writable({ write: (_text, _encoding, done) => done() }),
    env: {},
    cwd: root,
    now: () => new Date(),
    clock: () => performance.now(),
    random: Math.random,
    signal: new AbortController().signal,
  });
  expect(exitCode).toBe(0);
  return Buffer.concat(chunks);
}

const typesOf = (table: Table) => Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]));

/** A table in the form of the CSV of the same answer. */
function csvOf(table: Table): string {
  const lines = [table.schema.fields.map(({ name }) => name).join(',')];
  for (let row = 0; row < table.numRows; row++) {
    const cells = table.schema.fields.map(({ type }, column) => {
      const value = table.getChildAt(column)?.get(row);
      if (value === null) return '';
      const kind = String(type);
      if (kind.startsWith('Date')) return new Date(value).toISOString().slice(0, 10);
      if (kind === 'Float32') return String(Number(value.toPrecision(8))); // the digits of a FLOAT
      if (!kind.startsWith('Timestamp')) return String(value);
      const time = new Date(value).toISOString().replace('T', ' ').replace('Z', '');
      return time.replace(/\.000$/, '');
    });
    lines.push(cells.join(','));
  }
  return `${lines.join('\n')}\n`;
}

test.each([
  ['snapshot', '2025-05-15'],
  ['timeline', 'TWICEUSDT'],
  ['rank', 'TWICEUSDT'],
  ['market', 'latest'],
])('an Arrow stream of %s %s has the rows and types of the answer, including NULLs', async (...ask) => {
  const table = tableFromIPC(await piped(...ask, '--format', 'arrow'));
  const csv = (await query(...ask)).stdout.replaceAll(/\b(\d+)\.0\b/g, '$1');
  expect(csvOf(table)).toBe(csv);
  expect(table.numRows).toBeGreaterThan(0);
});

test('types are exact', async () => {
  const table = tableFromIPC(await piped('timeline', 'TWICEUSDT', '--format', 'arrow'));
  expect(typesOf(table)).toMatchObject({
    date: 'Date32<DAY>',
    symbol: 'Utf8',
    available: 'Bool',
    quote_volume_usdt: 'Float64',
    trade_count: 'Int64',
    last_modified: 'Timestamp<MICROSECOND, UTC>',
  });
  const { type } = table.schema.fields.find(({ name }) => name === 'last_modified') as { type: { unit: TimeUnit } };
  expect(type.unit).toBe(TimeUnit.MICROSECOND);
  expect(table.schema.metadata).toEqual(
    new Map([
      ['target', 'sample'],
      ['synthetic', 'true'],
    ]),
  );
  expect(typesOf(tableFromIPC(await piped('rank', 'TWICEUSDT', '--format', 'arrow')))).toMatchObject({
    rank: 'Int16',
    market_share_pct: 'Float32',
  });
});

test('times are instants in UTC in Parquet and in Arrow, equal to the µs', async () => {
  const folder = await tempDir('instants-');
  const ask = ['ohlcv', 'BTCUSDT', '--timeframe', '1h'];
  for (const name of ['bars.parquet', 'bars.arrow'])
    expect((await query(...ask, '--output', join(folder, name))).exitCode).toBe(0);
  const arrow = tableFromIPC(await readFile(join(folder, 'bars.arrow')));
  expect(typesOf(arrow)).toMatchObject({
    timestamp: 'Timestamp<MICROSECOND, UTC>',
    close_time: 'Timestamp<MICROSECOND, UTC>',
  });
  const from = `FROM read_parquet('${join(folder, 'bars.parquet')}')`;
  const types = await queryWarehouse(':memory:', `SELECT column_name, column_type FROM (DESCRIBE ${from})`);
  expect(Object.fromEntries(types.rows)).toMatchObject({
    timestamp: 'TIMESTAMP WITH TIME ZONE',
    close_time: 'TIMESTAMP WITH TIME ZONE',
  });
  for (const name of ['timestamp', 'close_time']) {
    const { rows } = await queryWarehouse(':memory:', `${from} SELECT epoch_us(${name})`);
    expect(rows.map(([us]) => us)).toEqual(Array.from(arrow.getChild(name)?.data[0]?.values ?? []));
  }
});

test('an output named .arrow is a file and .arrows a stream, and an empty answer has its columns', async () => {
  const folder = await tempDir('arrow-');
  const ask = ['ohlcv', 'BTCUSDT', '--timeframe', '1h'];
  for (const [name, magic] of [
    ['bars.arrow', true],
    ['bars.arrows', false],
  ] as const) {
    const file = join(folder, name);
    expect((await query(...ask, '--output', file)).stderr).toContain(`1,437 rows to ${file}`);
    const bytes = await readFile(file);
    expect(bytes.subarray(0, 6).toString() === 'ARROW1').toBe(magic);
    expect(tableFromIPC(bytes).numRows).toBe(1437);
  }
  const none = tableFromIPC(await piped(...ask, '--end', '2020-01-01', '--format', 'arrow'));
  expect([none.numRows, none.schema.fields.length]).toEqual([0, 15]);
});

test('Arrow is written in batches, with every value exact, including µs and integers above 2^53', async () => {
  const file = join(await tempDir('arrow-'), 'warehouse.duckdb');
  {
    await using database = await openDatabase({ file });
    await database.run(`CREATE TABLE t AS SELECT n AS big, 9007199254740993 + n AS id, sqrt(n) AS root,
      CASE WHEN n % 3 = 0 THEN NULL ELSE '币' || n END AS name, n % 2 = 0 AS even,
      TIMESTAMP '1969-12-31 23:59:59.999999' + to_microseconds(n) AS at, DATE '1969-12-31' + n::INTEGER % 3 AS day
      FROM range(200000) AS r(n)`);
  }
  await using reader = await openReader<{ t: { id: bigint } }>({ warehouse: file });
  const to = `${file}.arrows`;
  expect(await reader.copy(reader.db.selectFrom('t').selectAll(), { file: to, format: 'arrows' })).toBe(200_000);
  const table = tableFromIPC(await readFile(to));
  expect(table.batches.length).toBeGreaterThan(2);
  expect(table.getChild('id')?.get(199_999)).toBe(9007199254940992n);
  const roots = table.getChild('root')?.toArray() as Float64Array;
  expect(roots.every((value, n) => value === Math.sqrt(n))).toBe(true);
  const names = table.getChild('name');
  const even = table.getChild('even');
  for (const n of [0, 1, 2, 3, 65_535, 65_536, 65_537, 131_073, 199_999]) {
    expect([names?.get(n), even?.get(n)]).toEqual([n % 3 === 0 ? null : `币${n}`, n % 2 === 0]);
  }
  expect(names?.nullCount).toBe(66_667);
  const raw = (name: string) => table.getChild(name)?.data[0]?.values.slice(0, 3);
  expect(raw('at')).toEqual(BigInt64Array.of(-1n, 0n, 1n));
  expect(raw('day')).toEqual(Int32Array.of(-1, 0, 1));
});
