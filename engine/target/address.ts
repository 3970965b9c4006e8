import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Target } from '../extract.ts';

/** Where the archive of a target is, in a form that can be stored and compared. */
export interface ArchiveAddress {
  readonly archive: string;
  readonly listing: string;
}

export const addressOf = ({ archive, listing = archive }: Pick<Target, 'archive' | 'listing'>): ArchiveAddress => ({
  archive: placeOf(archive),
  listing: placeOf(listing),
});

export const formatAddress = ({ archive, listing }: ArchiveAddress): string =>
  listing === archive ? archive : `${archive} (listing ${listing})`;

/**
 * One spelling for each place: a URL without user, password, query and final slash; the absolute path of a folder, however
 * it is named. Any other name stays as it is.
 */
function placeOf(archive: string): string {
  if (/^file:/i.test(archive)) return folderOf(pathOfUrl(archive));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(archive)) return urlWithoutSecrets(archive);
  const isFolder = statSync(archive, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder || /[\\/]/.test(archive) ? folderOf(archive) : archive;
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

function folderOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return path.resolve(folder);
  }
}

function urlWithoutSecrets(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/, '');
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}
