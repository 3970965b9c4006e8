import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openWarehouse as openDatabase } from '../../../engine/duckdb/warehouse.ts';
import { getOhlcv, openWarehouse, rejected, snapshot, top } from '../../../queries/index.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { readParquet } from '../../support/rows.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

/** Another process that has the warehouse open for writing, like a build. */
async function hold(file: string): Promise<AsyncDisposable & { readonly pid: number }> {
  const code = `import { DuckDBInstance } from '@duckdb/node-api';
    const instance = await DuckDBInstance.create(process.argv[1]);
    console.log(process.pid);
    process.stdin.on('end', () => process.exit()).resume();`;
  const child = spawn(join(root, 'node_modules/.bin/node'), ['--input-type=module', '-e', code, file], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [pid] = await once(child.stdout, 'data');
  return {
    pid: Number(pid),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

async function copyRows(database: string, sql: string, file: string): Promise<void> {
  await using warehouse = await openDatabase({ file: database });
  await warehouse.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`);
}

describe('while a build holds the warehouse', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await writeWarehouse({ withExports: true });
  });

  test.each([
    ['the exports answer', 'make_timestamptz(epoch_us(last_modified))', 'TIMESTAMP WITH TIME ZONE'],
    ['exports of an earlier version answer', 'last_modified', 'TIMESTAMP'],
  ])('%s what they can, and a note says so', async (_, modified, type) => {
    const { file, exports } = fixture;
    const written = join(exports, 'daily_availability.parquet');
    await copyRows(file, `FROM daily_availability SELECT * REPLACE (${modified} AS last_modified)`, written);
    const { columns } = await readParquet(written);
    expect(columns.find(({ name }) => name === 'last_modified')?.type).toBe(type);
    const ask = { date: '2025-05-13' } as const;
    const now = await openWarehouse({ file });
    const expected = [await now.rows(snapshot, ask), await now.rows(top, ask)];
    await now[Symbol.asyncDispose]();

    await using build = await hold(file);
    const said: string[] = [];
    await using warehouse = await openWarehouse({ file, waitMs: 200, onStandIn: (message) => said.push(message) });
    expect([await warehouse.rows(snapshot, ask), await warehouse.rows(top, ask)]).toEqual(expected);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/is in use by .+ \(PID \d+\); the answer is from the exports of \d{4}-\d\d-\d\d /);
    expect(said[0]).toContain(`PID ${build.pid}`);
    await expect(warehouse.rows(rejected, {})).rejects.toMatchObject({ code: 'WAREHOUSE_LOCKED' });
  });

  test('bars are unavailable, and the holder is named after 5 s', async () => {
    await using build = await hold(fixture.file);
    const args = ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1h'];
    const { exitCode, stderr, ms } = await pipelineInProcess(args, { dataDir: fixture.dataDir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('[WAREHOUSE_LOCKED]');
    expect(stderr).toContain(`PID ${build.pid}`);
    expect(stderr).toContain('not ohlcv');
    expect(stderr).not.toContain('the answer is from');
    expect(ms).toBeGreaterThan(4_500);
  });

  test('without exports, nothing answers', async () => {
    const { file, exports } = await writeWarehouse({ withExports: true });
    await rm(exports, { recursive: true });
    await using _ = await hold(file);
    await expect(openWarehouse({ file, waitMs: 0 })).rejects.toMatchObject({ code: 'WAREHOUSE_LOCKED' });
  });

  test('that ends within the wait, the warehouse answers', async () => {
    const build = await hold(fixture.file);
    const answer = getOhlcv({ symbol: 'BTCUSDT', timeframe: '1d', file: fixture.file, waitMs: 5_000 });
    setTimeout(() => build[Symbol.asyncDispose](), 300);
    expect(await answer).toHaveLength(60);
  });
});
