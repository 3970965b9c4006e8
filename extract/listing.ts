import { join } from 'node:path';
import { defineExtract, type ExtractContext, isAbort, PipelineError } from '../engine/index.ts';
import { type ArchiveClient, createClient } from './archive/client.ts';
import { type Cadence, marketPrefix, type Series, seriesId } from './archive/keys.ts';
import { list } from './archive/list.ts';
import { openArchive } from './archive/open.ts';
import { dailyTimeframes, type Timeframe } from './archive/timeframes.ts';
import { forEachConcurrent } from './concurrent.ts';
import { createArchiveListing } from './listing/archive-listing.ts';
import { archiveObjectsFeed } from './listing/feed.ts';
import { refreshSeries } from './listing/refresh.ts';
import { keepSeries, type ListedSeries, peekSeries, seriesFile, storedSeries } from './listing/series-state.ts';
import { symbolsOf } from './listing/symbols.ts';
import { type ListingOptions, parseListingOptions, timeframeOf } from './options.ts';

const stateDirectory = (stagingDir: string): string => join(stagingDir, 'listing');

/**
 * Lists the archive: symbols are the listing's prefixes, and each (cadence, timeframe, symbol) is one paged listing,
 * incremental where its state allows. Its output is an `ArchiveListing`; it feeds `archive_objects`.
 */
export default defineExtract({
  async run(context) {
    const options = parseListingOptions(context.options);
    const { signal, asOf, target, vars } = context;
    const archive = await context.share('archive', () => openArchive(target.archive, { asOf, signal }));
    // A sample or a folder is served by this process, listings included.
    const listingUrl = target.listing === target.archive ? archive.url : (target.listing ?? archive.url);
    const directory = stateDirectory(context.stagingDir);
    await using client = createClient({ connections: options.connections, signal });

    const wanted = wantedTrees(options, context);
    const symbols = await listSymbols(client, listingUrl, wanted, options, context);
    const series = wanted.flatMap(({ cadence, timeframe }) =>
      (symbols.get(cadence) ?? []).map((symbol): Series => {
        return { instrument_type: options.instrument_type, cadence, timeframe, symbol };
      }),
    );
    keepSeries(directory, series);

    const listed: ListedSeries[] = [];
    const failures: PipelineError[] = [];
    const totals = { objects: 0, new: 0, reissued: 0, gone: 0, skipped: 0 };
    let done = 0;
    const report = () => {
      const { retries } = client.stats;
      context.progress({ done, total: series.length, unit: 'series', records: totals.objects, retries });
    };
    const refreshOptions = {
      client,
      listingUrl,
      directory,
      asOf,
      relist: context.relist,
      relistAfter: vars.duration('relist_after'),
    };
    report();
    await forEachConcurrent(series, options.connections, async (one) => {
      try {
        const refreshed = await refreshSeries(one, refreshOptions);
        listed.push({ series: one, head: refreshed.head });
        totals.objects += refreshed.head.objects;
        totals.new += refreshed.added;
        totals.reissued += refreshed.changed;
        totals.gone += refreshed.gone;
        totals.skipped += refreshed.skipped.length;
        for (const key of refreshed.skipped) context.warn(`skipped ${key}: its name is not of the archive's layout`);
      } catch (error) {
        if (isAbort(error) || !(error instanceof PipelineError) || !mayBePassing.has(error.code)) throw error;
        failures.push(error);
        context.warn(`could not list ${seriesId(one)}: ${error.message}`);
        const known = peekSeries(seriesFile(directory, one), one);
        if (known !== undefined) listed.push({ series: one, head: known.head });
        if (failures.length > vars.number('max_failed') * series.length) throw error;
      }
      done++;
      report();
    });
    const { objects, ...figures } = totals;
    const changed = figures.new + figures.reissued + figures.gone;
    return {
      status: failures.length > 0 || figures.skipped > 0 ? 'warn' : changed > 0 ? 'success' : 'no-op',
      summary: {
        symbols: new Set([...symbols.values()].flat()).size,
        series: listed.length,
        objects,
        ...figures,
        failed: failures.length,
        requests: client.stats.requests,
        retries: client.stats.retries,
      },
      output: createArchiveListing(directory, listed.sort(bySeriesId)),
    };
  },

  async staged({ stagingDir }) {
    const directory = stateDirectory(stagingDir);
    const listing = createArchiveListing(directory, storedSeries(directory));
    return { feeds: { archive_objects: archiveObjectsFeed(listing) } };
  },
});

const bySeriesId = (a: ListedSeries, b: ListedSeries): number => (seriesId(a.series) < seriesId(b.series) ? -1 : 1);

/** Failures that concern one series; a refusal concerns them all. */
const mayBePassing: ReadonlySet<string> = new Set(['ARCHIVE_UNREACHABLE', 'ARCHIVE_RESPONSE', 'LISTING_INVALID']);

interface Tree {
  readonly cadence: Cadence;
  readonly timeframe: Timeframe;
}

function wantedTrees(options: ListingOptions, { vars }: ExtractContext): readonly Tree[] {
  const trees = options.timeframes.flatMap((timeframe): Tree[] => [
    { cadence: 'monthly', timeframe },
    ...(dailyTimeframes.has(timeframe) ? [{ cadence: 'daily', timeframe } as const] : []),
  ]);
  if (!options.availability) return trees;
  const timeframe = timeframeOf('availability_timeframe', vars.string('availability_timeframe'));
  const listed = trees.some((tree) => tree.cadence === 'daily' && tree.timeframe === timeframe);
  return listed ? trees : [...trees, { cadence: 'daily', timeframe }];
}

async function listSymbols(
  client: ArchiveClient,
  listingUrl: string,
  trees: readonly Tree[],
  { instrument_type }: ListingOptions,
  context: ExtractContext,
): Promise<ReadonlyMap<Cadence, readonly string[]>> {
  const cadences = [...new Set(trees.map(({ cadence }) => cadence))];
  const found = await Promise.all(
    cadences.map(async (cadence) => {
      const prefix = marketPrefix(instrument_type, cadence);
      const { symbols, refused } = symbolsOf(prefix, (await list(client, listingUrl, prefix)).prefixes);
      for (const name of refused) context.warn(`${prefix} lists ${name}, which is no name of a symbol: it is left out`);
      return [cadence, symbols] as const;
    }),
  );
  if (found.every(([, symbols]) => symbols.length === 0)) {
    throw new PipelineError(
      'LISTING_INVALID',
      `the listing has no symbol below ${marketPrefix(instrument_type, 'daily')}`,
      {
        url: listingUrl,
        hint: 'check the listing URL: an unknown prefix is listed as empty',
      },
    );
  }
  return new Map(found);
}
