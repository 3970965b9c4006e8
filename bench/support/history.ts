import { join } from 'node:path';
import { msOfDay } from '../../exchange/timeframes.ts';
import { type ArchiveSet, daysFrom, type MadeArchives, makeArchives, monthsFrom, symbolNames } from './archive-set.ts';
import { type BenchOptions, scaled } from './options.ts';
import type { Project } from './pipeline.ts';
import { type ListingServer, type Served, serveFiles, serveListing } from './servers.ts';

export interface HistoryArchive extends AsyncDisposable {
  readonly archives: MadeArchives;
  readonly files: Served;
  readonly listing: ListingServer;
  readonly symbols: number;
  /** Data lines of all archives. */
  readonly rows: number;
  readonly project: (name: string) => Project;
}

const months = monthsFrom('2019-07', 72);
const days = daysFrom('2025-07-01', 31);

/** Six years of all symbols at 1d: monthly files, daily ones for the month without a file yet, 1m only listed. */
export async function serveHistory(options: BenchOptions): Promise<HistoryArchive> {
  const symbols = symbolNames(scaled(1000, options));
  const trees: ArchiveSet['trees'] = [
    { cadence: 'monthly', timeframe: '1d', periods: months },
    { cadence: 'daily', timeframe: '1d', periods: days },
    { cadence: 'daily', timeframe: '1m', periods: days, listedOnly: true },
  ];
  const archives = await makeArchives({ name: 'history', symbols, trees }, options);
  const files = await serveFiles(archives.directory, options.latencyMs);
  const listing = await serveListing(archives.index, options.latencyMs);
  const end = Date.parse('2025-08-01');
  const rows = symbols.length * ((end - Date.parse('2019-07-01')) / msOfDay);
  return {
    ...{ archives, files, listing, symbols: symbols.length, rows },
    project: (name) => ({
      ...{ dataDir: join(options.work, name), archiveUrl: files.url, listingUrl: listing.url },
      ...{ asOf: '2025-08-01T09:00:00Z', timeframe: '1d', availability: '1m' },
    }),
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]();
      await listing[Symbol.asyncDispose]();
    },
  };
}
