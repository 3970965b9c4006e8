import { beforeAll, describe, expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await writeWarehouse();
  await using warehouse = await openWarehouse({ file: fixture.file });
  // Lists all of futures-um, and one symbol of spot.
  await warehouse.run(`INSERT INTO archive_objects
    SELECT format('data/{}', symbol), 'futures-um', 'daily', symbol, '1d', DATE '2025-05-01', DATE '2025-06-10', 500, 'e',
      TIMESTAMP '2025-06-10', TIMESTAMP '2025-06-10'
    FROM (SELECT unnest(['LISTEDUSDT', 'BADUSDT'] || list_transform(range(40), n -> format('COIN{}USDT', n))) AS symbol)`);
  await warehouse.run(`INSERT INTO archive_objects VALUES ('data/spot', 'spot', 'daily', 'BTCUSDT', '1h', '2024-01-01', '2024-03-01',
    500, 'e', '2024-03-01', '2024-03-01')`);
  await warehouse.run(`INSERT INTO staged_archives (key, instrument_type, cadence, symbol, status, reason, staged_at)
    VALUES ('data/BADUSDT', 'futures-um', 'daily', 'BADUSDT', 'rejected', 'not_a_number', '2025-06-10')`);
  await warehouse.run(`INSERT INTO symbols (instrument_type, symbol, base_asset, quote_asset, contract_type, first_date, last_date, spells)
    SELECT 'futures-um', symbol, 'X', quote, contract, '2025-05-01', '2025-06-09', 1 FROM (VALUES
      ('BTCUSDT', 'USDT', 'perpetual'), ('BTCUSDC', 'USDC', 'perpetual'), ('OLDUSDTSETTLED', 'USDT', 'settled'),
      ('BTCUSDT_260327', 'USDT', 'delivery'), ('ODDXYZ', NULL, 'perpetual'), ('QUIETUSDT', 'USDT', 'perpetual')
    ) AS given(symbol, quote, contract)`);
});

const ask = async (...words: readonly string[]) => pipelineInProcess(['query', ...words], { dataDir: fixture.dataDir });

describe('--fetch is suggested only if it can help', () => {
  const bars = (symbol: string, market: string) =>
    ask('ohlcv', symbol, '--timeframe', '1d', '--instrument-type', market);

  test.each([
    ['LISTEDUSDT', 'futures-um', 'add --fetch'],
    ['ANYUSDT', 'spot', 'add --fetch'],
  ])('%s of %s may be in the archive', async (symbol, market, hint) => {
    const { exitCode, stderr } = await bars(symbol, market);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(hint)]);
  });

  test.each([
    ['NOSUCHCOIN', 'the archive does not list NOSUCHCOIN for futures-um'],
    ['BADUSDT', 'pnpm pipeline query rejected --instrument-type futures-um'],
  ])('%s cannot be fetched', async (symbol, hint) => {
    const { exitCode, stderr } = await bars(symbol, 'futures');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(hint)]);
    expect(stderr).not.toContain('--fetch');
  });
});

test.each([
  ['BTCUSDC', 'it is quoted in USDC'],
  ['OLDUSDTSETTLED', 'it is a settled copy'],
  ['BTCUSDT_260327', 'it is a delivery contract'],
  ['ODDXYZ', 'its quote asset is not known'],
  ['QUIETUSDT', 'it has no trades on a ranked day'],
])('%s exists but is not ranked: %s', async (symbol, why) => {
  const { exitCode, stderr } = await ask('rank', symbol);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`${symbol} exists, but is not ranked: ${why}`);
});

test('1M is a month, and 1m a minute', async () => {
  expect((await ask('ohlcv', 'BTCUSDT', '--timeframe', '1M')).stderr).toContain(
    'there are no 1mo bars of BTCUSDT, spot',
  );
  expect((await ask('ohlcv', 'BTCUSDT', '--timeframe', '1d', '--resample', '1M')).stdout).toContain(',1mo,');
  expect((await ask('ohlcv', 'BTCUSDT', '--timeframe', '1m')).exitCode).toBe(0);
});

describe('a range outside the record reports what the record covers', () => {
  const days = '2025-05-01 … 2025-06-09, 40 days';
  const january = '2024-01-01 … 2024-02-29, 60 days';

  test.each([
    ['range 2020-01-01 2020-02-01', days, 'none'],
    ['range 2025-06-01 2025-07-01', days, 'not all'],
    ['coverage --end 2020-01-01', days, 'none'],
    ['timeline BTCUSDT --start 2030-01-01', days, 'none'],
    ['volume BTCUSDT --start 2020-01-01', days, 'not all'],
    ['rank BTCUSDT --end 2020-01-01', days, 'none'],
    ['ohlcv BTCUSDT --timeframe 1h --start 2030-01-01', january, 'none'],
    ['ohlcv BTCUSDT --timeframe 1h --start 2024-02-01 --end 2024-04-01', january, 'not all'],
    ['ohlcv BTCUSDT --timeframe 1h --resample 4h --end 2020-01-01', january, 'none'],
    ['gaps --symbol BTCUSDT --instrument-type spot --start 2030-01-01', january, 'none'],
    ['basis BTCUSDT --timeframe 1h --start 2030-01-01', january, 'none'],
  ])('%s', async (words, covers, share) => {
    const { exitCode, stderr } = await ask(...words.split(' '));
    expect(stderr).toContain(`the record covers ${covers}: ${share} of this range\n`);
    expect(exitCode).toBe(0);
  });

  test('and one within it reports nothing', async () => {
    for (const words of [
      'range 2025-05-01 2025-06-10',
      'ohlcv BTCUSDT --timeframe 1h --start 2024-01-01 --end 2024-03-01',
    ])
      expect((await ask(...words.split(' '))).stderr).not.toContain('the record covers');
  });
});

test('a completion script has the symbols of the warehouse, and is also written without one', async () => {
  const script = async (dataDir: string) => (await pipelineInProcess(['completion', 'bash'], { dataDir })).stdout;
  expect(await script(fixture.dataDir)).toMatch(/^ {4}--symbols\) words="BTCUSDC BTCUSDT BTCUSDT_260327 /m);
  const without = await script(await tempDir('empty-'));
  expect(without).not.toContain('--symbols) words=');
  expect(without).toContain('--target) words="sample live mirror"');
});
