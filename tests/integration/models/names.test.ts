import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createVars } from '../../../engine/config/vars.ts';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { runTest } from '../../../engine/duckdb/run-test.ts';
import type { ModelContext } from '../../../engine/model.ts';
import type { Database } from '../../../models/schema.ts';
import namesUnambiguous from '../../data/names_unambiguous.ts';
import { failuresDir, utc } from '../../support/engine.ts';
import { readCsv } from '../../support/rows.ts';
import { describeShared, sharedPath } from '../../support/shared.ts';
import { type Listed, openWorkbench, type Workbench } from './workbench.ts';

type Market = NonNullable<Listed['market']>;

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});
beforeEach(() => bench.reset());

const list = (market: Market, ...symbols: readonly string[]) =>
  bench.list(...symbols.map((symbol) => ({ symbol, market, period: '2025-07-01' })));

async function pairs(vars: Readonly<Record<string, unknown>> = {}) {
  await bench.build('symbols', { vars });
  return Object.fromEntries(
    await bench.texts(
      `SELECT symbol, coalesce(base_asset, '?') || '/' || coalesce(quote_asset, '?') FROM symbols ORDER BY symbol`,
    ),
  );
}

const quotes = ['USDT', 'USDC', 'BUSD', 'FDUSD', 'TUSD', 'USD', 'EUR', 'BTC'];
const exceptions = ['BTCAEUR=BTC/AEUR', 'EURAEUR=EUR/AEUR', 'XRPRLUSD=XRP/RLUSD', 'USDTUSD=USDT/USD', 'BNBUSD=BNB/USD'];

/** The names that the data test reports, with both readings. */
async function ambiguous(settled: readonly string[] = exceptions, known: readonly string[] = quotes) {
  const values = { known_quote_assets: known, symbol_exceptions: settled };
  await bench.build('symbols', { vars: values });
  const context = { db: createCompiler<Database>(), vars: createVars(values) } as unknown as ModelContext<Database>;
  const options = { runId: 'run', asOf: utc('2025-07-10T09:00'), failuresDir: failuresDir(bench.warehouse) };
  const outcome = await runTest(
    bench.warehouse,
    {
      name: 'names_unambiguous',
      model: 'symbols',
      severity: 'warn',
      place: { file: 'pipeline.yaml', line: 1, column: 1 },
      sql: { failures: compileSql(namesUnambiguous.failures(context as never)) },
      reads: ['symbols'],
    },
    options,
  );
  expect(outcome.rowsFailed).toBe(outcome.examples.length);
  return outcome.examples.map(({ symbol, read_as, could_be }) => [symbol, read_as, could_be]).sort();
}

describe('a coin-margined name', () => {
  test('A27: is BASE + USD, even if a known quote asset is longer', async () => {
    await list(
      'futures/cm',
      'BNBUSD_PERP',
      'DOTUSD_PERP',
      'VETUSD_250627',
      'BTCUSD_PERP_SETTLED2',
      'USD_PERP',
      'BTCEUR_PERP',
    );
    expect(await pairs()).toEqual({
      BNBUSD_PERP: 'BNB/USD',
      DOTUSD_PERP: 'DOT/USD',
      VETUSD_250627: 'VET/USD',
      BTCUSD_PERP_SETTLED2: 'BTC/USD',
      USD_PERP: '?/?',
      BTCEUR_PERP: '?/?',
    });
  });

  test('A27: of any base is read that way, in any state of the contract', async () => {
    const base = fc.stringMatching(/^[A-Z0-9]{1,8}$/);
    const suffix = fc.constantFrom(
      '_PERP',
      '_250627',
      '_PERPSETTLED',
      '_PERP_SETTLED3',
      '_250627_SETTLED',
      'SETTLEDSETTLED1',
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(base, suffix), { minLength: 50, maxLength: 80 }), async (names) => {
        await bench.reset();
        await list('futures/cm', ...new Set(names.map(([name, end]) => `${name}USD${end}`)));
        expect(await pairs()).toEqual(
          Object.fromEntries(names.map(([name, end]) => [`${name}USD${end}`, `${name}/USD`])),
        );
      }),
      { numRuns: 5 },
    );
  });
});

describe('an exception to the longest suffix', () => {
  test('A27: is data, and other names with that suffix are not affected', async () => {
    await list('spot', 'BTCAEUR', 'EURAEUR', 'XRPRLUSD', 'USDTUSD', 'BNBUSD', 'ADAEUR', 'BNBBUSD', 'BTCTUSD');
    const other = { ADAEUR: 'ADA/EUR', BNBBUSD: 'BNB/BUSD', BTCTUSD: 'BTC/TUSD' };
    expect(await pairs()).toEqual({
      ...{ BTCAEUR: 'BTC/AEUR', EURAEUR: 'EUR/AEUR', XRPRLUSD: 'XRP/RLUSD', USDTUSD: 'USDT/USD', BNBUSD: 'BNB/USD' },
      ...other,
    });
    expect(await pairs({ symbol_exceptions: ['ADAEUR=AD/AEUR'] })).toMatchObject({
      ...{ BTCAEUR: 'BTCA/EUR', ADAEUR: 'AD/AEUR', BNBUSD: 'BN/BUSD' },
    });
  });

  test('A27: also applies to the settled copies of its name', async () => {
    await list('futures/um', 'BNBUSD', 'BNBUSD_SETTLED1', 'BNBUSD_250627');
    expect(new Set(Object.values(await pairs()))).toEqual(new Set(['BNB/USD']));
  });

  test.each([
    ['BTCAEUR', 'does not divide its name'],
    ['BTCAEUR=BTC/EUR', 'does not divide its name'],
    ['BTCAEUR=/BTCAEUR', 'does not divide its name'],
    ['BTCAEUR=BTC/A/EUR', 'does not divide its name'],
    ['BTCAEUR=BTCA/EUR', 'contradicts BTCAEUR=BTC/AEUR'],
  ])('A27: %s is refused', async (entry, problem) => {
    await expect(
      bench.build('symbols', { vars: { symbol_exceptions: ['BTCAEUR=BTC/AEUR', entry] } }),
    ).rejects.toMatchObject({
      code: 'VAR_INVALID',
      message: expect.stringContaining(problem),
      details: { key: 'symbol_exceptions', value: entry },
    });
  });
});

describe('an ambiguous name', () => {
  test('A27: is reported with both readings, and is settled by an exception', async () => {
    await list('spot', 'ETHAEUR', 'ETHUSDT', 'BNBUSD', 'BTCTUSD', 'BTCUSDT', 'ADAEUR', 'ADAUSDT');
    expect(await ambiguous()).toEqual([['ETHAEUR', 'ETHA/EUR', 'ETH/AEUR']]);
    expect(await ambiguous([...exceptions, 'ETHAEUR=ETH/AEUR'])).toEqual([]);
    await list('spot', 'BNBUSDT');
    expect(await ambiguous([])).toEqual([['BNBUSD', 'BN/BUSD', 'BNB/USD']]);
    expect(await ambiguous(['BNBUSD=BN/BUSD'])).toEqual([]);
  });

  test('A27: is ambiguous even if the other quote asset is known only as a base asset', async () => {
    await list('spot', 'ETHXUSD', 'ETHUSDT');
    expect(await ambiguous()).toEqual([]);
    await list('spot', 'XUSDUSDT');
    expect(await ambiguous()).toEqual([['ETHXUSD', 'ETHX/USD', 'ETH/XUSD']]);
  });

  test('A27: is never coin-margined, and never without a quote asset', async () => {
    await list('futures/cm', 'BNBUSD_PERP', 'DOTUSD_PERP');
    await list('spot', 'FOOBAR', 'DOTUSDT', 'USD');
    expect(await ambiguous([])).toEqual([]);
  });
});

describeShared('the 1,007 names of the USD-M tree', () => {
  test('A27: are all unambiguous', async () => {
    const { rows } = await readCsv(sharedPath('real-archive/expected-symbols.csv'));
    await list('futures/um', ...rows.map(([symbol = '']) => symbol));
    const known = 'USDT, USDC, BUSD, FDUSD, TUSD, USD1, USD, USDS, PAX, TRY, EUR, GBP, BRL, AUD, BTC, ETH, BNB, U';
    expect(await ambiguous(exceptions, known.split(', '))).toEqual([]);
  });
});
