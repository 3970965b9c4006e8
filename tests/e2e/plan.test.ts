import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunPlan } from '../../engine/run/plan-run.ts';
import { lockTarget } from '../../engine/target/lock.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const days = smallArchive.days.slice(30);

async function mirror(symbols: readonly string[] = ['BTCUSDT', 'ETHUSDT']) {
  const archive = await writeSmallArchive(await tempDir('small-'), { symbols, days });
  const server = await serveArchive(archive.directory);
  const dataDir = await tempDir('plan-');
  async function call(command: string, ...args: readonly string[]) {
    await server.rescan();
    const fixed = ['--target', 'mirror', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d'];
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    return pipelineInProcess([command, ...fixed, ...args], { dataDir, env });
  }
  return {
    archive,
    dataDir,
    call,
    async run(...args: readonly string[]) {
      server.requests();
      expectExit(await call('run', ...args), 0);
      return server.requests().filter((path) => path.endsWith('.zip')).length;
    },
    async plan(...args: readonly string[]) {
      const result = await call('plan', '--format', 'json', ...args);
      expectExit(result, 0);
      const [klines] = (JSON.parse(result.stdout) as RunPlan).extracts;
      return klines as RunPlan['extracts'][number];
    },
    zips: () => server.requests().filter((path) => path.endsWith('.zip')),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('pnpm pipeline plan', () => {
  test('shows what the next run will fetch, and fetches, stages and loads none of it', async () => {
    await using it = await mirror();
    const plan = await it.plan();
    expect(it.zips()).toEqual([]);
    expect(existsSync(join(it.dataDir, 'mirror/warehouse.duckdb'))).toBe(false);
    expect(existsSync(join(it.dataDir, 'mirror/staging/journal.jsonl'))).toBe(false);
    expect(plan.rows.map(({ of, files, why }) => [of.month, of.cadence, files, why.new])).toEqual([
      ['2025-06', 'monthly', 2, 2],
      ['2025-07', 'daily', 16, 16],
    ]);
    expect(plan.files).toBe(18);
    expect(plan.bytes).toBe(plan.rows.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(plan.diskBytes).toBe(18 * 4096);
    expect(await it.run()).toBe(plan.files);

    const after = await it.plan();
    expect([after.files, after.bytes, after.diskBytes]).toEqual([0, 0, 0]);
    expect(after.rows.map(({ settled }) => settled.staged)).toEqual([2, 16]);
  });

  test('A15 A18: distinguishes re-issued files, repairs and new ones', async () => {
    await using it = await mirror(['BTCUSDT']);
    const late = '2025-06-25';
    await it.archive.remove(await it.archive.putDay('BTCUSDT', late));
    await it.archive.putMonth(
      'BTCUSDT',
      days.filter((day) => day.startsWith('2025-06') && day !== late),
    );
    const june = (plan: Awaited<ReturnType<typeof it.plan>>) => plan.rows.map(({ of, why }) => [of.cadence, why]);
    await it.run('--select', '+klines');
    await it.archive.putDay('BTCUSDT', late);
    await it.archive.putDay('BTCUSDT', '2025-07-05', { edition: 1 });
    await it.archive.putDay('ETHUSDT', '2025-07-06');
    const plan = await it.plan('--relist');
    const none = { new: 0, reissued: 0, repair: 0, again: 0, pruned: 0 };
    expect(june(plan)).toEqual([
      ['daily', { ...none, repair: 1 }],
      ['monthly', none],
      ['daily', { ...none, new: 1, reissued: 1 }],
    ]);
    expect(await it.run('--select', '+klines', '--relist')).toBe(3);
  });

  test('is narrowed by --start, --symbols and --timeframes just as a run is', async () => {
    await using it = await mirror();
    const narrow = ['--select', '+ohlcv', '--symbols', 'eth/usdt', '--start', '2025-07-02', '--end', '2025-07-05'];
    const plan = await it.plan(...narrow);
    expect(plan.rows.map(({ of, files }) => [of.month, files])).toEqual([['2025-07', 3]]);
    expect(await it.run(...narrow)).toBe(3);
  });

  test('prints a table with totals and free disk space, or CSV with one line per row', async () => {
    await using it = await mirror();
    const table = await it.call('plan');
    expect(table.stdout).toMatch(
      /^klinehouse plan · .*\nINSTRUMENT_TYPE +TIMEFRAME +MONTH +CADENCE +FILES +BYTES +NEW\nfutures-um +1d +2025-06 +monthly +2 .*\nfutures-um .*\n\nNODE[\s\S]*\nmodel\.ohlcv +build it for the first time +new\n[\s\S]*\n\nklines: 18 files, [\d.]+ kB to fetch, about 73\.7 kB to stage\nfree in .*mirror: [\d.]+ [MGT]B\n$/,
    );
    const csv = await it.call('plan', '--format', 'csv');
    expect(csv.stdout.split('\n').map((line) => line.split(',').slice(0, 6).join())).toEqual([
      'extract,instrument_type,timeframe,month,cadence,files',
      'klines,futures-um,1d,2025-06,monthly,2',
      'klines,futures-um,1d,2025-07,daily,16',
      '',
    ]);
  });

  test('does not wait for a run that holds the target, but names it', async () => {
    await using it = await mirror();
    const signal = new AbortController().signal;
    const holder = { command: 'pnpm pipeline run', since: new Date(0), wait: false, signal };
    await using _held = await lockTarget(join(it.dataDir, 'mirror'), holder);
    const refused = await it.call('plan');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('[RUN_LOCKED]');
  });

  test('a selection that fetches nothing says what would be built, and needs what it reads', async () => {
    await using it = await mirror();
    const empty = await it.call('plan', '--select', 'rankings');
    expect([empty.exitCode, empty.stderr]).toEqual([2, expect.stringContaining('[TABLE_MISSING]')]);
    await it.run();
    const built = await it.call('plan', '--select', 'rankings');
    expect(built.stdout).toMatch(/\nmodel\.volume_rankings +reuse it\n/);
    expect((await it.call('run', '--dry-run', '--select', 'rankings')).stdout).toBe(built.stdout);
  });
});
