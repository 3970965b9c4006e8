import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { runTest } from '../../../engine/duckdb/run-test.ts';
import type { DataTest, ModelContext } from '../../../engine/model.ts';
import type { Database, schema } from '../../../models/schema.ts';
import exceptionsDivideNames from '../../data/exceptions_divide_names.ts';
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

async function pairs() {
  await bench.build('symbols');
  return Object.fromEntries(
    await bench.texts(
      `SELECT symbol, coalesce(base_asset, '?') || '/' || coalesce(quote_asset, '?') FROM symbols ORDER BY symbol`,
    ),
  );
}

const quotes = ['USDT', 'USDC', 'BUSD', 'FDUSD', 'TUSD', 'USD', 'EUR', 'BTC'];
const exceptions = ['BTC/AEUR', 'EUR/AEUR', 'XRP/RLUSD', 'USDT/USD', 'BNB/USD'];

/** The lines of symbol_exceptions that divide names so. */
const exceptionLines = (pairs: readonly string[]) => [
  'name,base_asset,quote_asset',
  ...pairs.map((pair) => [pair.replace('/', ''), ...pair.split('/')].join(',')),
];

/** Rows that a data test of the symbols finds. */
async function found(name: string, test: DataTest<typeof schema>) {
  const context = { db: createCompiler<Database>() } as unknown as ModelContext<Database>;
  const options = { runId: 'run', asOf: utc('2025-07-10T09:00'), failuresDir: failuresDir(bench.warehouse) };
  const outcome = await runTest(
    bench.warehouse,
    {
      name,
      model: 'symbols',
      severity: 'warn',
      place: { file: 'pipeline.yaml', line: 1, column: 1 },
      sql: { failures: compileSql(test.failures(context as never)) },
      reads: ['known_quote_assets', 'symbol_exceptions', 'symbols'],
    },
    options,
  );
  expect(outcome.rowsFailed).toBe(outcome.examples.length);
  return outcome.examples;
}

/** Names that the data test reports, with both readings. */
async function ambiguous(settled: readonly string[] = exceptions, known: readonly string[] = quotes) {
  await bench.seed({ known_quote_assets: ['asset', ...known], symbol_exceptions: exceptionLines(settled) });
  await bench.build('symbols');
  const examples = await found('names_unambiguous', namesUnambiguous);
  return examples.map(({ symbol, read_as, could_be }) => [symbol, read_as, could_be]).sort();
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
    await bench.seed({ symbol_exceptions: exceptionLines(['AD/AEUR']) });
    expect(await pairs()).toMatchObject({
      ...{ BTCAEUR: 'BTCA/EUR', ADAEUR: 'AD/AEUR', BNBUSD: 'BN/BUSD' },
    });
  });

  test('A27: also applies to the settled copies of its name', async () => {
    await list('futures/um', 'BNBUSD', 'BNBUSD_SETTLED1', 'BNBUSD_250627');
    expect(new Set(Object.values(await pairs()))).toEqual(new Set(['BNB/USD']));
  });

  test('A27: must divide its name into base and quote asset', async () => {
    const lines = ['BTCAEUR,BTC,EUR', 'EURAEUR,EUR,AEUR', 'XRPRLUSD,,XRPRLUSD', 'USDTUSD,USDT,USDT'];
    await bench.seed({
      symbol_exceptions: ['name,base_asset,quote_asset', ...lines.map((line) => line.replace(',,', ',"",'))],
    });
    const names = (await found('exceptions_divide_names', exceptionsDivideNames)).map(({ name }) => name);
    expect(names.sort()).toEqual(['BTCAEUR', 'USDTUSD']);
  });

  test('A27: must not contradict another', async () => {
    await expect(bench.seed({ symbol_exceptions: exceptionLines(['BTC/AEUR', 'BTCA/EUR']) })).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: 'the name `BTCAEUR` appears twice (first on line 2)',
      details: { line: 3, column: 1 },
    });
  });
});

describe('an ambiguous name', () => {
  test('A27: is reported with both readings, and is settled by an exception', async () => {
    await list('spot', 'ETHAEUR', 'ETHUSDT', 'BNBUSD', 'BTCTUSD', 'BTCUSDT', 'ADAEUR', 'ADAUSDT');
    expect(await ambiguous()).toEqual([['ETHAEUR', 'ETHA/EUR', 'ETH/AEUR']]);
    expect(await ambiguous([...exceptions, 'ETH/AEUR'])).toEqual([]);
    await list('spot', 'BNBUSDT');
    expect(await ambiguous([])).toEqual([['BNBUSD', 'BN/BUSD', 'BNB/USD']]);
    expect(await ambiguous(['BN/BUSD'])).toEqual([]);
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
