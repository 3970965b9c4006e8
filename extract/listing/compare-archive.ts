import { type ArchiveMatch, formatCount } from '../../engine/index.ts';
import { seriesPrefix } from '../../exchange/keys.ts';
import type { ArchiveClient } from '../archive/client.ts';
import { list } from '../archive/list.ts';
import type { ListedEntry } from '../archive/listing-xml.ts';
import { forEachConcurrent } from '../concurrency.ts';
import type { ArchiveListing } from './archive-listing.ts';
import type { ListedObject } from './series-state.ts';

/**
 * Compares an archive with what is known of another address: every known series is listed there, whole. It is the same
 * archive where the keys that both list have the same ETags, but for objects that were published again since: these have a
 * newer time, and are fewer than those that agree (B27).
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
      else other ??= `${object.key} has the ETag ${entry.etag} there, not ${object.etag}, and is no newer`;
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
