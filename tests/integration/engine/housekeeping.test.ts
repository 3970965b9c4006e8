import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readSchema } from '../../../engine/duckdb/introspect.ts';
import { compactWarehouse, isAsLeft } from '../../../engine/duckdb/maintain.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { defineExtract, type Extract } from '../../../engine/extract.ts';
import { compileModels } from '../../../engine/run/compile-models.ts';
import { createShare } from '../../../engine/run/context.ts';
import { planRun } from '../../../engine/run/plan-run.ts';
import { createWarehouseHost } from '../../../engine/run/warehouse-host.ts';
import { cleanTarget } from '../../../engine/target/clean-target.ts';
import { examine } from '../../../engine/target/examine.ts';
import { lockTarget } from '../../../engine/target/lock.ts';
import { targetPaths } from '../../../engine/target/paths.ts';
import { showTable } from '../../../engine/target/show-table.ts';
import { texts, utc } from '../../support/engine.ts';
import { queryWarehouse } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { schema } from './shop.ts';
import { type Shop, shopProject } from './shop-project.ts';

const { signal } = new AbortController();
const sales = { '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 };

let shop: Shop;
beforeEach(async () => {
  shop = await shopProject();
  await shop.sell(sales);
});

describe('compaction', () => {
  /** A warehouse with some sales, in a file that once contained a table of this many rows as well. */
  async function bloated(ballast: number) {
    const paths = targetPaths(await tempDir('compact-'), 'sample');
    const warehouse = createWarehouseHost({
      file: paths.warehouse,
      schema,
      migrations: [],
      now: utc('2025-07-10T09:00'),
      asOf: utc('2025-07-10T09:00'),
    });
    await warehouse.use(async (open) => {
      await open.run(`CREATE TABLE ballast AS SELECT hash(i) FROM range(${ballast}) AS r(i)`);
      await open.run('CHECKPOINT');
      await open.run(
        `INSERT INTO sales SELECT DATE '2025-07-01', 'shop ' || i, hash(i) >> 1 FROM range(20000) AS r(i)`,
      );
      await open.run(`INSERT INTO daily_totals VALUES ('2025-07-01', 5, '2025-07-10')`);
      await open.run('CHECKPOINT');
      await open.run('DROP TABLE ballast');
      await open.run('CHECKPOINT');
    });
    await warehouse.release();
    return { paths, warehouse };
  }
  const sizeOf = async (file: string) => (await stat(file)).size;

  test('rewrites a file of more than twice its live blocks: smaller, with the same rows, keys, indexes, comments', async () => {
    const context = await bloated(800_000);
    const { warehouse: file, root } = context.paths;
    const before = await sizeOf(file);
    const rows = await queryWarehouse(file, 'FROM sales ORDER BY ALL');
    const definitions = await context.warehouse.use(readSchema);
    const compacted = await compactWarehouse(file, context.warehouse, 1);
    expect(await sizeOf(file)).toBeLessThan(before / 2);
    expect(compacted).toEqual({ before, after: await sizeOf(file) });
    expect(await context.warehouse.use(readSchema)).toEqual(definitions);
    await context.warehouse.release();
    expect(await queryWarehouse(file, 'FROM sales ORDER BY ALL')).toEqual(rows);
    expect(await readdir(root)).toEqual(['warehouse.duckdb', 'warehouse.duckdb.left']);
    expect(isAsLeft(file)).toBe(true);
    await context.warehouse.use(async (open) => {
      await expect(open.run(`INSERT INTO daily_totals VALUES ('2025-07-01', 6, '2025-07-10')`)).rejects.toThrow(/key/);
    });
    await context.warehouse.release();
  });

  test('leaves a file alone that is full or too small to be worth it', async () => {
    for (const [ballast, smallest] of [
      [10, 1],
      [800_000, undefined],
    ] as const) {
      const context = await bloated(ballast);
      const before = await readFile(context.paths.warehouse);
      expect(await compactWarehouse(context.paths.warehouse, context.warehouse, smallest)).toBeUndefined();
      await context.warehouse.release();
      expect((await readFile(context.paths.warehouse)).equals(before)).toBe(true);
    }
  });

  test('of a missing file does nothing', async () => {
    const { paths, warehouse } = await bloated(10);
    const elsewhere = targetPaths(await tempDir(), 'sample');
    expect(await compactWarehouse(elsewhere.warehouse, warehouse, 1)).toBeUndefined();
    expect([existsSync(elsewhere.warehouse), existsSync(paths.warehouse)]).toEqual([false, true]);
  });
});

describe('clean', () => {
  const clean = (extracts: readonly Extract[] = []) =>
    cleanTarget({
      paths: shop.paths,
      exports: ['totals', 'trends'],
      ...{ extracts, runId: 'cleaning', now: utc('2025-07-10T09:00'), signal },
    });

  test('removes what can be rebuilt, and keeps a copy of the warehouse and the staged files', async () => {
    await shop.run();
    await mkdir(shop.paths.logs, { recursive: true });
    const { backup, removed } = await clean();
    expect(backup).toBe(join(shop.paths.backups, 'warehouse-cleaning.duckdb'));
    expect(removed).toEqual([
      shop.paths.exports,
      shop.paths.warehouse,
      `${shop.paths.warehouse}.left`,
      shop.paths.artifacts,
      shop.paths.logs,
    ]);
    expect(await readdir(shop.paths.root)).toEqual(['backups', 'staging', 'target.json']);
    expect((await queryWarehouse(backup as string, 'SELECT total FROM totals ORDER BY day')).rows).toEqual([
      [10n],
      [20n],
      [30n],
    ]);
  });

  test('keeps and lists files that no run wrote', async () => {
    await shop.run();
    const { root, exports, artifacts, logs, backups, staging } = shop.paths;
    await mkdir(logs);
    const foreign = [
      join(artifacts, 'certificates/BTC.json'),
      join(exports, 'mine.parquet'),
      join(logs, 'mine.log'),
      join(root, 'notes.txt'),
    ];
    await mkdir(join(artifacts, 'certificates'));
    for (const file of [...foreign, join(logs, '20250710T090000Z-ab12.log')]) await writeFile(file, 'mine');
    const { left } = await clean();
    expect(left.map(({ file }) => file)).toEqual([
      join(artifacts, 'certificates'),
      backups,
      join(exports, 'mine.parquet'),
      join(logs, 'mine.log'),
      join(root, 'notes.txt'),
      staging,
      join(root, 'target.json'),
    ]);
    expect(left.filter(({ why }) => why === 'it was not written by a run')).toHaveLength(4);
    for (const file of foreign) expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await readdir(exports)).toEqual(['mine.parquet']);
    expect((await shop.run()).exitCode).toBe(0);
  });

  test('lets each extract decide which staged files to remove', async () => {
    await shop.run();
    const staged: string[] = [];
    const extract = defineExtract({
      run: () => Promise.reject(new Error('not now')),
      staged: async () => ({}),
      async clean({ stagingDir }) {
        staged.push(stagingDir);
        return { files: 2, bytes: 30 };
      },
    });
    const { clean: _, ...without } = extract;
    expect((await clean([extract, without, extract])).freed).toEqual({ files: 4, bytes: 60 });
    expect(staged).toEqual([shop.paths.staging, shop.paths.staging]);
    expect(existsSync(shop.paths.staging)).toBe(true);
  });

  test('also copies rows that are only in the write-ahead log', async () => {
    await mkdir(shop.paths.root, { recursive: true });
    {
      await using warehouse = await openWarehouse({ file: shop.paths.warehouse });
      await warehouse.run("SET checkpoint_threshold = '1TB'");
      await warehouse.run('CREATE TABLE t AS SELECT 42 AS i');
      await warehouse.run('PRAGMA disable_checkpoint_on_shutdown');
    }
    expect(existsSync(`${shop.paths.warehouse}.wal`)).toBe(true);
    const { backup } = await clean();
    expect((await queryWarehouse(backup as string, 'FROM t')).rows).toEqual([[42]]);
    expect(await readdir(shop.paths.root)).toEqual(['backups', 'target.json']);
  });

  test('of an empty target does nothing', async () => {
    expect(await clean()).toEqual({ backup: undefined, removed: [], left: [], freed: { files: 0, bytes: 0 } });
    expect(existsSync(shop.paths.root)).toBe(false);
  });

  test('is refused while a run holds the target', async () => {
    await shop.run();
    await using _held = await lockTarget(shop.paths.root, {
      command: 'pnpm pipeline run',
      since: utc('2025-07-10T09:00'),
      wait: false,
      signal,
    });
    await expect(clean()).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    expect(existsSync(shop.paths.warehouse)).toBe(true);
  });
});

describe('a table that a selection reads but does not build', () => {
  test('is missing on an empty warehouse, and the error names it and the selector that builds it', async () => {
    await expect(shop.run({ select: 'totals' })).rejects.toMatchObject({
      code: 'TABLE_MISSING',
      exitCode: 2,
      message: `model.totals needs till, which ${shop.paths.warehouse} does not have`,
      details: { hint: 'build what is needed as well: pnpm pipeline run --select +numbers' },
    });
    await expect(shop.run({ select: 'trends' })).rejects.toMatchObject({
      details: { hint: expect.stringContaining('+trends') },
    });
    expect(existsSync(shop.paths.root)).toBe(false);
  });

  test('is missing if only an export is selected', async () => {
    await expect(shop.run({ select: 'kind:export' })).rejects.toMatchObject({
      code: 'TABLE_MISSING',
      message: expect.stringContaining('export.totals'),
    });
  });

  test('is reported as WAREHOUSE_MISSING if only tests are selected', async () => {
    await expect(shop.run({ select: 'kind:test', command: 'test' })).rejects.toMatchObject({
      code: 'WAREHOUSE_MISSING',
      exitCode: 2,
    });
  });

  test('exists once it was built, and then the selection alone is enough', async () => {
    await shop.run({ select: 'till' });
    expect((await shop.run({ select: 'totals' })).exitCode).toBe(0);
    expect((await shop.run({ select: 'trends' })).exitCode).toBe(0);
  });
});

describe('show', () => {
  const show = (name: string, limit = 2) =>
    showTable({ pipeline: shop.pipeline, paths: shop.paths, name, limit, signal });

  test('prints the first rows by key, with the columns in the order of the definition', async () => {
    await shop.run({ exclude: 'trends' });
    expect(await show('totals')).toMatchObject({
      columns: [
        { name: 'day', type: 'DATE' },
        { name: 'total', type: 'BIGINT' },
        { name: 'built_at', type: 'TIMESTAMP' },
      ],
      rows: [
        ['2025-07-01', '10', '2025-07-10 09:00:00'],
        ['2025-07-02', '20', '2025-07-10 09:00:00'],
      ],
    });
    expect((await show('totals', 0)).rows).toEqual([]);
  });

  test('of an unknown name suggests a similar one, or lists all', async () => {
    await expect(show('total')).rejects.toMatchObject({ code: 'USAGE', details: { hint: 'did you mean totals?' } });
    await expect(show('zzz')).rejects.toMatchObject({
      code: 'USAGE',
      details: {
        hint: 'known tables: sales, totals, trends, partition_state, pending_changes, test_results, schema_migrations',
      },
    });
  });

  test('without a warehouse is WAREHOUSE_MISSING, and does not create one (B17)', async () => {
    await expect(show('totals')).rejects.toMatchObject({ code: 'WAREHOUSE_MISSING' });
    expect(existsSync(shop.paths.root)).toBe(false);
  });
});

describe('doctor', () => {
  const doctor = (target: Partial<typeof shop.target> = {}) =>
    examine({ target: { ...shop.target, ...target }, paths: shop.paths, root: shop.directory, signal });

  test('accepts a fresh machine', async () => {
    const findings = await doctor();
    expect(findings.map(({ ok, subject }) => [subject, ok])).toEqual(
      ['node', 'duckdb', 'data folder', 'warehouse', 'lock', 'target', 'open files'].map((subject) => [subject, true]),
    );
    expect(findings[3]?.detail).toBe('none yet: pnpm pipeline run builds it');
    expect(findings[4]?.detail).toBe('free: no run of this target is in progress');
    expect(findings[5]?.detail).toBe('sample: archive till (synthetic data)');
  });

  test('names the warehouse, and what is wrong with a broken one', async () => {
    await shop.run();
    expect((await doctor())[3]).toMatchObject({ ok: true, detail: expect.stringContaining('warehouse.duckdb, ') });
    await writeFile(shop.paths.warehouse, 'x'.repeat(100_000));
    expect((await doctor())[3]).toMatchObject({ ok: false, detail: expect.stringContaining('not a valid DuckDB') });
  });

  const hosts = async (target: Partial<typeof shop.target>) =>
    (await doctor(target)).filter(({ subject }) => subject === 'archive');

  test('contacts the archive and its listing, and says why it cannot', async () => {
    const asked: string[] = [];
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.writeHead(url.startsWith('/refused') ? 403 : 404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const [archive, listing] = await hosts({ archive: url, listing: `${url}/refused` });
      expect(archive).toMatchObject({
        ok: true,
        subject: 'archive',
        detail: expect.stringMatching(/answers in \d+ ms/),
      });
      expect(listing).toMatchObject({ ok: false, detail: expect.stringContaining('[ARCHIVE_REFUSED]') });
      expect(asked).toEqual(['/', '/refused']);
    } finally {
      server.close();
    }
    const gone = await hosts({ archive: url, listing: url });
    expect(gone).toHaveLength(1);
    expect(gone[0]).toMatchObject({ ok: false, detail: expect.stringContaining('[ARCHIVE_UNREACHABLE]') });
  });

  test('says who holds the target and since when, or what is in the place of its lock (B33)', async () => {
    const since = utc('2025-07-10T09:00');
    {
      await using _held = await lockTarget(shop.paths.root, {
        command: 'pnpm pipeline run',
        since,
        wait: false,
        signal,
      });
      expect((await doctor())[4]).toMatchObject({
        ok: true,
        detail: expect.stringMatching(
          /^held by `pnpm pipeline run`, process \d+ on .+, since 2025-07-10T09:00:00\.000Z$/,
        ),
      });
    }
    await mkdir(join(shop.paths.root, 'run.lock'));
    expect((await doctor())[4]).toMatchObject({ ok: false, detail: expect.stringContaining('is a folder') });
  });

  test('reports a data folder that cannot be written', async () => {
    await writeFile(join(shop.directory, 'data'), 'a file');
    expect((await doctor())[2]).toMatchObject({ ok: false, subject: 'data folder' });
  });
});

describe('compile', () => {
  const compile = (vars: readonly string[] = [], ids = shop.graph.nodes.map(({ id }) => id)) => {
    const { pipeline, graph, vars: values, paths } = shop.optionsOf({ vars });
    return compileModels({ pipeline, graph, selected: new Set(ids), vars: values, paths });
  };
  const read = (name: string) => readFile(join(shop.paths.artifacts, 'compiled', name), 'utf8');

  test('writes the SQL of models and tests, and needs no warehouse', async () => {
    const files = await compile();
    expect(files.map((file) => file.slice(shop.paths.artifacts.length))).toEqual([
      '/compiled/totals.sql',
      '/compiled/test.unique_totals_day.sql',
      '/compiled/test.small.sql',
      '/compiled/test.several.sql',
      '/compiled/test.at_most.sql',
      '/compiled/trends.sql',
      '/compiled/test.known_days.sql',
    ]);
    expect(await read('test.at_most.sql')).toBe(
      'SELECT\n  "day",\n  "total"\nFROM\n  "totals"\nWHERE\n  "total" > 1000;\n',
    );
    expect(existsSync(shop.paths.warehouse)).toBe(false);
    expect(JSON.parse(await readFile(join(shop.paths.artifacts, 'graph.json'), 'utf8')).nodes).toHaveProperty(
      'model.totals',
    );
  });

  test('puts the values of vars into the text, and removes earlier output', async () => {
    await compile();
    expect(await compile(['at_least=7'], ['model.totals'])).toHaveLength(1);
    expect(await read('totals.sql')).toContain('"amount" >= 7');
    expect(await readdir(join(shop.paths.artifacts, 'compiled'))).toEqual(['totals.sql']);
  });

  test('writes a statement as it is if the formatter does not know its syntax', async () => {
    const listed = `- expression: { name: listed, expect: '[total] @> [1]' }`;
    const other = await shopProject({
      'pipeline.yaml': (text) => text.replace('- unique: [day]', `${listed}\n      - unique: [day]`),
    });
    const { pipeline, graph, vars, paths } = other.optionsOf();
    await compileModels({ pipeline, graph, selected: new Set(['test.listed', 'test.small']), vars, paths });
    const written = (name: string) => readFile(join(paths.artifacts, 'compiled', name), 'utf8');
    expect(await written('test.listed.sql')).toMatch(
      /^SELECT "total", .* WHERE NOT coalesce\(\(\[total\] @> \[1\]\), false\);\n$/,
    );
    expect(await written('test.small.sql')).toMatch(/^SELECT\n/);
  });

  test('writes SQL that DuckDB takes as it is', async () => {
    await shop.run();
    await compile();
    await using warehouse = await openWarehouse({ file: shop.paths.warehouse, readOnly: true });
    const query = (await read('totals.sql')).trim().replace(/;$/, '');
    await warehouse.setTime('as_of', utc('2025-07-10T09:00'));
    expect(await texts(warehouse, `SELECT day FROM (${query}) ORDER BY day`)).toEqual(
      Object.keys(sales).map((day) => [day]),
    );
  });
});

describe('a plan', () => {
  const describeNow = async (run: Parameters<Shop['optionsOf']>[0] = {}) =>
    Object.fromEntries(
      (await planRun(shop.optionsOf(run))).nodes.map(({ id, would, why }) => [id, why ? `${would} (${why})` : would]),
    );

  test('of an empty target says what would be built, and writes nothing', async () => {
    expect(await describeNow({ vars: ['with_trends=false'] })).toMatchObject({
      'extract.till': 'run',
      'model.totals': 'build it for the first time (new)',
      'test.small': 'run (input)',
      'export.totals': 'write it (input)',
      'model.trends': 'do nothing: the var with_trends is false',
    });
    expect(existsSync(shop.paths.root)).toBe(false);
  });

  test('counts the partitions that would change, and leaves the warehouse as it is', async () => {
    await shop.run();
    await shop.sell({ ...sales, '2025-07-02': 21 });
    await shop.run({ select: 'till' });
    const before = await readFile(shop.paths.warehouse);
    expect(await describeNow()).toMatchObject({
      'extract.till': 'run',
      'model.totals': 'rebuild 1 of 3 partitions, and what its input changes (input)',
      'model.trends': 'rebuild what its input changes (input)',
      'test.small': 'run (input)',
      'export.totals': 'write it (input)',
    });
    expect((await readFile(shop.paths.warehouse)).equals(before)).toBe(true);
  });

  test('says which part of the definition has changed', async () => {
    await shop.run();
    const whyOf = async (change: (text: string) => string, vars: string[] = []) => {
      const other = await shopProject({ 'totals.ts': change });
      await cp(shop.paths.root, other.paths.root, { recursive: true });
      const { nodes } = await planRun(other.optionsOf({ vars, select: 'kind:model' }));
      return nodes.find(({ id }) => id === 'model.totals');
    };
    const all = { id: 'model.totals', would: 'rebuild 3 of 3 partitions' };
    const same = (text: string) => text;
    expect(await whyOf(same)).toEqual({ id: 'model.totals', would: 'reuse it' });
    expect(await whyOf(same, ['at_least=5', 'at_most=7'])).toEqual({ ...all, why: 'var at_least' });
    const stricter = (text: string) => text.replace(`'>='`, `'>'`);
    expect(await whyOf(stricter)).toEqual({ ...all, why: 'sql' });
    expect(await whyOf(stricter, ['at_least=5'])).toEqual({ ...all, why: 'sql' });
    const file = join(shop.paths.artifacts, 'definitions.json');
    const { totals } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ totals: { ...totals, table: 'another' } }));
    expect(await whyOf(same, ['at_least=5'])).toEqual({ ...all, why: 'definition' });
    await rm(file);
    expect(await whyOf(same, ['at_least=5'])).toEqual({ ...all, why: 'input or definition' });
  });

  test('knows which tests and models would be reused, and what --full-refresh forces', async () => {
    await shop.run();
    expect(await describeNow({ exclude: 'till' })).toMatchObject({
      'model.totals': 'reuse it',
      'test.small': 'reuse its result',
      'test.at_most': 'reuse its result',
      'model.trends': 'reuse it',
      'export.totals': 'keep it, unless its file has changed',
    });
    expect(await describeNow({ exclude: 'till', vars: ['at_most=15'] })).toMatchObject({
      'model.totals': 'reuse it',
      'test.small': 'reuse its result',
      'test.at_most': 'run (not passed)',
    });
    expect(await describeNow({ exclude: 'till', fullRefresh: true })).toMatchObject({
      'model.totals': 'rebuild 3 of 3 partitions (forced)',
      'test.small': 'run (input)',
      'export.totals': 'write it again (forced)',
    });
  });

  test('of a selection that cannot run fails as the run would', async () => {
    await expect(describeNow({ select: 'totals' })).rejects.toMatchObject({ code: 'TABLE_MISSING' });
  });
});

describe('a shared value of a run', () => {
  const thing = (name: string, ended: string[]) => ({ name, [Symbol.asyncDispose]: async () => void ended.push(name) });

  test('is made once, on the first request, and is disposed of with the run, in reverse order', async () => {
    const ended: string[] = [];
    let made = 0;
    {
      await using share = createShare();
      const make = async () => {
        made += 1;
        return thing('server', ended);
      };
      const [first, second] = await Promise.all([share.get('server', make), share.get('server', make)]);
      expect(first).toBe(second);
      await share.get('client', async () => thing('client', ended));
      await expect(share.get('broken', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
      expect(ended).toEqual([]);
    }
    expect(made).toBe(1);
    expect(ended).toEqual(['client', 'server']);
  });
});

describe('the connection of a run', () => {
  const host = async () => {
    const { warehouse: file } = targetPaths(await tempDir('host-'), 'sample');
    const now = utc('2025-07-10T09:00');
    return { file, host: createWarehouseHost({ file, schema, migrations: [], now, asOf: now }) };
  };

  test('is used in turn, in the order of requests, and a failure of one user does not affect the next', async () => {
    const { host: warehouse } = await host();
    const order: string[] = [];
    const user = (name: string) =>
      warehouse.use(async (open) => {
        order.push(`${name} begins`);
        await open.rows('SELECT 1');
        order.push(`${name} ends`);
        if (name === 'b') throw new Error('b');
        return name;
      });
    expect(await Promise.allSettled([user('a'), user('b'), user('c')])).toMatchObject([
      { value: 'a' },
      { status: 'rejected' },
      { value: 'c' },
    ]);
    expect(order).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
    await warehouse.release();
  });

  test('creates the tables of the schema once, and closes the file when it is released', async () => {
    const { file, host: warehouse } = await host();
    await warehouse.use((open) => open.run(`INSERT INTO sales VALUES ('2025-07-01', 'a', 1)`));
    await warehouse.release();
    await warehouse.release();
    expect((await queryWarehouse(file, 'SELECT amount FROM sales')).rows).toEqual([[1n]]);
    expect(await warehouse.use((open) => open.rows('SELECT amount FROM sales'))).toEqual([{ amount: 1n }]);
    await warehouse.release();
  });
});
