import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { utc } from '../../support/engine.ts';
import { type Cell, rankingsOf } from './ranking-oracle.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
  return () => bench[Symbol.asyncDispose]();
});

const start = utc('2025-05-20T00:00');
const lastDay = 44;
/** The morning after the last day, so that the newest days can be incomplete. */
const asOf = utc('2025-07-04T09:00');
const dateOf = (day: number) => new Date(start.getTime() + day * 86_400_000).toISOString().slice(0, 10);

/** Days cluster at distances that matter to look-backs: 1, 7, 14 and 30 days apart, and at the end. */
const someDay = fc.oneof(
  fc.constantFrom(0, 1, 7, 14, 30, 31, lastDay - 1, lastDay),
  fc.integer({ min: 0, max: lastDay }),
);
const history: fc.Arbitrary<readonly Cell[]> = fc.uniqueArray(
  fc.record({
    symbol: fc.constantFrom('AUSDT', 'BUSDT', 'CUSDT', 'DUSDT', '1000EUSDT', 'FUSDC', 'GUSDTSETTLED', 'HUSDT_250926'),
    day: someDay,
    listed: fc.boolean(),
    volume: fc.integer({ min: 0, max: 4 }),
    trades: fc.integer({ min: 0, max: 2 }),
  }),
  { selector: ({ symbol, day }) => `${symbol} ${day}`, minLength: 5, maxLength: 60 },
);
/** A history with the delivery in which each file arrives; the listing and the bar of a cell may arrive separately. */
const arrivals = history.chain((cells) => {
  const delivery = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), {
    minLength: cells.length,
    maxLength: cells.length,
  });
  return fc.record({ cells: fc.constant(cells), deliveries: delivery });
});

async function deliver(cells: readonly Cell[], isListed: (at: number) => boolean, isTraded: (at: number) => boolean) {
  await bench.list(
    ...cells
      .filter((cell, at) => cell.listed && isListed(at))
      .map(({ symbol, day }) => ({ symbol, period: dateOf(day), timeframe: '1m', modified: '2025-07-01 00:00:00' })),
  );
  await bench.trade(
    ...cells
      .filter((cell, at) => cell.volume > 0 && isTraded(at))
      .map(({ symbol, day, volume, trades }) => ({ symbol, date: dateOf(day), quoteVolume: volume, trades })),
  );
  for (const name of ['symbols', 'daily_availability', 'volume_rankings']) await bench.build(name, { asOf });
}

const tables = async () => ({
  availability: await bench.texts('SELECT * FROM daily_availability ORDER BY date, symbol'),
  rankings: await bench.texts('SELECT * FROM volume_rankings ORDER BY date, rank, symbol'),
});

/** Figures as numbers, percentile and share as FLOATs; without generation_timestamp. */
const plain = (row: readonly (string | null)[]) =>
  row
    .slice(0, -1)
    .map((text, at) => (at < 2 || text === null ? text : Math.fround(Number(text))))
    .join('|');

test('rankings of any history follow the rules, whether built at once or as files arrive in any order (B2, B3, A21)', async () => {
  await fc.assert(
    fc.asyncProperty(arrivals, async ({ cells, deliveries }) => {
      await bench.reset();
      await deliver(
        cells,
        () => true,
        () => true,
      );
      const full = await tables();
      expect(full.rankings.map(plain)).toEqual(rankingsOf(cells, start, asOf));

      await bench.reset();
      for (const delivery of [0, 1, 2])
        await deliver(
          cells,
          (at) => deliveries[at]?.[0] === delivery,
          (at) => deliveries[at]?.[1] === delivery,
        );
      expect(await tables()).toEqual(full);
    }),
    { numRuns: 6 },
  );
}, 150_000);
