import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { getOhlcv } from '../../../queries/index.ts';
import { smallArchive, writeSmallArchive } from '../../support/archive.ts';
import { impatientProject } from '../../support/impatient-project.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { warehouseOf } from '../../support/published.ts';
import { isListing, type ServedArchive, serveArchive } from '../../support/serve.ts';
import { tempDir } from '../../support/temp.ts';

let archive: ServedArchive;
beforeAll(async () => {
  const directory = await tempDir('archive-');
  await writeSmallArchive(directory, { symbols: ['BTCUSDT', 'ETHUSDT'] });
  archive = await serveArchive(directory);
  return () => archive[Symbol.asyncDispose]();
});

const env = () => ({ PIPELINE_TARGET: 'mirror', PIPELINE_ARCHIVE_URL: archive.url, SOURCE_DATE_EPOCH: asOfSeconds });
const asOfSeconds = String(Date.parse(smallArchive.asOf) / 1000);

const ask = (dataDir: string, ...args: readonly string[]) =>
  pipelineInProcess(
    ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1d', '--instrument-type', 'futures', ...args, '--format', 'json'],
    { dataDir, env: env() },
  );

const archives = (asked: readonly string[]) => asked.filter((path) => !isListing(path));

describe('--fetch', () => {
  test('creates a warehouse, extracts only what is requested, and prints only the answer to stdout', async () => {
    const dataDir = await tempDir('fetch-');
    archive.requests();
    const { exitCode, stdout, stderr } = await ask(dataDir, '--start', '2025-06-03', '--end', '2025-06-05', '--fetch');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(2);
    expect(stderr).toContain('Done. PASS=');
    expect(stderr).toContain('target mirror · futures-um · BTCUSDT');
    expect(archives(archive.requests())).toEqual(['/data/futures/um/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2025-06.zip']);
  });

  test('requests nothing if every bar is there, otherwise only what is missing', async () => {
    const dataDir = await tempDir('fetch-');
    await ask(dataDir, '--start', '2025-06-01', '--end', '2025-07-01', '--fetch');
    archive.requests();
    const again = await ask(dataDir, '--start', '2025-06-01', '--end', '2025-07-01', '--fetch');
    expect([again.exitCode, archive.requests()]).toEqual([0, []]);
    expect(again.stderr).not.toContain('Done.');

    const open = await ask(dataDir, '--start', '2025-06-01', '--fetch');
    expect(JSON.parse(open.stdout)).toHaveLength(38);
    expect(archives(archive.requests())).toHaveLength(8); // the days of July

    const nothingNew = await ask(dataDir, '--start', '2025-06-01', '--fetch');
    expect(nothingNew.stdout).toBe(open.stdout);
    expect(archives(archive.requests())).toEqual([]);
  });

  test('keeps what other runs have loaded', async () => {
    const dataDir = await tempDir('fetch-');
    await ask(dataDir, '--fetch');
    const other = ['query', 'ohlcv', 'ETHUSDT', '--timeframe', '1d', '--instrument-type', 'futures', '--fetch'];
    expect((await pipelineInProcess(other, { dataDir, env: env() })).exitCode).toBe(0);
    expect(JSON.parse((await ask(dataDir)).stdout)).toHaveLength(50);
  });

  test('is needed if there is no warehouse: without it that is an error (B17)', async () => {
    const dataDir = await tempDir('fetch-');
    const { exitCode, stderr } = await ask(dataDir);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('[WAREHOUSE_MISSING]');
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('fails as the run does: for what the archive does not list, and for a host that does not exist', async () => {
    const dataDir = await tempDir('fetch-');
    const args = ['query', 'ohlcv', 'BTCUDST', '--timeframe', '1d', '--instrument-type', 'futures', '--fetch'];
    const unknown = await pipelineInProcess(args, { dataDir, env: env() });
    expect([unknown.exitCode, unknown.stdout]).toEqual([2, '']);
    expect(unknown.stderr).toContain('did you mean BTCUSDT?');
    const refused = await ask(dataDir, '--fetch', '--start', '2025-06-05', '--end', '2025-06-01');
    expect(refused.stderr).toContain('is empty');
    const nowhere = await pipelineInProcess(
      ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1d', '--instrument-type', 'futures', '--fetch'],
      {
        dataDir: await tempDir('fetch-'),
        cwd: await impatientProject(),
        env: { ...env(), PIPELINE_ARCHIVE_URL: 'http://127.0.0.1:9' },
      },
    );
    expect([nowhere.exitCode, nowhere.stdout]).toEqual([1, '']);
    expect(nowhere.stderr).toContain('error [ARCHIVE_UNREACHABLE]');
  }, 60_000);

  test('loads both sides of basis', async () => {
    const dataDir = await tempDir('fetch-');
    const args = ['query', 'basis', 'BTCUSDT', '--fetch'];
    const { exitCode, stderr } = await pipelineInProcess(args, { dataDir, env: env() });
    expect(exitCode).not.toBe(0); // this archive has no spot
    expect(stderr).toContain('data/spot/');
  });
});

describe('getOhlcv({ fetch: true })', () => {
  test('does the same', async () => {
    const dataDir = await tempDir('fetch-');
    const request = {
      symbol: 'BTC/USDT',
      timeframe: '1d',
      instrumentType: 'futures',
      start: '2025-06-01',
      end: '2025-06-05',
      target: 'sample',
      dataDir,
      pipeline: `${root}/pipeline.yaml`,
    } as const;
    await expect(getOhlcv(request)).rejects.toMatchObject({ code: 'WAREHOUSE_MISSING' });
    expect(await getOhlcv({ ...request, fetch: true })).toHaveLength(4);
    expect(existsSync(warehouseOf(dataDir, 'sample'))).toBe(true);
    expect(await getOhlcv(request)).toHaveLength(4);
  });

  test('is refused for a file, which belongs to no target', async () => {
    const request = { symbol: 'BTCUSDT', timeframe: '1d', file: 'x.duckdb', fetch: true } as const;
    await expect(getOhlcv(request)).rejects.toMatchObject({ code: 'USAGE', details: { key: 'file' } });
  });
});
