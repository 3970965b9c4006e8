import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { asideOf } from '../../../engine/aside.ts';
import { readMigrations } from '../../../engine/migrations/folder.ts';
import { recordApplied } from '../../../engine/migrations/states.ts';
import type { Certificate } from '../../../queries/certify/certificate.ts';
import { checkCertificate, getCertificate } from '../../../queries/index.ts';
import { sha256Tree } from '../../support/digest.ts';
import { insertLedger } from '../../support/ledger-rows.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { expectExit, warehouseOf } from '../../support/published.ts';
import { queryWarehouse } from '../../support/rows.ts';
import { tempDir } from '../../support/temp.ts';
import { days, openWorkbench } from '../models/workbench.ts';

const series = { symbol: 'BTCUSDT', timeframe: '1h', market: 'spot' } as const;
const key = (day: string) => `data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-${day}.zip`;

/** Three days of bars: one hour is missing, one bar is off the grid, one had no trades, one is from the REST API. */
async function writeWarehouse(more = ''): Promise<string> {
  const dataDir = await tempDir('certify-');
  let file: string;
  {
    await using bench = await openWorkbench();
    const { warehouse } = bench;
    file = warehouse.file;
    await recordApplied(warehouse, await readMigrations(root), new Date('2025-06-04'));
    await warehouse.run(`INSERT INTO ohlcv SELECT 'BTCUSDT', '1h', 'spot',
      CASE WHEN n = 30 THEN t + INTERVAL '28 minutes 14.789 seconds' ELSE t END, 0.1::DOUBLE + n, 1e300, '-0.0'::DOUBLE, 1 / (n + 3),
      CASE WHEN n = 40 THEN 0 ELSE n + 1 END, t + INTERVAL 59 MINUTE, n * 1.7::DOUBLE, n, 0.3, n / 7.0,
      CASE WHEN n = 71 THEN 'rest' ELSE 'daily' END
      FROM (SELECT n, TIMESTAMP '2025-06-01' + to_hours(n) AS t FROM range(72) AS r(n)) WHERE n <> 5`);
    await warehouse.run(
      `INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('ohlcv', 'spot/BTCUSDT/1h/2025-06-01', 'x', 'run')`,
    );
    await bench.list(...days('2025-06-01', 3).map((period) => ({ ...series, period })));
    for (const day of days('2025-06-01', 3)) {
      const rows = {
        size_bytes: 300,
        row_count: 24,
        first_open_time: `${day} 00:00:00`,
        last_open_time: `${day} 23:00:00`,
      };
      await warehouse.run(insertLedger({ key: key(day), sha256: `sha of ${day}`, status: 'loaded', ...rows }));
    }
    if (more !== '') await warehouse.run(more);
    await bench.build('symbols');
    await bench.build('gaps');
    await warehouse.run('CHECKPOINT');
  }
  await mkdir(dirname(warehouseOf(dataDir)), { recursive: true });
  await copyFile(file, warehouseOf(dataDir));
  return dataDir;
}

const certify = (dataDir: string, ...args: readonly string[]) =>
  pipelineInProcess(['certify', '--target', 'mirror', ...args], { dataDir });

let dataDir: string;
let output: string;
let file: string;
beforeAll(async () => {
  dataDir = await writeWarehouse();
});
beforeEach(async () => {
  output = await tempDir('certificates-');
  expectExit(await certify(dataDir, '--output', output), 0);
  file = join(output, 'spot/1h/BTCUSDT.json');
});
const read = async (): Promise<Certificate> => JSON.parse(await readFile(file, 'utf8'));

describe('a certificate', () => {
  test('B18: of monthly bars has a row per month', async () => {
    const months =
      await writeWarehouse(`INSERT INTO ohlcv SELECT 'BTCUSDT', '1mo', 'spot', t, 1, 2, 1, 2, 3, t, 4, 5, 1, 1, 'monthly'
        FROM range(TIMESTAMP '2025-01-01', TIMESTAMP '2025-05-01', INTERVAL 1 MONTH) AS r(t);
      INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('ohlcv', 'spot/BTCUSDT/1mo/2025-01-01', 'x', 'run');
      ${insertLedger({ key: 'data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip', status: 'loaded' })}`);
    expectExit(await certify(months, '--output', output), 0);
    file = join(output, 'spot/1mo/BTCUSDT.json');
    expect(await read()).toMatchObject({ rows: 4, expected: 4, start: '2025-01-01T00:00:00.000Z' });
  });

  test('A8 A13 A17: says how many bars are expected, present and missing', async () => {
    const { digest, digest_of, ...said } = await read();
    expect(digest_of).toMatch(/^sha256 of the lines open_time_us,/);
    expect(said).toEqual({
      certificate: 1,
      ...{ instrument_type: 'spot', symbol: 'BTCUSDT', timeframe: '1h', synthetic: false },
      ...{ start: '2025-06-01T00:00:00.000Z', end: '2025-06-04T00:00:00.000Z' },
      ...{ expected: 72, present: 71, missing: 1, rows: 71, off_grid: 1, zero_volume: 1, rest_rows: 1 },
      ...{ first_open_time: '2025-06-01T00:00:00.000Z', last_open_time: '2025-06-03T23:00:00.000Z' },
      gaps: [
        {
          ...{ start: '2025-06-01T05:00:00.000Z', end: '2025-06-01T06:00:00.000Z' },
          ...{ missing_bars: 1, cause: 'exchange_outage', evidence: key('2025-06-01') },
        },
      ],
      archives: days('2025-06-01', 3).map((day) => ({ key: key(day), sha256: `sha of ${day}`, rows: 24 })),
    });
  });

  test('A28 B38: starts with a refused archive, and gives the same causes as the gaps', async () => {
    const may = (symbol: string) => `data/spot/monthly/klines/${symbol}/1h/${symbol}-1h-2025-05.zip`;
    const refused =
      await writeWarehouse(`INSERT INTO ohlcv SELECT 'ETHUSDT', '1h', 'spot', t, 1, 2, 1, 2, 3, t, 4, 5, 1, 1, 'daily'
        FROM (VALUES (TIMESTAMP '2025-06-01 05:00')) AS r(t);
      INSERT INTO partition_state (model, partition, input_digest, run_id)
        VALUES ('ohlcv', 'spot/ETHUSDT/1h/2025-06-01', 'x', 'run');
      ${insertLedger({ key: 'data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2025-06-01.zip', status: 'loaded' })};
      INSERT INTO archive_objects SELECT 'data/spot/monthly/klines/' || s || '/1h/' || s || '-1h-2025-05.zip', 'spot', 'monthly', s,
        '1h', '2025-05-01', '2025-06-01', 300, 'e', '2025-06-03', '2025-06-03' FROM (VALUES ('BTCUSDT'), ('XUSDT')) AS r(s);
      INSERT INTO staged_archives BY NAME SELECT * EXCLUDE (size_bytes, last_modified, listed_at), 'rejected' AS status,
        TIMESTAMP '2025-06-04' AS staged_at
        FROM archive_objects WHERE cadence = 'monthly'`);
    expectExit(await certify(refused, '--output', output), 0);
    const { gaps, ...said } = await read();
    expect(said).toMatchObject({ start: '2025-05-01T00:00:00.000Z', expected: 816, present: 71, missing: 745 });
    expect(gaps.map(({ missing_bars, cause, evidence }) => [missing_bars, cause, evidence])).toEqual([
      [744, 'rejected', may('BTCUSDT')],
      [1, 'archive_hole', key('2025-06-01')],
    ]);
    file = join(output, 'spot/1h/XUSDT.json');
    expect(await read()).toMatchObject({ rows: 0, expected: 816, present: 0, missing: 816, first_open_time: null });
    expectExit(await certify(refused, '--check', output), 0);
  });

  test('has the digest of the definition', async () => {
    const double = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value);
      return bytes.toString('hex');
    };
    const hours = [...Array(72).keys()].filter((n) => n !== 5);
    const lines = hours.map((n) => {
      const us = Date.parse('2025-06-01T00:00Z') * 1000 + n * 3_600_000_000 + (n === 30 ? 1_694_789_000 : 0);
      const before = [0.1 + n, 1e300, -0, 1 / (n + 3), n === 40 ? 0 : n + 1, n * 1.7];
      return [us, ...before.map(double), n, ...[0.3, n / 7].map(double)].join(',');
    });
    expect((await read()).digest).toBe(createHash('sha256').update(lines.join('\n')).digest('hex'));
  });

  test('can be verified with only the SQL of docs/certificate.md', async () => {
    const page = await readFile(join(root, 'docs/certificate.md'), 'utf8');
    const sql = /```sql\n([^`]+)```/.exec(page)?.[1] ?? '';
    const { rows } = await queryWarehouse(warehouseOf(dataDir), sql);
    expect(rows).toHaveLength(71);
    const lines = `${rows.flat().join('\n')}\n`; // as DuckDB's command line prints them
    const { stdout } = spawnSync('sh', ['-c', 'head -c -1 | sha256sum'], { input: lines, encoding: 'utf8' });
    expect(page).toContain('| head -c -1 | sha256sum');
    expect(stdout.split(' ')[0]).toBe((await read()).digest);
  });

  test('for a target without a warehouse is refused, and nothing is written (B17)', async () => {
    const empty = await tempDir('none-');
    const refused = await certify(empty);
    expectExit(refused, 2);
    expect(refused.stderr).toContain('[WAREHOUSE_MISSING]');
    expect(await readdir(empty)).toEqual([]);
  });

  test('has a page for people, listed in an index', async () => {
    const page = await readFile(join(output, 'spot/1h/BTCUSDT.md'), 'utf8');
    expect(page).toContain('**71 of 72 bars (98.6111 %)**');
    expect(page).toContain(`| exchange_outage | \`${key('2025-06-01')}\` |`);
    expect(await readFile(join(output, 'index.md'), 'utf8')).toContain('[spot BTCUSDT 1h](<spot/1h/BTCUSDT.md>)');
  });

  test('has the same bytes every time', async () => {
    const again = await tempDir('certificates-');
    expectExit(await certify(dataDir, '--output', again), 0);
    expect(await sha256Tree(again)).toEqual(await sha256Tree(output));
  });

  test('stays as it was if the disk is full, without leftovers', async () => {
    const before = await sha256Tree(output);
    await symlink('/dev/full', asideOf(file));
    const failed = await certify(dataDir, '--output', output);
    expectExit(failed, 1);
    expect(failed.stderr).toContain('[DISK_FULL]');
    expect(await sha256Tree(output)).toEqual(before);
  });
});

describe('--check', () => {
  const change = async (edit: (certificate: Certificate) => object) =>
    writeFile(file, JSON.stringify({ ...(await read()), ...edit(await read()) }));

  test('confirms unchanged data', async () => {
    const checked = await certify(dataDir, '--check', file);
    expectExit(checked, 0);
    expect(checked.stdout).toContain('the certificate holds, 71 rows');
  });

  test.each([
    [
      'a value',
      `UPDATE ohlcv SET close = close * 1.0000000000000002 WHERE "timestamp" = '2025-06-02 03:00:00'`,
      /digest: /,
    ],
    [
      'a bar',
      `DELETE FROM ohlcv WHERE "timestamp" = '2025-06-02 03:00:00'`,
      /rows: 71, now 70[\s\S]*gap 2025-06-02T03/,
    ],
    [
      'an archive',
      `UPDATE staged_archives SET sha256 = 'other' WHERE key = '${key('2025-06-02')}'`,
      /sha of 2025-06-02, now other/,
    ],
  ])('names %s that differs, and exits with 1', async (_, edit, difference) => {
    const checked = await certify(await writeWarehouse(edit), '--check', file);
    expectExit(checked, 1);
    expect(checked.stderr).toContain('CERTIFICATE_DIFFERS');
    expect(checked.stderr).toMatch(difference);
  });

  test('names a gap that does not exist', async () => {
    await change(({ gaps: [gap] }) => ({ gaps: [{ ...gap, cause: 'archive_hole' }] }));
    const checked = await certify(dataDir, '--check', file);
    expectExit(checked, 1);
    expect(checked.stderr).toMatch(/archive_hole.*: no longer present/);
    expect(checked.stderr).toMatch(/exchange_outage.*: not in the certificate/);
  });

  test('confirms a certificate after the warehouse has grown', async () => {
    const grown =
      await writeWarehouse(`INSERT INTO ohlcv SELECT symbol, timeframe, instrument_type, "timestamp" + INTERVAL 3 DAY,
      open, high, low, close, volume, close_time, quote_asset_volume, number_of_trades, taker_buy_base_asset_volume,
      taker_buy_quote_asset_volume, data_source FROM ohlcv`);
    expectExit(await certify(grown, '--check', file), 0);
  });

  test('checks every certificate of a folder, and names the series that differ', async () => {
    const held = await certify(dataDir, '--check', output);
    expectExit(held, 0);
    expect(held.stdout).toBe('spot BTCUSDT 1h: the certificate holds, 71 rows\n');
    const copy = (symbol: string) => change(() => ({ symbol })).then(() => file.replace('BTCUSDT', symbol));
    const text = await readFile(file, 'utf8');
    const gone = await copy('GONEUSDT');
    await writeFile(gone, await readFile(file, 'utf8'));
    await writeFile(file, text);
    const changed = await writeWarehouse(`DELETE FROM ohlcv WHERE "timestamp" = '2025-06-02 03:00:00'`);
    const checked = await certify(changed, '--check', output);
    expectExit(checked, 1);
    expect(checked.stdout).toBe('spot BTCUSDT 1h: differs\nspot GONEUSDT 1h: differs\n');
    expect(checked.stderr).toContain('differs from 2 of 2 certificates');
    expect(checked.stderr).toContain('rows: 71, now 70');
    expect(checked.stderr).toContain('the gaps of spot GONEUSDT 1h have not been built');
  });

  test('refuses a folder without a certificate', async () => {
    const refused = await certify(dataDir, '--check', await tempDir('empty-'));
    expectExit(refused, 2);
    expect(refused.stderr).toContain('contains no certificates');
  });

  test('refuses files that are not certificates', async () => {
    await writeFile(file, '{"certificate": 1}');
    const checked = await certify(dataDir, '--check', file);
    expectExit(checked, 2);
    expect(checked.stderr).toContain('this is not a certificate');
  });
});

describe('the library', () => {
  const target = () => ({ target: 'mirror', dataDir, pipeline: join(root, 'pipeline.yaml') });
  const ask = { symbol: 'btc/usdt', timeframe: '1h' } as const;

  test('returns the certificate that the command writes', async () => {
    expect(await getCertificate({ ...ask, ...target() })).toEqual(await read());
    expect(await checkCertificate(await read(), target())).toEqual([]);
    const wrong = { ...(await read()), digest: '0' };
    expect(await checkCertificate(wrong, target())).toEqual([expect.stringMatching(/^digest: 0, now /)]);
  });

  test('certifies a range without its end, and cuts the gap in it', async () => {
    const day = await getCertificate({ ...ask, ...target(), start: '2025-06-01T05:00', end: '2025-06-02' });
    expect(day).toMatchObject({ expected: 19, present: 18, missing: 1, start: '2025-06-01T05:00:00.000Z' });
    const after = await getCertificate({ ...ask, ...target(), start: '2025-06-02' });
    expect(after).toMatchObject({ expected: 48, present: 48, missing: 0, end: '2025-06-04T00:00:00.000Z' });
    expect(await checkCertificate(day, target())).toEqual([]);
  });

  test('refuses series that do not exist', async () => {
    await expect(getCertificate({ ...ask, ...target(), symbol: 'X' })).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    await expect(getCertificate({ ...ask, ...target(), target: 'live' })).rejects.toMatchObject({
      code: 'WAREHOUSE_MISSING',
    });
  });
});

test('selects series by lists, in upper or lower case; an unknown name is refused with a similar one', async () => {
  const chosen = await certify(
    dataDir,
    '--output',
    output,
    '--symbols',
    'btc/usdt',
    '--instrument-type',
    'spot',
    '--timeframes',
    '1h',
  );
  expectExit(chosen, 0);
  expect(chosen.stdout).toMatch(/^spot BTCUSDT 1h: 71 rows, 1 missing, [0-9a-f]{64}\n$/);
  const refused = await certify(dataDir, '--output', output, '--symbols', 'BTCUSD');
  expectExit(refused, 2);
  expect(refused.stderr).toContain('BTCUSDT');
});

test('gaps that contradict the bars are not certified', async () => {
  const stale = await tempDir('stale-');
  await mkdir(dirname(warehouseOf(stale)), { recursive: true });
  await using bench = await openWorkbench();
  const { warehouse } = bench;
  await recordApplied(warehouse, await readMigrations(root), new Date('2025-06-04'));
  await warehouse.run(`INSERT INTO ohlcv SELECT 'A', '1h', 'spot', t, 1, 1, 1, 1, 1, t, 1, 1, 1, 1, 'daily'
    FROM (VALUES (TIMESTAMP '2025-06-01'), (TIMESTAMP '2025-06-01 05:00')) AS r(t)`);
  await warehouse.run(
    `INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('gaps', 'spot/A/1h', 'x', 'run')`,
  );
  await warehouse.run('CHECKPOINT');
  await copyFile(warehouse.file, warehouseOf(stale));
  const refused = await certify(stale, '--output', output);
  expectExit(refused, 1);
  expect(refused.stderr).toContain('has 2 of 6 slots, but its gaps have 0');
});
