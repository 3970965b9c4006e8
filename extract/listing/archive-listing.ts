import { join } from 'node:path';
import { type ArchiveMatch, type ExtractContext, formatCount, PipelineError } from '../../engine/index.ts';
import { type Series, seriesPrefix } from '../../exchange/keys.ts';
import type { ArchiveClient } from '../archive/client.ts';
import { list } from '../archive/list.ts';
import type { ListedEntry } from '../archive/listing-xml.ts';
import { forEachConcurrent } from '../concurrency.ts';
import { type ListedObject, type ListedSeries, readObjects, seriesFile, storedSeries } from './series-state.ts';

/** The result of the listing extract. Objects are read from the stored state on request. */
export interface ArchiveListing {
  readonly kind: 'archive-listing';
  readonly series: readonly ListedSeries[];
  /** Series that this run could not list, so that what is known about them may be out of date. */
  readonly failed: readonly Series[];
  /** Ascending by period. */
  objects(series: Series): readonly ListedObject[];
}

export function createArchiveListing(
  directory: string,
  series: readonly ListedSeries[],
  failed: readonly Series[] = [],
): ArchiveListing {
  return {
    kind: 'archive-listing',
    series,
    failed,
    objects: (of) => readObjects(seriesFile(directory, of), of),
  };
}

export const isArchiveListing = (value: unknown): value is ArchiveListing =>
  typeof value === 'object' && value !== null && (value as Partial<ArchiveListing>).kind === 'archive-listing';

/** Returns the folder in which the state of each series is stored. */
export const stateDirectory = (stagingDir: string): string => join(stagingDir, 'listing');

/** Returns everything that has been listed so far. The series in `listed`, those of this run, are not read again. */
export function storedListing(stagingDir: string, listed: readonly ListedSeries[] = []): ArchiveListing {
  const directory = stateDirectory(stagingDir);
  return createArchiveListing(directory, storedSeries(directory, listed));
}

/**
 * Returns what this run has listed, or what earlier runs have listed if the listing is not selected.
 * @throws PipelineError TABLE_MISSING if nothing has been listed yet
 */
export function listingOf({ upstream, stagingDir }: Pick<ExtractContext, 'upstream' | 'stagingDir'>): ArchiveListing {
  const listing = [...upstream.values()].find(isArchiveListing) ?? storedListing(stagingDir);
  if (listing.series.length > 0) return listing;
  throw new PipelineError(
    'TABLE_MISSING',
    'there is nothing to plan from, because the archive has not been listed yet',
    {
      hint: 'list the archive as well: pnpm pipeline run --select +klines',
    },
  );
}

/** Longer names would make file names too long for common file systems. The longest real symbol has 26 characters. */
const longestBytes = 100;
/** Characters that could lead out of a folder, or break a line that begins with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f/\\,]|^\.$|\.\./;

export interface Symbols {
  readonly symbols: readonly string[];
  /** Quoted names that cannot be symbols and would be dangerous if used as one. */
  readonly refused: readonly string[];
}

/**
 * Returns the symbols among the common prefixes below `parent`. Empty names and the parent itself are ignored (A26).
 * Names with `..`, slashes, commas or control characters are refused, and so are absurdly long ones.
 */
export function symbolsOf(parent: string, prefixes: readonly string[]): Symbols {
  const symbols: string[] = [];
  const refused: string[] = [];
  for (const prefix of prefixes) {
    const name = prefix.slice(parent.length, -1);
    if (name === '') continue;
    if (Buffer.byteLength(name) <= longestBytes && !unsafe.test(name)) symbols.push(name);
    else refused.push(JSON.stringify(name.slice(0, longestBytes)));
  }
  return { symbols: [...new Set(symbols)], refused };
}

/**
 * Compares an archive at a new address with what is known from another address, by listing every known series there.
 * It is the same archive if the keys that both list have the same ETags. Objects that have been published again since
 * may differ, if they have a newer time and are fewer than those that agree (B27).
 */
export async function compareArchive(
  known: ArchiveListing,
  options: { readonly client: ArchiveClient; readonly listingUrl: string; readonly connections: number },
): Promise<ArchiveMatch> {
  const { client, listingUrl, connections } = options;
  const found = { keys: 0, same: 0, reissued: 0 };
  let other: string | undefined;
  await forEachConcurrent(known.series, connections, async ({ series }) => {
    if (other !== undefined) return;
    const objects = known.objects(series);
    found.keys += objects.length;
    if (objects.length === 0) return;
    const { entries } = await list(client, listingUrl, seriesPrefix(series));
    const there = new Map(entries.map((entry) => [entry.key, entry]));
    for (const object of objects) {
      const entry = there.get(object.key);
      if (entry === undefined) continue;
      if (entry.etag === object.etag) found.same += 1;
      else if (isNewer(entry, object)) found.reissued += 1;
      else other ??= `${object.key} has the ETag ${entry.etag} there instead of ${object.etag}, and is not newer`;
    }
  });
  const { keys, same, reissued } = found;
  const text = `${formatCount(same)} keys have the same ETags, ${formatCount(reissued)} were published again`;
  if (other !== undefined) return { kind: 'other', text: other };
  if (keys === 0) return { kind: 'unknown' };
  if (same + reissued === 0) return { kind: 'other', text: `it lists none of the ${formatCount(keys)} known keys` };
  return reissued > same ? { kind: 'other', text } : { kind: 'same', text };
}

const isNewer = (entry: ListedEntry, object: ListedObject): boolean =>
  Date.parse(entry.last_modified) > Date.parse(object.last_modified);
