import fc from 'fast-check';
import { test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const symbols = smallArchive.symbols.filter((symbol) => symbol !== 'XRPUSDT');
const days = smallArchive.days.slice(-20);
const newest = days.at(-1) ?? '';

/** What may happen between two runs, and how the next run is asked for. */
const happening = fc.oneof(
  fc.record({
    type: fc.constant('re-issued' as const),
    symbol: fc.constantFrom(...symbols),
    day: fc.constantFrom(...days),
  }),
  fc.record({ type: fc.constant('published' as const), symbol: fc.constantFrom(...symbols) }),
  fc.record({
    type: fc.constant('run' as const),
    select: fc.constantFrom(
      [],
      ['--select', 'rankings'],
      ['--select', 'availability'],
      ['--select', 'market'],
      ['--select', '+ohlcv'],
      ['--select', '+daily_availability'],
      ['--select', 'klines+'],
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

test('whatever happened before, one run from there equals one run from nothing', async () => {
  const run = (dataDir: string, url: string, vars: object, args: readonly string[]) =>
    pipelineInProcess(
      [
        ...['run', '--target', 'mirror', '--as-of', smallArchive.asOf],
        ...['--vars', JSON.stringify({ availability_timeframe: '1d', ...vars }), ...args],
      ],
      { dataDir, env: { PIPELINE_ARCHIVE_URL: url } },
    );

  const property = fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 6 }), async (history) => {
    const archive = await writeSmallArchive(await tempDir('small-'), { symbols, days: days.slice(0, -1) });
    await using server = await serveArchive(archive.directory);
    const dataDir = await tempDir('history-');
    expectExit(await run(dataDir, server.url, {}, []), 0);
    let edition = 1;
    for (const event of history) {
      const published = new Date(Date.parse(newest) + 3_600_000 * ++edition);
      if (event.type === 're-issued') await archive.putDay(event.symbol, event.day, { edition, published });
      else if (event.type === 'published') await archive.putDay(event.symbol, newest, { published });
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
  await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 5), endOnFailure: true });
});
