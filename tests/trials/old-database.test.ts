import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWarehouse } from '../../engine/duckdb/warehouse.ts';
import { availabilityRows, ohlcvRows, oldAvailability, oldOhlcv } from '../support/old-database.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { queryWarehouse } from '../support/rows.ts';
import { tempDir } from '../support/temp.ts';

const figures = `quote_volume_usdt, trade_count, volume_base, taker_buy_volume_base, taker_buy_quote_volume_usdt,
  open_price, high_price, low_price, close_price`;

test('an old database is refused, is migrated with every row, and the next run fills the nine figures', async () => {
  const dataDir = await tempDir('old-');
  const cli = (...args: readonly string[]) => pipelineInProcess(args, { dataDir });
  const file = join(dataDir, 'sample', 'warehouse.duckdb');
  const count = async (query: string) => (await queryWarehouse(file, query)).rows[0];
  {
    await using old = await openWarehouse({ file });
    const rows = availabilityRows('2025-06-01', '2025-06-20');
    for (const sql of [oldAvailability, rows, oldOhlcv, ohlcvRows]) await old.run(sql);
  }

  const refused = await cli('run');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('error [SCHEMA_OUTDATED]');
  expect(refused.stderr).toContain('pnpm pipeline migrate up');

  for (const words of [
    'run --select rankings',
    'run --dry-run',
    'test',
    'plan',
    'show ohlcv',
    'query summary',
    'query ohlcv BTCUSDT --timeframe 1h',
    'query ohlcv BTCUSDT --timeframe 1h --fetch',
    'certify',
    'schema check',
    'schema diff',
  ]) {
    const { exitCode, stderr } = await cli(...words.split(' '));
    expect([words, exitCode, /error \[SCHEMA_OUTDATED\]/.test(stderr)]).toEqual([words, 2, true]);
  }
  const doctor = await cli('doctor');
  expect([doctor.exitCode, doctor.stdout]).toEqual([
    1,
    expect.stringMatching(/^FAIL {2}warehouse +error \[SCHEMA_OUTDATED\]/m),
  ]);

  expect((await cli('schema', 'check')).stdout).toContain(': daily_availability.close_price is missing');
  expect((await cli('migrate', 'status')).stdout).toContain('  daily_availability: add close_price DOUBLE\n');
  const up = await cli('migrate', 'up');
  expect(up).toMatchObject({ exitCode: 0 });
  expect(up.stdout).toContain('is up to date and kept its 1,481 rows');
  expect(await count('SELECT count(*), count(DISTINCT instrument_type), min(instrument_type) FROM ohlcv')).toEqual([
    1441n,
    1n,
    'spot',
  ]);
  expect(await count('SELECT count(*) FROM daily_availability')).toEqual([40n]);
  expect((await cli('schema', 'diff')).exitCode).toBe(0);

  expect((await cli('run', '--quiet')).exitCode).toBe(0);
  const days = `FROM daily_availability WHERE date BETWEEN '2025-06-01' AND '2025-06-20' AND symbol IN ('BTCUSDT', 'ETHUSDT')`;
  expect(await count(`SELECT count(*) ${days}`)).toEqual([40n]);
  expect(await count(`SELECT count(COLUMNS(*)) FROM (SELECT ${figures} ${days})`)).toEqual(Array(9).fill(40n));
  expect(await count(`SELECT count(*) FROM ohlcv WHERE instrument_type = 'spot' AND timeframe = '1h'`)).toEqual([
    1441n,
  ]);
  expect((await cli('schema', 'check')).exitCode).toBe(0);
});
