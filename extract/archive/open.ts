import { createSampleStore } from '../sample/sample-store.ts';
import { createDirectoryStore, directoryOf } from './directory-store.ts';
import { type ArchiveServer, serveStore } from './server.ts';

export interface OpenOptions {
  /** The run's clock: what the sample has published. */
  readonly asOf: Date;
  /** Closes the server behind a sample or a directory. */
  readonly signal?: AbortSignal;
}

/**
 * What a target's `archive` names, as a URL that answers objects and listings: `sample` and directories are served by
 * this process until disposed of, a URL is used as it is. Throws CONFIG_INVALID for anything else.
 */
export async function openArchive(archive: string, { asOf, signal }: OpenOptions): Promise<ArchiveServer> {
  if (/^https?:\/\//i.test(archive)) return { url: archive, [Symbol.asyncDispose]: async () => {} };
  const store =
    archive === 'sample' ? createSampleStore({ asOf }) : await createDirectoryStore(await directoryOf(archive));
  return await serveStore(store, signal ? { signal } : {});
}
