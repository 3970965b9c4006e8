import { join } from 'node:path';
import { msOfDay } from '../exchange/timeframes.ts';
import { makeArchives, monthsFrom, symbolNames } from './support/archive-set.ts';
import { serveHistory } from './support/history.ts';
import { raceLoads } from './support/load.ts';
import { type BenchOptions, type Figure, scaled } from './support/options.ts';
import { raceRankings } from './support/rankings.ts';
import { serveFiles, serveListing } from './support/servers.ts';

const months = monthsFrom('2024-08', 10);
const minutesOfThem = ((Date.parse('2025-06-01') - Date.parse('2024-08-01')) / msOfDay) * 1_440;

/** S3 and S4: from staged CSVs to ohlcv, and from ohlcv to the exports. */
export async function benchBuild(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  if (options.wants('s3-large')) figures.push(...(await loadLarge(options)));
  if (options.wants('s3-small')) figures.push(...(await loadSmall(options)));
  if (options.wants('s4')) figures.push(...(await raceRankings(options)));
  return figures;
}

async function loadLarge(options: BenchOptions): Promise<readonly Figure[]> {
  const symbols = symbolNames(scaled(20, options));
  const trees = [{ cadence: 'monthly', timeframe: '1m', periods: months }] as const;
  const archives = await makeArchives({ name: 'months', symbols, trees }, options);
  await using files = await serveFiles(archives.directory, 0);
  await using listing = await serveListing(archives.index, 0);
  return await raceLoads({
    title: `${archives.zips.length} files of 6 MB`,
    project: {
      ...{ dataDir: join(options.work, 'months'), archiveUrl: files.url, listingUrl: listing.url },
      ...{ asOf: '2025-06-10T09:00:00Z', timeframe: '1m', availability: '1m' },
    },
    options,
    rows: symbols.length * minutesOfThem,
    atMost: 1.3,
    rowsPerSecond: 1e6,
  });
}

async function loadSmall(options: BenchOptions): Promise<readonly Figure[]> {
  await using history = await serveHistory({ ...options, latencyMs: 0 });
  const project = history.project('small-files');
  const title = `${history.archives.zips.length} small files`;
  return await raceLoads({ title, project, options, rows: history.rows, atMost: 0.5 });
}
