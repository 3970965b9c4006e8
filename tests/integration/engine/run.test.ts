import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { markForeign } from '../../../engine/duckdb/foreign.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { lockTarget } from '../../../engine/target/lock.ts';
import { build, compileModel, createWarehouse, texts, utc } from '../../support/engine.ts';
import { node } from '../../support/node-process.ts';
import { sell, schema as shopSchema, sightings } from './shop.ts';
import { type Shop, shopProject } from './shop-project.ts';

let shop: Shop;
beforeEach(async () => {
  shop = await shopProject();
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 });
});

const totals = () => shop.rows('SELECT day, total, cast(built_at as DATE) FROM totals ORDER BY day');
const trends = () => shop.rows('SELECT day, total FROM trends ORDER BY day');
const tomorrow = { asOf: utc('2025-07-11T09:00') };

test('a run builds the selection in DAG order and reports how each node ended', async () => {
  const { exitCode, status, message, events } = await shop.run();
  expect(exitCode).toBe(0);
  expect(status).toEqual({
    'extract.till': 'pass',
    'test.unique_totals_day': 'pass',
    'test.small': 'pass',
    'test.several': 'pass',
    'test.at_most': 'pass',
    'model.totals': 'pass',
    'export.totals': 'pass',
    'test.known_days': 'pass',
    'model.trends': 'pass',
    'export.trends': 'pass',
  });
  expect(message).toMatchObject({
    'extract.till': '3 days',
    'model.totals': '3 rows, 3 partitions',
    'test.unique_totals_day': 'no row fails',
    'test.several': '3 measured, 2 wanted',
    'export.totals': `3 rows to ${join(shop.paths.exports, 'totals.parquet')}`,
  });
  expect(events[0]).toMatchObject({ type: 'run_started', runId: 'run1', target: 'sample', synthetic: true });
  expect(events.at(-1)).toMatchObject({ type: 'run_finished', counts: { pass: 10, error: 0 }, interrupted: false });
  expect(await trends()).toEqual([
    ['2025-07-01', '10'],
    ['2025-07-02', '30'],
    ['2025-07-03', '60'],
  ]);
});

test('a second run with nothing new reuses models, tests and exports', async () => {
  await shop.run();
  const { exitCode, status } = await shop.run(tomorrow);
  expect(exitCode).toBe(0);
  const { 'extract.till': till, ...others } = status;
  expect(till).toBe('pass');
  expect(new Set(Object.values(others))).toEqual(new Set(['reused']));
  expect((await totals()).map(([, , built]) => built)).toEqual(['2025-07-10', '2025-07-10', '2025-07-10']);
});

describe('what other programs write into the warehouse between runs (B36)', () => {
  const exportOf = async (name: string) => await readFile(join(shop.paths.exports, `${name}.parquet`), 'latin1');
  const tables = async () => [
    await shop.rows('FROM sales ORDER BY ALL'),
    await shop.rows('FROM totals ORDER BY ALL'),
    await shop.rows('FROM trends ORDER BY ALL'),
  ];
  const write = async (sql: string) => {
    await using warehouse = await openWarehouse({ file: shop.paths.warehouse });
    await warehouse.run(sql);
  };
  const warningsOf = (events: Awaited<ReturnType<Shop['run']>>['events']) =>
    events.flatMap((event) => (event.type === 'log' && event.level === 'warn' ? [event.message] : []));

  test('is refused if they deleted every record of what a run has built', async () => {
    await shop.run();
    const before = [await tables(), await exportOf('totals')];
    await write('DELETE FROM partition_state');
    await expect(shop.run()).rejects.toMatchObject({ code: 'WAREHOUSE_LOST' });
    expect([await tables(), await exportOf('totals')]).toEqual(before);
  });

  test.each([
    ['another value', 'UPDATE totals SET total = 21 WHERE total = 20', 'totals: 2025-07-02 (altered)'],
    [
      'swapped values of two rows',
      'UPDATE sales SET amount = 50 - amount WHERE amount > 10',
      'sales: 2025-07-02 (altered), 2025-07-03 (altered)',
    ],
    [
      'every value',
      'UPDATE trends SET total = total + 1; UPDATE totals SET total = 2000',
      'totals: 2025-07-01 (altered), 2025-07-02 (altered), 2025-07-03 (altered)',
    ],
    [
      'a time',
      `UPDATE totals SET built_at = built_at + INTERVAL 1 DAY WHERE total = 30`,
      'totals: 2025-07-03 (altered)',
    ],
    ['one day less', 'DELETE FROM sales WHERE amount = 20', 'sales: 2025-07-02 (missing)'],
    ['one day more', `INSERT INTO sales VALUES (DATE '2025-07-09', 90)`, 'sales: 2025-07-09 (unknown)'],
    [
      'one day more of a model',
      `INSERT INTO totals VALUES (DATE '2025-07-09', 90, now())`,
      'totals: 2025-07-09 (unknown)',
    ],
    ['nothing', 'TRUNCATE trends', 'trends: 2025-07-01 (missing), 2025-07-02 (missing), 2025-07-03 (missing)'],
    ['another state', `UPDATE partition_state SET input_digest = 'x'`, undefined],
    [
      'no digests',
      'UPDATE partition_state SET rows_digest = NULL',
      'trends: 2025-07-01 (altered), 2025-07-02 (altered), 2025-07-03 (altered)',
    ],
  ])('is named and rebuilt: %s', async (_, sql, named) => {
    await shop.run();
    await shop.run();
    const before = [await tables(), await exportOf('totals'), await exportOf('trends')];
    await write(sql);
    const { exitCode, events } = await shop.run();
    expect(exitCode).toBe(0);
    if (named !== undefined) expect(warningsOf(events)).toContain(`another program changed ${named}`);
    expect([await tables(), await exportOf('totals'), await exportOf('trends')]).toEqual(before);
    const after = await shop.run();
    expect(warningsOf(after.events)).toEqual([]);
    expect(after.status).toMatchObject({
      'model.totals': 'reused',
      'model.trends': 'reused',
      'export.totals': 'reused',
    });
  });

  test('is not published by a run that does not rebuild it; the run says what does, and the exports stay', async () => {
    await shop.run();
    const before = [await exportOf('totals'), await exportOf('trends')];
    await write('UPDATE totals SET total = 21 WHERE total = 20');
    for (const select of ['trends', 'export:totals', 'totals'] as const) {
      const range = select === 'totals' ? { start: '2025-07-03', end: '2025-07-04' } : {};
      const { exitCode, errors } = await shop.run({
        select: select === 'export:totals' ? 'export.totals' : select,
        ...range,
      });
      expect(exitCode).toBe(1);
      const refused = Object.values(errors).find((error) => error !== undefined);
      expect(refused).toMatchObject({
        code: 'WAREHOUSE_ALTERED',
        message: 'another program changed totals: 2025-07-02',
        details: { hint: 'build it again, without a range: pnpm pipeline run --select +totals' },
      });
      expect([await exportOf('totals'), await exportOf('trends')]).toEqual(before);
    }
    expect((await shop.run({ select: '+totals' })).exitCode).toBe(0);
    expect((await shop.run({ select: 'trends' })).exitCode).toBe(0);
    expect([await exportOf('totals'), await exportOf('trends')]).toEqual(before);
  });

  test('is noticed if a run had to wait for it', async () => {
    await shop.run();
    const before = await tables();
    const writer = node(`
      import { setTimeout as sleep } from 'node:timers/promises';
      import { openWarehouse } from './engine/duckdb/warehouse.ts';
      await using warehouse = await openWarehouse({ file: ${JSON.stringify(shop.paths.warehouse)} });
      console.log('open');
      await sleep(700);
      await warehouse.run(\`INSERT INTO sales VALUES (DATE '2025-07-09', 90)\`);`);
    await once(writer.stdout as NodeJS.ReadableStream, 'data');
    expect(warningsOf((await shop.run()).events)).toEqual(['another program changed sales: 2025-07-09 (unknown)']);
    expect(await tables()).toEqual(before);
  });

  test('also counts if it is in the WAL of a killed program', async () => {
    await shop.run();
    const before = await tables();
    const script = `
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const connection = await (await DuckDBInstance.create(${JSON.stringify(shop.paths.warehouse)})).connect();
      await connection.run(\`INSERT INTO sales VALUES (DATE '2025-07-09', 90)\`);
      process.kill(process.pid, 'SIGKILL');`;
    await once(node(script), 'close');
    expect(existsSync(`${shop.paths.warehouse}.wal`)).toBe(true);
    expect(warningsOf((await shop.run()).events)).toEqual(['another program changed sales: 2025-07-09 (unknown)']);
    expect(await tables()).toEqual(before);
  });

  test('is not carried over by a model that reads itself', async () => {
    const warehouse = await createWarehouse(shopSchema);
    const model = compileModel(sightings, shopSchema);
    await sell(warehouse, { '2025-07-01': 10, '2025-07-02': 20 });
    await build(warehouse, model);
    await warehouse.run(`UPDATE sightings SET first_seen = TIMESTAMP '1999-01-01' WHERE day = '2025-07-02'`);
    const found = await markForeign(warehouse, { sightings: shopSchema.sightings }, 'run');
    expect(found).toEqual([{ table: 'sightings', partition: '2025-07-02', change: 'altered' }]);
    await build(warehouse, model, { asOf: utc('2025-07-11T09:00') });
    expect(await texts(warehouse, 'SELECT day, cast(first_seen as DATE) FROM sightings ORDER BY day')).toEqual([
      ['2025-07-01', '2025-07-10'],
      ['2025-07-02', '2025-07-11'],
    ]);
    await warehouse[Symbol.asyncDispose]();
  });

  test('an export that was replaced by an old one or has another checksum is rewritten, and named', async () => {
    await shop.run();
    const [file, sums] = [join(shop.paths.exports, 'totals.parquet'), join(shop.paths.exports, 'SHA256SUMS')];
    const [old, oldSums] = [await readFile(file), await readFile(sums)];
    await shop.sell({ '2025-07-01': 11 });
    await shop.run();
    const [now, nowSums] = [await readFile(file), await readFile(sums)];

    await writeFile(file, old);
    await writeFile(sums, oldSums);
    expect((await shop.run()).message['export.totals']).toContain('; the file was not the last one written');
    expect([await readFile(file), await readFile(sums)]).toEqual([now, nowSums]);

    await writeFile(sums, nowSums.toString().replace('  totals', ' *totals'));
    expect((await shop.run()).message['export.totals']).toContain('; SHA256SUMS had been changed');
    expect([await readFile(file), await readFile(sums)]).toEqual([now, nowSums]);
    expect((await shop.run()).status['export.totals']).toBe('reused');
  });
});

test('changed days are rebuilt, and so are those whose look-back reaches them', async () => {
  await shop.run();
  await shop.sell({ '2025-07-01': 11, '2025-07-02': 20, '2025-07-03': 30, '2025-07-09': 90 });
  const { message } = await shop.run(tomorrow);
  expect(message).toMatchObject({
    'model.totals': '2 rows, 2 partitions',
    'model.trends': '4 rows, 4 partitions',
  });
  expect(await trends()).toEqual([
    ['2025-07-01', '11'],
    ['2025-07-02', '31'],
    ['2025-07-03', '61'],
    ['2025-07-09', '90'],
  ]);
});

test('a model that a selection leaves out is not taken for up to date', async () => {
  await shop.run();
  await shop.sell({ '2025-07-01': 11, '2025-07-02': 20, '2025-07-03': 30 });
  await shop.run({ select: 'till totals' });
  expect((await trends())[2]).toEqual(['2025-07-03', '60']);
  await shop.run({ select: 'trends' });
  expect((await trends())[2]).toEqual(['2025-07-03', '61']);
});

describe('a blocking test that fails', () => {
  test('keeps the last good version, skips what depends on the model, and ends the run with 1', async () => {
    await shop.run();
    const before = [await totals(), await trends()];
    const exported = await readFile(join(shop.paths.exports, 'totals.parquet'));
    await shop.sell({ '2025-07-01': 10, '2025-07-02': 2000, '2025-07-03': 30 });
    const { exitCode, status, message, errors } = await shop.run(tomorrow);
    expect(exitCode).toBe(1);
    expect(status).toMatchObject({
      'test.small': 'error',
      'test.unique_totals_day': 'pass',
      'model.totals': 'error',
      'export.totals': 'skip',
      'model.trends': 'skip',
      'test.known_days': 'skip',
      'export.trends': 'skip',
    });
    expect(message).toMatchObject({
      'model.totals': 'not published, the last good version stays: small, at_most failed',
      'export.totals': 'model.totals did not succeed',
      'test.known_days': 'model.totals did not succeed',
      'test.small': `${shop.pipeline.file}:19:9: 1 row fails: total=2000 day=2025-07-02 built_at=2025-07-11T09:00:00.000Z; all in ${join(shop.paths.artifacts, 'failures/small.csv')}`,
    });
    expect(errors['model.totals']).toBeUndefined();
    expect([await totals(), await trends()]).toEqual(before);
    expect(await readFile(join(shop.paths.exports, 'totals.parquet'))).toEqual(exported);
    expect(
      await shop.rows(
        `SELECT test, status, rows_failed FROM test_results WHERE run_id = 'run2' AND status <> 'pass' ORDER BY ALL`,
      ),
    ).toEqual([
      ['at_most', 'error', '1'],
      ['small', 'error', '1'],
    ]);
  });

  test('with fail-fast stops the rest', async () => {
    const { status, message } = await shop.run({ vars: ['at_most=5'], failFast: true });
    expect([status['export.totals'], message['export.totals']]).toEqual(['skip', 'model.totals did not succeed']);
  });
});

test('a warning does not prevent publication, and ends with 0 unless warnings are errors', async () => {
  await shop.sell({ '2025-07-01': 10 });
  expect(await shop.run()).toMatchObject({ exitCode: 0, status: { 'test.several': 'warn', 'model.totals': 'pass' } });
  expect(await shop.run({ warnError: true })).toMatchObject({ exitCode: 1, status: { 'test.several': 'warn' } });
  expect(await totals()).toHaveLength(1);
});

test('a var that switches a node off makes it a no-op, with its tests', async () => {
  const { exitCode, status, message } = await shop.run({ vars: ['with_trends=false'] });
  expect(exitCode).toBe(0);
  expect(status).toMatchObject({ 'model.trends': 'no-op', 'test.known_days': 'no-op', 'export.trends': 'no-op' });
  expect(message['model.trends']).toBe('the var with_trends is false');
  expect(existsSync(join(shop.paths.exports, 'trends.parquet'))).toBe(false);
});

test('tests alone run on the published rows', async () => {
  await shop.run();
  const { status } = await shop.run({ select: 'kind:test', command: 'test', vars: ['at_most=25'] });
  expect(status).toMatchObject({ 'test.small': 'reused', 'test.at_most': 'error' });
  expect(Object.keys(status)).toHaveLength(5);
  expect(await totals()).toHaveLength(3);
});

test('an extract that throws is an error with its reason; what needs it is skipped', async () => {
  await shop.sell({ fails: 'the till is stuck' });
  const { exitCode, status, message } = await shop.run();
  expect(exitCode).toBe(1);
  expect(message['extract.till']).toBe('the till is stuck');
  expect(status).toMatchObject({
    'extract.till': 'error',
    'model.totals': 'skip',
    'test.small': 'skip',
    'export.trends': 'skip',
  });
});

test('a model whose SQL fails is MODEL_FAILED with its file, and its tests are skipped', async () => {
  const broken = await shopProject({ 'totals.ts': (text) => text.replace(`eb.ref('amount'))`, `eb.ref('price'))`) });
  await broken.sell({ '2025-07-01': 10 });
  const { exitCode, status, message, errors } = await broken.run();
  expect(exitCode).toBe(1);
  expect(errors['model.totals']).toMatchObject({
    code: 'MODEL_FAILED',
    details: { file: 'totals.ts', hint: 'see its SQL with pnpm pipeline compile --select totals' },
  });
  expect(status).toMatchObject({ 'model.totals': 'error', 'test.small': 'skip', 'model.trends': 'skip' });
  expect(message['test.small']).toBe('model.totals did not get that far');
});

test('an interrupted run ends with 130 and writes its artifacts, and the next run continues', async () => {
  await shop.sell({ waits: 1 });
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 3_000);
  const { exitCode, status, events } = await shop.run({ signal: controller.signal });
  expect(exitCode).toBe(130);
  expect(new Set(Object.values(status))).toEqual(new Set(['skip']));
  expect(events.at(-1)).toMatchObject({ type: 'run_finished', interrupted: true });
  expect(existsSync(join(shop.paths.artifacts, 'run.json'))).toBe(true);
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
  expect((await shop.run()).exitCode).toBe(0);
});

test('a run whose target is taken is refused before it does anything', async () => {
  const held = await lockTarget(shop.paths.root, {
    command: 'pnpm pipeline clean',
    since: utc('2025-07-10T08:00'),
    wait: false,
    signal: new AbortController().signal,
  });
  await expect(shop.run()).rejects.toMatchObject({
    code: 'RUN_LOCKED',
    message: expect.stringContaining('pipeline clean'),
  });
  expect(existsSync(shop.paths.warehouse)).toBe(false);
  await held[Symbol.asyncDispose]();
  expect((await shop.run()).exitCode).toBe(0);
  expect(existsSync(join(shop.paths.root, 'run.lock'))).toBe(false);
});

test('a run whose target another machine has taken over publishes nothing and names that machine (B33)', async () => {
  expect((await shop.run()).exitCode).toBe(0);
  const results = join(shop.paths.artifacts, 'run.json');
  const before = await readFile(results, 'utf8');
  await shop.sell({ '2025-07-01': 11 });
  const other = { pid: 1, host: 'elsewhere', started: '', command: 'pnpm pipeline run', since: '2025-07-10T11:00:00Z' };
  const lockFile = join(shop.paths.root, 'run.lock');
  const taken = shop.run({
    reporter: {
      report(event) {
        if (event.type !== 'node_started' || event.node.kind !== 'model') return;
        writeFileSync(lockFile, JSON.stringify({ ...other, token: 'theirs', kernel: 'another' }));
      },
      close: async () => {},
    },
  });
  await expect(taken).rejects.toMatchObject({
    code: 'RUN_LOCKED',
    message: expect.stringContaining('has taken'),
    details: { hint: expect.stringContaining('run again') },
  });
  expect((await totals()).map(([, total]) => total)).toEqual(['10', '20', '30']);
  expect(await readFile(results, 'utf8')).toBe(before);
  expect(await readFile(lockFile, 'utf8')).toContain('theirs');
});

describe('a range', () => {
  test('builds its days, and those whose look-back reaches into it', async () => {
    await shop.run();
    await shop.sell({ '2025-07-01': 11, '2025-07-02': 21, '2025-07-03': 31 });
    await shop.run({ ...tomorrow, start: '2025-07-02', end: '2025-07-03', exclude: 'trends' });
    expect((await totals()).map(([, total]) => total)).toEqual(['10', '21', '30']);
    await shop.run({ ...tomorrow, start: '2025-07-02', end: '2025-07-03' });
    // trends of 07-03 look back to 07-02, so both days are rebuilt, from the totals of 06-30 on.
    expect((await totals()).map(([, total]) => total)).toEqual(['11', '21', '30']);
    expect(await trends()).toEqual([
      ['2025-07-01', '10'],
      ['2025-07-02', '32'],
      ['2025-07-03', '62'],
    ]);
  });
});

describe('--full-refresh', () => {
  test('rebuilds the selection even if nothing changed, and keeps a copy of the old warehouse', async () => {
    await shop.run();
    const { status, message, events } = await shop.run({ ...tomorrow, fullRefresh: true, select: 'totals' });
    expect(status).toMatchObject({ 'model.totals': 'pass', 'test.small': 'pass', 'export.totals': 'pass' });
    expect(message['model.totals']).toBe('3 rows, 3 partitions');
    expect((await totals()).map(([, , built]) => built)).toEqual(['2025-07-11', '2025-07-11', '2025-07-11']);
    const copy = join(shop.paths.backups, 'warehouse-run2.duckdb');
    expect(events).toContainEqual({ type: 'log', level: 'info', message: `backup of the warehouse: ${copy}` });
    expect(existsSync(copy)).toBe(true);
    expect((await shop.run({ select: 'trends' })).status['model.trends']).toBe('reused');
  });

  test('of a range leaves rows outside it as they are, and the next run does not take them for up to date', async () => {
    await shop.run();
    await shop.sell({ '2025-07-02': 20, '2025-07-03': 30 });
    await shop.run({ select: 'till' });
    await shop.run({ ...tomorrow, fullRefresh: true, select: 'totals', start: '2025-07-02', end: '2025-07-03' });
    expect(await totals()).toEqual([
      ['2025-07-01', '10', '2025-07-10'],
      ['2025-07-02', '20', '2025-07-11'],
      ['2025-07-03', '30', '2025-07-10'],
    ]);
    const { message } = await shop.run({ ...tomorrow, select: 'totals' });
    expect(message['model.totals']).toBe('2 rows, 3 partitions'); // all: which others there are, only the query knows
    expect((await totals()).map(([day]) => day)).toEqual(['2025-07-02', '2025-07-03']);
  });

  test('waits for readers of the warehouse', async () => {
    await shop.run({ select: 'till totals' });
    const reader = node(`
      import { openWarehouse } from './engine/duckdb/warehouse.ts';
      const warehouse = await openWarehouse({ file: ${JSON.stringify(shop.paths.warehouse)}, readOnly: true });
      console.log('open');
      setTimeout(() => warehouse[Symbol.asyncDispose](), 500);`);
    const closed = once(reader, 'close');
    await once(reader.stdout as NodeJS.ReadableStream, 'data');
    expect(await shop.run({ fullRefresh: true, select: 'totals' })).toMatchObject({ exitCode: 0 });
    await closed;
  });

  test('on an empty target is a run like any other', async () => {
    expect(await shop.run({ fullRefresh: true })).toMatchObject({ exitCode: 0, status: { 'model.totals': 'pass' } });
    expect(existsSync(shop.paths.backups)).toBe(false);
  });
});

test('run.json records what happened, and graph.json what the pipeline is', async () => {
  await shop.run({ select: 'till totals', start: '2025-07-01', end: '2025-07-03', vars: ['at_least=5'] });
  const read = async (name: string) => JSON.parse(await readFile(join(shop.paths.artifacts, name), 'utf8'));
  const results = await read('run.json');
  expect(results).toMatchObject({
    metadata: {
      project: 'shop',
      run_id: 'run1',
      command: 'pnpm pipeline run',
      target: 'sample',
      synthetic: true,
      as_of: '2025-07-10T09:00:00.000Z',
      generated_at: '2025-07-10T10:00:00.000Z',
    },
    args: { vars: { at_least: 5 }, start: '2025-07-01T00:00:00.000Z', end: '2025-07-03T00:00:00.000Z' },
    interrupted: false,
  });
  const byId = Object.fromEntries(results.results.map((result: { unique_id: string }) => [result.unique_id, result]));
  expect(byId['model.totals']).toMatchObject({ status: 'pass', rows_affected: 2, partitions: 2 });
  expect(byId['test.several']).toMatchObject({ status: 'pass', value: 2, threshold: 2, failures: 0 });
  expect(results.args.selected).toEqual(
    Object.keys(byId).toSorted((a, b) => results.args.selected.indexOf(a) - results.args.selected.indexOf(b)),
  );
  const graph = await read('graph.json');
  expect(Object.keys(graph.nodes)).toEqual(shop.graph.nodes.map(({ id }) => id));
  expect(graph.nodes['model.totals']).toMatchObject({
    kind: 'model',
    path: 'totals.ts',
    needs: ['extract.till'],
    columns: { total: { type: 'BIGINT', nullable: false, description: 'Sold.' } },
  });
});
