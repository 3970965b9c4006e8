import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../../engine/cli/program.ts';
import { openWarehouse as openDatabase } from '../../../engine/duckdb/warehouse.ts';
import { pipeline, pipelineInProcess, root } from '../../support/pipeline.ts';
import { readParquet, readParquetMetadata } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await writeWarehouse();
});

const query = (...args: readonly string[]) => pipelineInProcess(['query', ...args], { dataDir: fixture.dataDir });

/** The same with a terminal of 60 columns as stdout; returns what it shows. */
async function queryInTerminal(args: readonly string[], expectedExit = 0): Promise<string> {
  let shown = '';
  const write = (text: string, _: unknown, done: () => void) => {
    shown += text;
    done();
  };
  const terminal = Object.assign(new Writable({ decodeStrings: false, write }), { isTTY: true, columns: 60 });
  const exitCode = await main(['query', ...args, '--data-dir', fixture.dataDir], {
    stdout: terminal,
    stderr: new Writable({ write: (_text, _encoding, done) => done() }),
    env: { NO_COLOR: '1' },
    cwd: root,
    now: () => new Date(),
    clock: () => performance.now(),
    random: Math.random,
    signal: new AbortController().signal,
  });
  expect(exitCode).toBe(expectedExit);
  return shown;
}

describe('pnpm pipeline query', () => {
  test('prints CSV to a pipe, and target, market, range and units to stderr', async () => {
    const { exitCode, stdout, stderr } = await query('top', '2025-05-10', '--limit', '2');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[0]).toBe(
      'date,rank,symbol,quote_volume_usdt,market_share_pct,trade_count,rank_change_1d,rank_change_7d,rank_change_30d,days_available',
    );
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stderr).toContain('target sample (synthetic data) · futures-um · 2025-05-10\n');
    expect(stderr).toContain('quote_volume_usdt in USDT;');
    expect((await query('range', '2025-05-17', '2025-05-29')).stderr).toContain('2025-05-17 … 2025-05-28, 12 days\n');
    expect((await query('ohlcv', 'btc/usdt', '--timeframe', '1h', '--end', '2024-01-02')).stderr).toContain(
      'target sample (synthetic data) · spot · BTCUSDT · 1h · before 2024-01-02\n',
    );
  });

  test('says what coin-margined volumes count (A4)', async () => {
    const { stderr } = await query('ohlcv', 'btcusd_perp', '--timeframe', '1h', '--instrument-type', 'futures-cm');
    expect(stderr).toContain('volume, taker_buy_base_asset_volume in contracts');
    expect(stderr).toContain('quote_asset_volume, taker_buy_quote_asset_volume in base asset');
  });

  test('prints only the result with --quiet; notes follow --log-format', async () => {
    expect((await query('top', 'latest', '--quiet')).stderr).toBe('');
    const notes = (await query('delistings', '2025-06-08', '--log-format', 'json')).stderr.trimEnd().split('\n');
    expect(notes.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'info', message: expect.stringContaining('1 more has no bar yet (SLOWUSDT)') }),
    );
  });

  test('writes the same rows in every format', async () => {
    const folder = await tempDir('formats-');
    const ask = ['snapshot', '2025-05-13'];
    const json = JSON.parse((await query(...ask, '--format', 'json')).stdout) as Record<string, unknown>[];
    expect(json).toHaveLength(6);
    expect(json[0]).toMatchObject({ date: '2025-05-13', symbol: 'BTCUSDT', traded: true, trade_count: 100 });

    for (const name of ['rows.csv', 'rows.json', 'rows.parquet']) {
      const { stdout, stderr } = await query(...ask, '--output', join(folder, name));
      expect(stdout).toBe('');
      expect(stderr).toContain(`6 rows to ${join(folder, name)}\n`);
    }
    expect((await readdir(folder)).sort()).toEqual(['rows.csv', 'rows.json', 'rows.parquet']);
    expect(await readFile(join(folder, 'rows.csv'), 'utf8')).toBe((await query(...ask)).stdout);
    expect(JSON.parse(await readFile(join(folder, 'rows.json'), 'utf8'))).toEqual(json);
    const parquet = await readParquet(join(folder, 'rows.parquet'));
    expect(parquet.rows.map((row) => row[1])).toEqual(json.map(({ symbol }) => symbol));
    const metadata = await readParquetMetadata(join(folder, 'rows.parquet'));
    expect([metadata.get('target'), metadata.get('synthetic')]).toEqual(['sample', 'true']);
  });

  test('refuses impossible combinations of options', async () => {
    const refused = async (...args: readonly string[]) => {
      const { exitCode, stderr, stdout } = await query('summary', ...args);
      expect([exitCode, stdout]).toEqual([2, '']);
      return stderr;
    };
    expect(await refused('--format', 'table', '--output', 'rows.txt')).toContain('[USAGE]');
    expect(await refused('--output', join(fixture.dataDir, 'nowhere/rows.csv'))).toContain('does not exist');
    expect(await refused('--format', 'xml')).toContain('[USAGE]');
  });

  test('shows a table for people, a single row with one line per column, and says where it stops', async () => {
    const table = (await query('top', '2025-05-10', '--limit', '1', '--format', 'table')).stdout.split('\n');
    expect(table[0]).toMatch(/^date +rank +symbol +quote_volume_usdt/);
    expect(table[1]).toMatch(/^2025-05-10 +1 +BTCUSDT /);
    expect((await query('market', 'latest', '--format', 'table')).stdout).toMatch(/^largest_symbol +BTCUSDT$/m);
    const cut = await query('ohlcv', 'BTCUSDT', '--timeframe', '1m', '--format', 'table');
    expect(cut.stdout.trimEnd().split('\n')).toHaveLength(1_001);
    expect(cut.stderr).toContain('the first 1,000 rows; all of them: --format csv');
    expect((await query('ohlcv', 'BTCUSDT', '--timeframe', '1m')).stdout.trimEnd().split('\n')).toHaveLength(2_881);
  });

  test('draws a calendar and sparklines in a terminal, unless a format is named', async () => {
    const calendar = await queryInTerminal(['timeline', 'settledusdt']);
    expect(calendar).toContain('2025-05  ██████████▒▒▒▒▒▒▒▒▒·▒▒▒▒▒▒▒▒▒▒▒\n2025-06  ▒▒▒▒▒▒▒▒▒\n');
    expect(calendar).toContain('█ traded 10   ▒ listed, no trade 29   · not listed 1');
    const trend = await queryInTerminal(['rank', 'TWICEUSDT']);
    expect(trend).toMatch(/^rank +[▁-█]+ {16}[▁-█]+ *[▁-█]*$/m);
    expect(trend).toContain('volume');
    expect(await queryInTerminal(['volume', 'BTCUSDT'])).toMatch(/^7 days +[▁-█]+/m);
    expect(await queryInTerminal(['rank', 'TWICEUSDT', '--format', 'csv'])).toMatch(/^date,symbol,rank,/);
    expect(await queryInTerminal(['top', 'latest'])).toMatch(/^date 2025-06-09\n[\s\S]*\nrank +symbol/);
    expect(await queryInTerminal(['timeline', 'BTCUSDT', '--end', '2025-05-01'])).toBe('no day in this range\n');
  });

  test('refuses Parquet and Arrow for a terminal', async () => {
    for (const format of ['parquet', 'arrow']) {
      expect(await queryInTerminal(['top', 'latest', '--format', format], 2)).toBe('');
    }
  });

  test('resamples', async () => {
    const { stdout, stderr } = await query(
      ...['ohlcv', 'BTCUSDT', '--timeframe', '1h', '--resample', '4h', '--start', '2024-02-08', '--end', '2024-02-09'],
    );
    expect(stdout.split('\n')[0]).toMatch(/,bars,bars_expected$/);
    expect(stdout.split('\n')[1]).toMatch(/^BTCUSDT,4h,spot,2024-02-08 00:00:00,.*,1,4$/);
    expect(stderr).toContain('2024-02-08 … 2024-02-08, 1 day');
  });

  test('says what is wrong, and where', async () => {
    const failed = async (...args: readonly string[]) => {
      const { exitCode, stderr } = await query(...args);
      expect(exitCode).toBe(2);
      return stderr;
    };
    expect(await failed('rank', 'BTCUSD')).toContain('did you mean BTCUSDT?');
    expect(await failed('top', '2025-13-01')).toContain('date must be a UTC date');
    expect(await failed('top')).toContain("missing required argument 'date'");
    expect(await failed('top', 'latest', '--limit', 'many')).toContain('limit must be a whole number');
    expect(await failed('ohlcv', 'BTCUSDT')).toContain("required option '--timeframe <name>'");
    expect(await failed('nothing')).toContain('[USAGE]');
  });

  test('fails without a warehouse and creates nothing (B17)', async () => {
    const dataDir = await tempDir('missing-');
    const { exitCode, stdout, stderr } = await pipelineInProcess(['query', 'summary'], { dataDir });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('[WAREHOUSE_MISSING]');
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('gives the same answer in every time zone (B7)', async () => {
    const args = ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1h', '--resample', '1d', '--end', '2024-01-03'];
    const answers = await Promise.all(
      ['UTC', 'America/New_York', 'Asia/Tokyo'].map((TZ) => pipeline(args, { dataDir: fixture.dataDir, env: { TZ } })),
    );
    const [utc, ...others] = answers.map(({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr }));
    expect(utc?.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(others).toEqual([utc, utc]);
  });

  test('leaves the warehouse and the temporary folder unchanged', async () => {
    const before = await readFile(fixture.file);
    const temporary = await mkdtemp(join(fixture.dataDir, 'tmp-'));
    const args = ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1m', '--format', 'parquet'];
    const { exitCode } = await pipeline(args, { dataDir: fixture.dataDir, env: { TMPDIR: temporary } });
    expect(exitCode).toBe(0);
    expect((await readdir(temporary)).filter((name) => name.startsWith('klinehouse'))).toEqual([]);
    expect((await readFile(fixture.file)).equals(before)).toBe(true);
  });
});

describe('pnpm pipeline show', () => {
  test('shows views, and says how to build a missing one', async () => {
    const { dataDir, file } = await writeWarehouse();
    const show = () => pipelineInProcess(['show', 'ohlcv_units', '--limit', '1'], { dataDir });
    const missing = await show();
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('run --select +ohlcv_units');
    {
      await using database = await openDatabase({ file });
      await database.run('CREATE VIEW ohlcv_units AS SELECT *, volume AS base_volume FROM ohlcv');
    }
    const shown = await show();
    expect([shown.exitCode, shown.stdout.trimEnd().split('\n').length]).toEqual([0, 2]);
    expect(shown.stdout).toMatch(/^symbol +timeframe +instrument_type .* base_volume$/m);
  });
});
