import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { closest, defineExtract, type ExtractContext, isAbort, PipelineError } from '../engine/index.ts';
import { marketPrefix, type Series, seriesId } from '../exchange/keys.ts';
import { dailyTimeframes } from '../exchange/timeframes.ts';
import { type ArchiveClient, createClient } from './archive/client.ts';
import { list } from './archive/list.ts';
import { openTarget } from './archive/server.ts';
import { forEachConcurrent } from './concurrency.ts';
import { SourceError } from './failure.ts';
import { archiveObjectsFeed } from './feeds.ts';
import {
  compareArchive,
  createArchiveListing,
  isArchiveListing,
  stateDirectory,
  storedListing,
  symbolsOf,
} from './listing/archive-listing.ts';
import { createNewestDay, refreshSeries } from './listing/refresh.ts';
import { keepSeries, type ListedSeries, peekSeries, seriesFile } from './listing/series-state.ts';
import {
  clientOptions,
  type ListingOptions,
  listingOptions,
  parseListingOptions,
  type Scope,
  timeframeOf,
} from './options.ts';

/** ms between progress reports while the symbols are not known yet, so that a run which waits for the host says so. */
const progressEvery = 1_000;

/**
 * Lists the archive. Symbols are the listing's common prefixes, and each (cadence, timeframe, symbol) is one paged
 * listing, incremental if its stored state allows. The output is an `ArchiveListing`, and it feeds `archive_objects`.
 */
export default defineExtract({
  options: listingOptions,

  warnings: {
    name_skipped: "Key of an archive whose name does not follow the archive's layout; it is skipped.",
    symbol_skipped: 'Name of a folder, in quotes, that cannot be a symbol; it is skipped.',
    series_not_listed:
      'Series such as `futures-um/daily/1d/BTCUSDT` that could not be listed; what was last known of it is used.',
    clock_ahead: "Day of the newest daily archive in the listing, if it is long before the run's clock.",
  },

  async sameArchive(context) {
    const known = storedListing(context.stagingDir);
    if (known.series.length === 0) return { kind: 'unknown' };
    const options = parseListingOptions(context);
    const { client, listingUrl } = await beginListing(options, context);
    return compareArchive(known, { client, listingUrl, connections: options.connections });
  },

  async prepare(context) {
    await beginListing(parseListingOptions(context), context);
  },

  async run(context) {
    const options = parseListingOptions(context);
    const { asOf, vars } = context;
    const directory = stateDirectory(context.stagingDir);
    const { client, listingUrl, trees, prefixes } = await beginListing(options, context);
    const waiting = setInterval(() => {
      context.progress({ done: 0, unit: 'series', retries: client.stats.retries });
    }, progressEvery);
    const parents = await prefixes.finally(() => clearInterval(waiting));
    const symbols = listedSymbols(parents, listingUrl, options, context);
    const series = trees.flatMap((tree) =>
      (symbols.get(treePrefix(tree)) ?? []).map((symbol): Series => ({ ...tree, symbol })),
    );
    // The states of symbols that are not selected now are kept.
    if (options.symbols.length === 0) keepSeries(directory, series);

    const listed: ListedSeries[] = [];
    const failures: PipelineError[] = [];
    const failed: Series[] = [];
    const allowed = vars.number('max_failed');
    const newest = createNewestDay();
    const totals = { objects: 0, new: 0, reissued: 0, gone: 0, skipped: 0 };
    let partlyListed = 0;
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
        newest.note(one, refreshed.newest);
        totals.objects += refreshed.head.objects;
        totals.new += refreshed.added;
        totals.reissued += refreshed.changed;
        totals.gone += refreshed.gone;
        totals.skipped += refreshed.skipped.length;
        if (!refreshed.isWhole) partlyListed++;
        for (const key of refreshed.skipped) {
          const message = `skipped ${key}: its name does not follow the archive's layout`;
          context.warn({ kind: 'name_skipped', subject: key, message });
        }
      } catch (error) {
        if (isAbort(error) || !(error instanceof PipelineError) || !concernsOne(error)) throw error;
        failures.push(error);
        failed.push(one);
        const message = `could not list ${seriesId(one)}: ${error.message}`;
        context.warn({ kind: 'series_not_listed', subject: seriesId(one), message });
        const known = peekSeries(seriesFile(directory, one));
        if (known !== undefined) {
          listed.push({ series: one, head: known.head });
          newest.note(one, known.newest);
        }
        if (failures.length > allowed * series.length) throw tooManyFailed(failures, series.length, allowed);
      }
      done++;
      report();
    });
    const behind = newest.behind(asOf);
    if (behind !== undefined) context.warn({ kind: 'clock_ahead', subject: behind.newest, message: behind.message });
    const { objects, ...figures } = totals;
    const changed = figures.new + figures.reissued + figures.gone;
    return {
      status: changed > 0 ? 'success' : 'no-op',
      summary: {
        symbols: new Set([...symbols.values()].flat()).size,
        series: listed.length,
        objects,
        ...figures,
        failed: failures.length,
        requests: client.stats.requests,
        retries: client.stats.retries,
      },
      output: createArchiveListing(directory, inOrder(listed), failed),
      ...(partlyListed + failures.length > 0 && { partlyChecked: ['name_skipped'] }),
    };
  },

  async records({ stagingDir, to }) {
    const directory = stateDirectory(stagingDir);
    if (existsSync(directory)) await cp(directory, stateDirectory(to), { recursive: true });
  },

  async staged({ stagingDir, output }) {
    const listed = isArchiveListing(output) ? output.series : [];
    return { feeds: { archive_objects: archiveObjectsFeed(storedListing(stagingDir, listed)) } };
  },
});

function inOrder(listed: readonly ListedSeries[]): readonly ListedSeries[] {
  const named = listed.map((one) => [seriesId(one.series), one] as const);
  return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** The client of a run's listing, and the common prefixes of its markets, which are requested at once. */
interface BegunListing extends AsyncDisposable {
  readonly client: ArchiveClient;
  readonly listingUrl: string;
  readonly trees: readonly Tree[];
  /** By the prefix of market and cadence. */
  readonly prefixes: Promise<ReadonlyMap<string, readonly string[]>>;
}

function beginListing(options: ListingOptions, context: ExtractContext): Promise<BegunListing> {
  const { signal, asOf, target } = context;
  return context.share('listing', async () => {
    const archive = await context.share('archive', () => openTarget(target, { asOf, signal }));
    // A sample or a folder is served by this process, listings included.
    const listingUrl = target.listing === target.archive ? archive.url : (target.listing ?? archive.url);
    const client = createClient({ ...clientOptions(options), signal, access: target.access?.listing });
    const trees = wantedTrees(options, context);
    const prefixes = listPrefixes(client, listingUrl, [...new Set(trees.map(treePrefix))]);
    prefixes.catch(() => {}); // the error reaches whoever awaits them
    return { client, listingUrl, trees, prefixes, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
  });
}

async function listPrefixes(client: ArchiveClient, listingUrl: string, parents: readonly string[]) {
  const found = parents.map(async (parent) => [parent, (await list(client, listingUrl, parent)).prefixes] as const);
  return new Map(await Promise.all(found));
}

const ofOneSeries: ReadonlySet<string> = new Set(['ARCHIVE_UNREACHABLE', 'ARCHIVE_RESPONSE', 'LISTING_INVALID']);

/** True if a failure may concern only its series: a CDN answers some requests with 403 (A33), a 451 concerns all. */
const concernsOne = ({ code, details }: PipelineError): boolean =>
  ofOneSeries.has(code) || (code === 'ARCHIVE_REFUSED' && details.status === 403);

/**
 * Returns the first failure itself if it is the only one or if all were refused, otherwise an error with the counts.
 */
function tooManyFailed(failures: readonly PipelineError[], series: number, allowed: number): PipelineError {
  const first = failures[0] as PipelineError;
  if (failures.length === 1 || failures.every(({ code }) => code === 'ARCHIVE_REFUSED')) return first;
  const share = `${failures.length} of ${series} series could not be listed, more than the ${allowed * 100} % that max_failed allows`;
  return new SourceError('TOO_MANY_FAILED', `${share}; the first: ${first.message}`, {
    ...(first.details.url !== undefined && { url: first.details.url }),
    hint: 'run again: what is known about these series is kept, and they are listed again',
    cause: first,
  });
}

type Tree = Omit<Series, 'symbol'>;

const treePrefix = ({ instrument_type, cadence }: Tree): string => marketPrefix(instrument_type, cadence);

/** Returns every (market, cadence, timeframe) to list, each once. */
function wantedTrees(options: ListingOptions, { vars }: ExtractContext): readonly Tree[] {
  const trees = options.instrument_types.flatMap((instrument_type) =>
    options.timeframes.flatMap((timeframe): Tree[] => [
      { instrument_type, cadence: 'monthly', timeframe },
      ...(dailyTimeframes.has(timeframe) ? [{ instrument_type, cadence: 'daily', timeframe } as const] : []),
    ]),
  );
  if (!options.availability || !options.instrument_types.includes('futures-um')) return trees;
  const timeframe = timeframeOf('availability_timeframe', vars.string('availability_timeframe'));
  const availability: Tree = { instrument_type: 'futures-um', cadence: 'daily', timeframe };
  const isListed = trees.some((tree) => treePrefix(tree) === treePrefix(availability) && tree.timeframe === timeframe);
  return isListed ? trees : [...trees, availability];
}

/** Returns the requested symbols of each tree. Throws USAGE for a symbol that no tree has. */
function listedSymbols(
  prefixes: ReadonlyMap<string, readonly string[]>,
  listingUrl: string,
  { symbols: asked }: Scope,
  context: ExtractContext<'symbol_skipped'>,
): ReadonlyMap<string, readonly string[]> {
  const found = [...prefixes].map(([parent, names]) => {
    const { symbols, refused } = symbolsOf(parent, names);
    for (const name of refused) {
      const message = `skipped ${name}, listed below ${parent}: it cannot be a symbol`;
      context.warn({ kind: 'symbol_skipped', subject: name, message });
    }
    return [parent, symbols] as const;
  });
  const parents = [...prefixes.keys()].join(' or ');
  const all = new Set(found.flatMap(([, symbols]) => symbols));
  if (all.size === 0) {
    throw new SourceError('LISTING_INVALID', `the listing has no symbols below ${parents}`, {
      url: listingUrl,
      hint: 'check the listing URL: a bucket lists an unknown prefix as empty',
    });
  }
  const unknown = asked.find((symbol) => !all.has(symbol));
  if (unknown !== undefined) {
    throw new PipelineError('USAGE', `the archive has no symbol ${unknown} below ${parents}`, {
      key: 'symbols',
      value: unknown,
      hint: closest(unknown, all) ?? 'check its spelling and --instrument-type',
    });
  }
  const wanted = new Set(asked);
  return new Map(
    found.map(([prefix, symbols]) => [
      prefix,
      wanted.size === 0 ? symbols : symbols.filter((symbol) => wanted.has(symbol)),
    ]),
  );
}
