import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { verifyDatabase } from '../../../engine/duckdb/maintain.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { utc } from '../../support/engine.ts';
import { node, outputOf } from '../../support/node-process.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';

const openWarehouseOf = `import { openWarehouse } from './engine/duckdb/warehouse.ts';`;

/** A process that holds a file open until it is told to end. */
async function holder(file: string) {
  const child = node(`${openWarehouseOf}
    const warehouse = await openWarehouse({ file: ${JSON.stringify(file)} });
    await warehouse.run('CREATE TABLE IF NOT EXISTS held (i INTEGER)');
    console.log(process.pid);
    process.stdin.once('data', async () => { await warehouse[Symbol.asyncDispose](); process.exit(0); });`);
  const [pid] = await once(createInterface(child.stdout as NodeJS.ReadableStream), 'line');
  return {
    pid: Number(pid),
    async end() {
      const closed = once(child, 'close');
      child.stdin?.write('end');
      await closed;
    },
  };
}

let file: string;
beforeEach(async () => {
  file = join(await tempDir('warehouse-'), 'data', 'warehouse.duckdb');
});

describe('values', () => {
  let warehouse: Warehouse;
  beforeEach(async () => {
    warehouse = await openWarehouse({ file: ':memory:' });
    return () => warehouse[Symbol.asyncDispose]();
  });

  test('count(*) as count is a bigint under that name (B20)', async () => {
    const query = createCompiler<{ bars: { i: number } }>()
      .selectFrom('bars')
      .select((eb) => eb.fn.countAll<bigint>().as('count'));
    await warehouse.run('CREATE TABLE bars AS SELECT i FROM range(3) AS r(i)');
    expect(await warehouse.row(compileSql(query))).toEqual({ count: 3n });
  });

  test('64-bit integers keep every digit, and smaller ones are numbers', async () => {
    expect(
      await warehouse.row(`SELECT 9223372036854775807::BIGINT AS big, 7::INTEGER AS whole, 1::TINYINT AS tiny,
        0.1::DOUBLE AS double, 0.5::FLOAT AS float, true AS yes, NULL::DATE AS nothing`),
    ).toEqual({
      big: 9_223_372_036_854_775_807n,
      whole: 7,
      tiny: 1,
      double: 0.1,
      float: 0.5,
      yes: true,
      nothing: null,
    });
  });

  test('rows come back in the order of the query, columns in the order of the select', async () => {
    const rows = await warehouse.rows('SELECT i AS b, -i AS a FROM range(3) AS r(i) ORDER BY i DESC');
    expect(rows.map((row) => Object.entries(row))).toEqual(
      [2n, 1n, 0n].map((i) => [
        ['b', i],
        ['a', -i],
      ]),
    );
  });

  test('variables can be texts with quotes, lists and times', async () => {
    await warehouse.setVariable('text', "o'hare");
    await warehouse.setVariable('list', ["a'b", 'c']);
    await warehouse.setVariable('none', []);
    await warehouse.setTime('time', utc('2025-07-10T09:00:00.123'));
    expect(
      await warehouse.row(`SELECT getvariable('text') AS text, list_aggregate(getvariable('list'), 'string_agg', '|') AS list,
        len(getvariable('none')) AS none, typeof(getvariable('none')) AS type,
        getvariable('time') AS time, typeof(getvariable('time')) AS time_type`),
    ).toEqual({
      text: "o'hare",
      list: "a'b|c",
      none: 0n,
      type: 'VARCHAR[]',
      time: utc('2025-07-10T09:00:00.123'),
      time_type: 'TIMESTAMP',
    });
  });

  test('run returns the number of changed rows', async () => {
    await warehouse.run('CREATE TABLE t (i INTEGER)');
    expect(await warehouse.run('INSERT INTO t SELECT 1 FROM range(5)')).toBe(5);
    expect(await warehouse.run('DELETE FROM t')).toBe(5);
  });

  test('row() of a query without rows is an error that shows the query', async () => {
    await expect(warehouse.row('SELECT 1 WHERE false')).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'no row from: SELECT 1 WHERE false',
    });
  });
});

test.each(['America/New_York', 'Asia/Tokyo'])('DATE and TIMESTAMP are UTC on a machine in %s (B7, B20)', async (TZ) => {
  const child = node(
    `${openWarehouseOf}
    const warehouse = await openWarehouse({ file: ':memory:' });
    await warehouse.setTime('as_of', new Date('2025-03-09T07:30:00Z'));
    const row = await warehouse.row(\`SELECT DATE '2025-03-09' AS day, TIMESTAMP '2025-03-09 02:30:00' AS time,
      getvariable('as_of') AS as_of, cast(getvariable('as_of') as VARCHAR) AS text,
      cast(TIMESTAMPTZ '2025-03-09 02:30:00+00' as VARCHAR) AS zoned\`);
    const streamed = [];
    const query = "SELECT DATE '2025-03-09' AS day, cast(TIMESTAMPTZ '2025-03-09 02:30:00+00' as VARCHAR) AS zoned";
    for await (const rows of warehouse.stream(query, (result) => result.yieldRowObjectJs())) streamed.push(...rows);
    console.log(JSON.stringify({ ...row, streamed, offset: new Date(2025, 0, 1).getTimezoneOffset() }));`,
    { env: { TZ } },
  );
  expect(JSON.parse(await outputOf(child))).toEqual({
    day: '2025-03-09T00:00:00.000Z',
    time: '2025-03-09T02:30:00.000Z',
    as_of: '2025-03-09T07:30:00.000Z',
    text: '2025-03-09 07:30:00',
    zoned: '2025-03-09 02:30:00+00',
    streamed: [{ day: '2025-03-09T00:00:00.000Z', zoned: '2025-03-09 02:30:00+00' }],
    offset: TZ === 'Asia/Tokyo' ? -540 : 300,
  });
});

describe('a file', () => {
  test('is created with its folder by a writer', async () => {
    await using warehouse = await openWarehouse({ file });
    expect(warehouse.file).toBe(file);
    expect(existsSync(file)).toBe(true);
  });

  test('that does not exist is an error for a reader, and is not created (B17)', async () => {
    await expect(openWarehouse({ file, readOnly: true })).rejects.toMatchObject({
      code: 'WAREHOUSE_MISSING',
      exitCode: 2,
      message: `there is no warehouse at ${file}`,
    });
    expect(existsSync(join(file, '..'))).toBe(false);
  });

  test('that is not a database is an error, not an empty warehouse (B14)', async () => {
    const other = join(await tempDir(), 'text.duckdb');
    await writeFile(other, 'no database'.repeat(10_000));
    await expect(openWarehouse({ file: other })).rejects.toThrow(/not a valid DuckDB/);
  });

  test('opened for reading refuses writes, and allows several readers (B17)', async () => {
    {
      await using warehouse = await openWarehouse({ file });
      await warehouse.run('CREATE TABLE t AS SELECT 1 AS i');
    }
    await using reader = await openWarehouse({ file, readOnly: true });
    await expect(reader.run('INSERT INTO t VALUES (2)')).rejects.toThrow(/read-only/);
    const other = node(`${openWarehouseOf}
      const warehouse = await openWarehouse({ file: ${JSON.stringify(file)}, readOnly: true });
      console.log(await warehouse.row('SELECT i FROM t'));`);
    expect(await outputOf(other)).toBe('{ i: 1 }\n');
  });

  test('that another process holds is WAREHOUSE_LOCKED after the wait, and the error names it', async () => {
    const held = await holder(file);
    for (const readOnly of [false, true]) {
      const asked = performance.now();
      const error = await openWarehouse({ file, readOnly, waitMs: 300 }).catch((reason) => reason);
      expect(error).toMatchObject({ code: 'WAREHOUSE_LOCKED', exitCode: 2 });
      expect(error.message).toContain(`PID ${held.pid}`);
      expect(performance.now() - asked).toBeGreaterThan(300);
    }
    await held.end();
  });

  test('is opened as soon as its holder is done', async () => {
    const held = await holder(file);
    const opening = openWarehouse({ file, readOnly: true, waitMs: 10_000 });
    await held.end();
    await using warehouse = await opening;
    expect(await warehouse.rows('FROM held')).toEqual([]);
  });

  test('is no longer waited for once the run is interrupted', async () => {
    const held = await holder(file);
    const controller = new AbortController();
    const opening = openWarehouse({ file, waitMs: 10_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
    await held.end();
  });
});

test('with a damaged block is detected when that is read, and the error names the file', async () => {
  {
    await using warehouse = await openWarehouse({ file });
    await warehouse.run('CREATE TABLE t AS SELECT hash(i) AS h FROM range(400000) AS r(i)');
  }
  const bytes = await readFile(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] as number) ^ 1;
  await writeFile(file, bytes);
  await using warehouse = await openWarehouse({ file });
  const unreadable = { code: 'WAREHOUSE_UNREADABLE', exitCode: 2, details: { file } };
  await expect(warehouse.rows('SELECT sum(h) FROM t')).rejects.toMatchObject(unreadable);
  const reading = (async () => {
    for await (const _ of warehouse.stream('FROM t', (result) => result.yieldRowObjectJs()));
  })();
  await expect(reading).rejects.toMatchObject(unreadable);
});

describe('a stream', () => {
  const numbers = async function* (warehouse: Warehouse, query: string) {
    for await (const rows of warehouse.stream(query, (result) => result.yieldRowObjectJs()))
      for (const { i } of rows) yield Number(i);
  };

  test('reads a result piece by piece while other queries run', async () => {
    await using warehouse = await openWarehouse({ file: ':memory:' });
    let sum = 0;
    let next = 0;
    for await (const i of numbers(warehouse, 'SELECT i FROM range(10000) AS r(i)')) {
      if (i % 5000 === 0) sum += Number((await warehouse.row<{ i: bigint }>(`SELECT ${i} + 1::BIGINT AS i`)).i);
      expect(i).toBe(next);
      next += 1;
    }
    expect([next, sum]).toEqual([10_000, 5_002]);
  });

  test('that is abandoned releases the file when its warehouse closes', async () => {
    {
      await using warehouse = await openWarehouse({ file });
      for await (const i of numbers(warehouse, 'SELECT i FROM range(1000000) AS r(i)')) if (i > 10) break;
    }
    await using again = await openWarehouse({ file });
    await again.run('CREATE TABLE t (i INTEGER)');
  });

  test('whose query fails midway fails, and is not taken for complete', async () => {
    await using warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
    const late = `SELECT cast(if(i = 900000, 'x', '1') AS INTEGER) AS i FROM range(1000000) AS r(i)`;
    let read = 0;
    const reading = (async () => {
      for await (const i of numbers(warehouse, late)) read += i;
    })();
    await expect(reading).rejects.toThrow(/Could not convert string 'x'/);
    expect(read).toBeGreaterThan(0);
  });

  test('ends on an interruption, and is not taken for complete', async () => {
    const controller = new AbortController();
    await using warehouse = await openWarehouse({ file, signal: controller.signal });
    const read = async () => {
      for await (const i of numbers(warehouse, 'SELECT i FROM range(1000000000) AS r(i)'))
        if (i === 5_000) controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('an interruption', () => {
  const endless = 'SELECT sum(a.i * b.i) AS s FROM range(10000000) AS a(i), range(100000) AS b(i)';

  test.each([
    ['a query', endless],
    ['a statement', `CREATE TABLE big AS ${endless}`],
  ])('ends %s within a second', async (_, statement) => {
    const controller = new AbortController();
    await using warehouse = await openWarehouse({ file, signal: controller.signal });
    const running = warehouse.rows(statement);
    let abortedAt = 0;
    setTimeout(() => {
      abortedAt = performance.now();
      controller.abort();
    }, 150);
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(performance.now() - abortedAt).toBeLessThan(1_000);
  });

  test('rolls a transaction back, and later statements are not started', async () => {
    const controller = new AbortController();
    {
      await using warehouse = await openWarehouse({ file, signal: controller.signal });
      await warehouse.run('CREATE TABLE t (i INTEGER)');
      const work = warehouse.transaction(async () => {
        await warehouse.run('INSERT INTO t VALUES (1)');
        setTimeout(() => controller.abort(), 100);
        await warehouse.rows(endless);
      });
      await expect(work).rejects.toMatchObject({ name: 'AbortError' });
      await expect(warehouse.run('INSERT INTO t VALUES (2)')).rejects.toMatchObject({ name: 'AbortError' });
    }
    await using again = await openWarehouse({ file });
    expect(await again.rows('FROM t')).toEqual([]);
  });
});

describe('a transaction', () => {
  test('commits everything, or nothing if its work throws; the error is that of the work', async () => {
    await using warehouse = await openWarehouse({ file });
    await warehouse.run('CREATE TABLE t (i INTEGER PRIMARY KEY)');
    await warehouse.transaction(() => warehouse.run('INSERT INTO t VALUES (1)'));
    const twice = warehouse.transaction(async () => {
      await warehouse.run('INSERT INTO t VALUES (2)');
      await warehouse.run('INSERT INTO t VALUES (1)');
    });
    await expect(twice).rejects.toThrow(/[Dd]uplicate key/);
    expect(await warehouse.rows('FROM t')).toEqual([{ i: 1 }]);
    await warehouse.transaction(() => warehouse.run('INSERT INTO t VALUES (3)'));
    expect(await warehouse.rows('FROM t ORDER BY i')).toEqual([{ i: 1 }, { i: 3 }]);
  });

  test('that cannot be committed says why', async () => {
    // A file that may not grow, as on a full disk.
    const script = `${openWarehouseOf}
      const warehouse = await openWarehouse({ file: ${JSON.stringify(file)}, threads: 1 });
      await warehouse.run('CREATE TABLE t (i BIGINT)');
      await warehouse.transaction(() => warehouse.run('INSERT INTO t SELECT hash(i) >> 1 FROM range(400000) AS r(i)'))
        .then(() => console.log('committed'), (error) => console.log(error.message));
      process.exit(0);`;
    const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
    const limited = ['-c', 'trap "" XFSZ; ulimit -f 1000; exec "$0" --input-type=module --eval "$1"'];
    const child = spawn('bash', [...limited, process.execPath, script], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await outputOf(child)).toMatch(/a file would grow beyond its limit|the disk is full/);
  });
});

test('threads and memory are bounded by settings', async () => {
  await using warehouse = await openWarehouse({ file: ':memory:', threads: 3, memoryLimit: '300MB' });
  expect(
    await warehouse.row(`SELECT current_setting('threads') AS threads, current_setting('memory_limit') AS memory`),
  ).toEqual({ threads: 3n, memory: '286.1 MiB' });
});

test('the dialect only compiles; running a query through it is refused', async () => {
  const db = createCompiler<Record<string, never>>();
  await expect(sql`select 1`.execute(db)).rejects.toThrow('this Kysely compiles only');
});

test.each([0, 4096, 12_287])(
  'a file of %i bytes whose creation was cut short does not exist for a reader and is created anew by a run',
  async (size) => {
    const file = join(await tempDir(), 'warehouse.duckdb');
    {
      await using warehouse = await openWarehouse({ file });
      await warehouse.run('CREATE TABLE t AS SELECT 1 AS n');
    }
    await truncate(file, size);
    await expect(openWarehouse({ file, readOnly: true })).rejects.toMatchObject({ code: 'WAREHOUSE_MISSING' });
    await using warehouse = await openWarehouse({ file });
    await warehouse.run('CREATE TABLE t AS SELECT 2 AS n');
    expect(await warehouse.rows('FROM t')).toEqual([{ n: 2 }]);
  },
);

test('a small file that is not a database is left alone', async () => {
  const file = join(await tempDir(), 'warehouse.duckdb');
  await writeFile(file, 'my notes of today');
  await expect(openWarehouse({ file })).rejects.toThrow('not a valid DuckDB database file');
  expect(existsSync(file)).toBe(true);
});

test('a file that DuckDB cut free blocks off is complete, and one that lacks more is not', async () => {
  const file = join(await tempDir(), 'warehouse.duckdb');
  const isCut = async () => {
    await using warehouse = await openWarehouse({ file, readOnly: true });
    const { total } = await warehouse.row<{ total: bigint }>(
      'SELECT block_size * total_blocks AS total FROM pragma_database_size()',
    );
    return (await stat(file)).size < total;
  };
  const rows = (condition: string) => `SELECT range AS i FROM range(300000) WHERE ${condition}`;
  {
    await using warehouse = await openWarehouse({ file });
    await warehouse.run(`CREATE TABLE t AS ${rows('true')}`);
  }
  for (let half = 0; half < 20 && !(await isCut()); half++) {
    await using warehouse = await openWarehouse({ file });
    await warehouse.run(`DELETE FROM t WHERE i % 2 = ${half % 2}`);
    await warehouse.run(`INSERT INTO t ${rows(`range % 2 = ${half % 2}`)}`);
  }
  expect(await isCut()).toBe(true);
  await verifyDatabase(file, {});
  await truncate(file, 3 * 4096 + 262_144);
  await expect(verifyDatabase(file, {})).rejects.toMatchObject({ code: 'WAREHOUSE_UNREADABLE' });
});
