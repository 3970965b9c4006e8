import { beforeAll, describe, expect, test } from 'vitest';
import { openWarehouse as openDatabase } from '../../../engine/duckdb/warehouse.ts';
import { basis, openWarehouse, type QueryWarehouse } from '../../../queries/index.ts';
import { pipelineInProcess } from '../../support/pipeline.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

/** Days of a series from 2024-03-01 on with these closes; null is a day without a bar. */
const daily = (market: string, symbol: string, closes: readonly (number | null)[], timeframe = '1d') =>
  closes.flatMap((close, at) =>
    close === null
      ? []
      : [
          `('${symbol}', '${timeframe}', '${market}', TIMESTAMP '2024-03-01' + INTERVAL ${at} DAY, 1, ${close}, 0.1, ${close}, 1,
            TIMESTAMP '2024-03-01 23:59:59.999' + INTERVAL ${at} DAY, 1, 1, 0, 0, 'monthly')`,
        ],
  );

let fixture: Fixture;
let warehouse: QueryWarehouse;
beforeAll(async () => {
  fixture = await writeWarehouse();
  {
    await using database = await openDatabase({ file: fixture.file });
    const rows = [
      ...daily('spot', 'XRPUSDT', [0.2, 0.2, null, 0.4, 0.5]),
      ...daily('futures-um', 'XRPUSDT', [0.3, null, 0.3, 0.3, 0.5]),
      ...daily('futures-um', 'XRPUSDT_240304', [0.21, 0.21, 0.21, 0.41, 0.5]),
      ...daily('futures-cm', 'XRPUSD_PERP', [0.21]),
      ...daily('futures-um', 'ONLYUSDT', [1]),
      ...daily('spot', 'SPOTUSDT', [1]),
    ];
    await database.run(`INSERT INTO ohlcv VALUES ${rows.join(', ')}`);
  }
  warehouse = await openWarehouse({ file: fixture.file });
  return () => warehouse[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]) =>
  pipelineInProcess(['query', 'basis', ...args], { dataDir: fixture.dataDir });

describe('basis', () => {
  test('has the bars that both sides have, exact to the last digit', async () => {
    const rows = await warehouse.rows(basis, { symbol: 'xrp/usdt' });
    expect(rows.map(({ timestamp, ...row }) => [timestamp.toISOString().slice(0, 10), ...Object.values(row)])).toEqual([
      ['2024-03-01', 0.2, 0.3, 0.1, 50, null],
      ['2024-03-04', 0.4, 0.3, -0.1, -25, null],
      ['2024-03-05', 0.5, 0.5, 0, 0, null],
    ]);
    expect(0.3 - 0.2).not.toBe(0.1);
  });

  test('of a delivery contract is also in percent per year, until its delivery', async () => {
    const rows = await warehouse.rows(basis, { symbol: 'XRPUSDT_240304', end: '2024-03-06' });
    const days = (Date.parse('2024-03-04T08:00Z') - Date.parse('2024-03-01T23:59:59.999Z')) / 86_400_000;
    expect(rows[0]?.basis_pct).toBe(5);
    expect(rows[0]?.annualised_pct).toBeCloseTo((5 * 365) / days, 3);
    expect(rows.at(-1)?.annualised_pct).toBeNull();
  });

  test('of a coin-margined contract is against USDT, by default of the perpetual', async () => {
    for (const symbol of ['XRPUSD_PERP', 'XRPUSD', 'XRPUSDT']) {
      const rows = await warehouse.rows(basis, { symbol, instrumentType: 'futures-cm' });
      expect(rows.map((row) => [row.spot_close, row.futures_close])).toEqual([[0.2, 0.21]]);
    }
  });

  test('takes a timeframe, and a range without its end (B9)', async () => {
    const hours = await warehouse.rows(basis, { symbol: 'BTCUSDT', timeframe: '1h', end: '2024-01-01T05:00' });
    expect(hours.map(({ timestamp }) => timestamp.getUTCHours())).toEqual([0, 1, 2, 3, 4]);
  });

  test('prints both sides, the units and what is left out to stderr', async () => {
    const { exitCode, stdout, stderr } = await ask('XRPUSDT');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[0]).toBe('timestamp,spot_close,futures_close,basis,basis_pct,annualised_pct');
    expect(stderr).toContain(
      'target sample (synthetic data) · spot XRPUSDT against futures-um XRPUSDT · XRPUSDT · 1d\n',
    );
    expect(stderr).toContain('basis_pct in percent of spot');
    expect(stderr).toContain('2 bars that only one side has are left out\n');
  });

  test.each([
    ['ONLYUSDT', 'there are no 1d bars of ONLYUSDT, spot', '--instrument-type spot --symbols ONLYUSDT --timeframes 1d'],
    ['SPOTUSDT', 'there are no 1d bars of SPOTUSDT, futures-um', '--instrument-type futures-um --symbols SPOTUSDT'],
  ])('of %s, which has only one side, says how to load the other', async (symbol, problem, command) => {
    const { exitCode, stdout, stderr } = await ask(symbol);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
    expect(stderr).toContain(command);
  });

  test('of spot against spot is refused', async () => {
    const { exitCode, stderr } = await ask('XRPUSDT', '--instrument-type', 'spot');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('use one of: futures-um, futures-cm');
  });
});
