import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '../../engine/index.ts';
import { createSampleStore } from '../sample/store.ts';
import { createDirectoryStore } from './directory-store.ts';
import { type ArchiveServer, serveStore } from './server.ts';

export interface OpenOptions {
  /** The run's clock: what the sample has published. */
  readonly asOf: Date;
  /** Closes the server behind a sample or a directory. */
  readonly signal?: AbortSignal;
}

/** An archive's directory of a `file:` URL or a path. Throws CONFIG_INVALID when it is none. */
async function directoryOf(archive: string): Promise<string> {
  const invalid = (problem: string, cause?: unknown) =>
    new PipelineError('CONFIG_INVALID', `the archive '${archive}' ${problem}`, {
      value: archive,
      hint: 'give sample, an http(s) URL, or a directory (or file: URL of one) that holds data/… in the layout of the archive',
      cause,
    });
  let directory = archive;
  if (/^file:/i.test(archive)) {
    try {
      directory = fileURLToPath(archive);
    } catch (cause) {
      throw invalid('is no file: URL of this machine', cause);
    }
  } else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(archive)) throw invalid('has a protocol that is not known');
  const isDirectory = async (path: string): Promise<boolean> =>
    await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (!(await isDirectory(directory))) throw invalid('does not exist or is no directory');
  if (!(await isDirectory(join(directory, 'data')))) throw invalid('has no folder data/');
  return directory;
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
