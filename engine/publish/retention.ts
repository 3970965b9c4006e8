import { historyFile, publishedVersions, versionFolder } from './manifest.ts';
import type { Store } from './store.ts';

export interface Retention {
  /** Number of versions to keep, the latest one included. */
  readonly keep: number;
  /** Versions that are kept whatever their age. */
  readonly pinned: readonly string[];
  readonly latest: string;
}

/** Returns the versions to remove: old ones, and what publishers that did not get to the end left of theirs. */
export async function expiredVersions(store: Store, { keep, pinned, latest }: Retention): Promise<readonly string[]> {
  const [published, folders] = await Promise.all([publishedVersions(store), store.names('versions')]);
  const kept = new Set([latest, ...pinned, ...published.slice(-keep)]);
  // Whoever still writes a newer version may yet publish it; an older one would be refused.
  return [...new Set([...published, ...folders])].filter((name) => !kept.has(name) && name < latest).sort();
}

/** Removes versions. The entry of one goes first, so that what a kill leaves of its files no longer counts as one. */
export async function removeVersions(store: Store, versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    await store.remove([historyFile(version)]);
    await store.remove(await store.list(versionFolder(version)));
  }
}
