import { join } from 'node:path';
import { type ExtractContext, PipelineError } from '../../engine/index.ts';
import type { Series } from '../../exchange/keys.ts';
import { type ListedObject, type ListedSeries, readObjects, seriesFile, storedSeries } from './series-state.ts';

/** What the listing extract hands to those that need it. Objects are read from the state when they are asked for. */
export interface ArchiveListing {
  readonly kind: 'archive-listing';
  readonly series: readonly ListedSeries[];
  /** Series that this run could not list: what is known of them is old, or nothing. */
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

/** Where the states of the series are. */
export const stateDirectory = (stagingDir: string): string => join(stagingDir, 'listing');

/** All that runs have listed so far; what this one has `listed` need not be read again. */
export function storedListing(stagingDir: string, listed: readonly ListedSeries[] = []): ArchiveListing {
  const directory = stateDirectory(stagingDir);
  return createArchiveListing(directory, storedSeries(directory, listed));
}

/**
 * What this run has listed, or, where the listing is not selected, what an earlier one has.
 * @throws PipelineError TABLE_MISSING where nothing is listed yet
 */
export function listingOf({ upstream, stagingDir }: Pick<ExtractContext, 'upstream' | 'stagingDir'>): ArchiveListing {
  const listing = [...upstream.values()].find(isArchiveListing) ?? storedListing(stagingDir);
  if (listing.series.length > 0) return listing;
  throw new PipelineError('TABLE_MISSING', 'nothing is listed yet to plan from', {
    hint: 'list the archive as well: pnpm pipeline run --select +klines',
  });
}
