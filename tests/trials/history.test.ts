import fc from 'fast-check';
import { test } from 'vitest';
import { dailyBar, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const symbols: readonly string[] = smallArchive.symbols.filter((symbol) => symbol !== 'XRPUSDT');
const days = smallArchive.days.slice(-20);
const newest = days.at(-1) ?? '';
const june = days.filter((day) => day.startsWith('2025-06'));
/** Their monthly file of June is missing at first. */
const monthLater = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'];

/** Something that happens between two runs, and the arguments of the next run. */
const happening = fc.oneof(
  fc.record({
    type: fc.constant('re-issued' as const),
    symbol: fc.constantFrom(...symbols),
    day: fc.constantFrom(...days),
  }),
  fc.record({ type: fc.constant('published' as const), symbol: fc.constantFrom(...symbols) }),
  fc.record({
    type: fc.constant('month published' as const),
    symbol: fc.constantFrom(...monthLater),
    missing: fc.nat(3),
  }),
  fc.record({
    type: fc.constant('run' as const),
    select: fc.constantFrom(
      [],
      ['--select', 'rankings'],
      ['--select', 'availability'],
      ['--select', 'market'],
      ['--select', '+ohlcv'],
      ['--select', '+daily_availability'],
      ['--select', 'listing+'],
      ['--exclude', 'rankings'],
    ),
    flags: fc.constantFrom([], ['--relist'], ['--full-refresh'], ['--start', '2025-06-25', '--end', '2025-07-03']),
    vars: fc.constantFrom(
      {},
      { grace_days: 2 },
      { ranking_quote_assets: ['USDT', 'USDC'] },
      { usd_quote_assets: ['USDT', 'USDC'] },
      { collect_volume: false },
    ),
  }),
);

/** The changing archive: daily and monthly files of a symbol always agree about a day. */
async function changingArchive() {
  const archive = await writeSmallArchive(await tempDir('small-'), { symbols, days: days.slice(0, -1) });
  const monthDays = new Map(symbols.map((symbol) => [symbol, june]));
  const editions = new Map<string, number>();
  const editionOf = (symbol: string, day: string) => editions.get(`${symbol} ${day}`) ?? 0;
  const putMonth = (symbol: string, published: Date) =>
    archive.putMonth(symbol, monthDays.get(symbol) ?? [], {
      rows: (monthDays.get(symbol) ?? []).map((day) => dailyBar(symbol, day, editionOf(symbol, day))),
      published,
    });
  for (const symbol of monthLater) {
    await archive.remove(await archive.putMonth(symbol, june));
    monthDays.delete(symbol);
  }
  return {
    directory: archive.directory,
    async publishDay(symbol: string, day: string, published: Date, edition = 0) {
      editions.set(`${symbol} ${day}`, edition);
      await archive.putDay(symbol, day, { edition, published });
      if (monthDays.get(symbol)?.includes(day)) await putMonth(symbol, published);
    },
    async publishMonth(symbol: string, missing: number, published: Date) {
      monthDays.set(symbol, june.slice(missing));
      await putMonth(symbol, published);
    },
  };
}

const run = (dataDir: string, url: string, vars: object, args: readonly string[]) =>
  pipelineInProcess(
    [
      ...['run', '--target', 'mirror', '--as-of', smallArchive.asOf],
      ...['--vars', JSON.stringify({ availability_timeframe: '1d', ...vars }), ...args],
    ],
    { dataDir, env: { PIPELINE_ARCHIVE_URL: url } },
  );

test('A15 A18: after any history, one run gives the same as one run from nothing', async () => {
  const property = fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 5 }), async (history) => {
    const archive = await changingArchive();
    await using server = await serveArchive(archive.directory);
    const dataDir = await tempDir('history-');
    expectExit(await run(dataDir, server.url, {}, []), 0);
    for (const [at, event] of history.entries()) {
      const published = new Date(Date.parse(newest) + 3_600_000 * (at + 1));
      if (event.type === 're-issued') await archive.publishDay(event.symbol, event.day, published, at + 1);
      else if (event.type === 'published') await archive.publishDay(event.symbol, newest, published);
      else if (event.type === 'month published') await archive.publishMonth(event.symbol, event.missing, published);
      else {
        await server.rescan();
        expectExit(await run(dataDir, server.url, event.vars, [...event.select, ...event.flags]), 0);
      }
    }
    await server.rescan();
    expectExit(await run(dataDir, server.url, {}, ['--relist']), 0);
    const fromNothing = await tempDir('from-nothing-');
    expectExit(await run(fromNothing, server.url, {}, []), 0);
    await expectSameRows(dataDir, await publishedRows(fromNothing));
  });
  await fc.assert(property, { numRuns: 4, endOnFailure: true });
});
