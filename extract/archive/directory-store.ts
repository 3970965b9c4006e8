import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { hideInValue, PipelineError } from '../../engine/index.ts';
import { forEachConcurrent } from '../concurrency.ts';
import { compareKeys, type ListedObject, type ListOptions, type ObjectStore, pageOf, pageSize } from './store.ts';

/** Larger files are hashed and served as a stream: they may have hundreds of MB, and many may be requested at once. */
const wholeInMemory = 1024 * 1024;
const filesAtOnce = 8;
const absent = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG']);

async function unlessAbsent<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await unlessAbsent(() => stat(path)))?.isDirectory() ?? false;

/** Returns the directory that a path or a `file:` URL names. Throws CONFIG_INVALID unless it exists and has `data/`. */
export async function directoryOf(archive: string): Promise<string> {
  const invalid = (problem: string, cause?: unknown) =>
    new PipelineError('CONFIG_INVALID', `the archive '${hideInValue(archive)}' ${problem}`, {
      value: archive,
      hint: 'use sample, an http(s) URL, or a directory (or its file: URL) that contains data/… in the layout of the archive',
      cause,
    });
  if (/^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(archive)) throw invalid('has an unknown protocol');
  let directory = archive;
  try {
    if (/^file:/i.test(archive)) directory = fileURLToPath(archive);
  } catch (cause) {
    throw invalid('is not a file: URL of this machine', cause);
  }
  if (!(await isDirectory(directory))) throw invalid('does not exist or is not a directory');
  if (!(await isDirectory(join(directory, 'data')))) throw invalid('does not contain a folder data/');
  return directory;
}

/**
 * Returns the file of an object below a folder in the archive's layout, or `undefined` for a key that is not valid:
 * one outside `data/`, or with an empty part, `.`, `..` or a NUL.
 */
export function pathOfKey(root: string, key: string): string | undefined {
  const parts = key.split('/');
  const isProper = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  return parts[0] === 'data' && isProper ? join(root, ...parts) : undefined;
}

const wholeSeconds = (ms: number): Date => new Date(Math.floor(ms / 1_000) * 1_000);

/**
 * Opens a local folder in the archive's layout, `root/data/…`, as a store. The modification time of a file counts as
 * the time of its publication. Nothing outside the root is listed or read: links are ignored.
 */
export async function createDirectoryStore(root: string): Promise<ObjectStore> {
  const realRoot = await realpath(root);
  const etags = new Map<string, { readonly mtimeMs: number; readonly size: number; readonly etag: string }>();

  async function fileOf(key: string): Promise<string | undefined> {
    const path = pathOfKey(realRoot, key);
    return path !== undefined && (await unlessAbsent(() => realpath(path))) === path ? path : undefined;
  }

  function remember(key: string, { mtimeMs, size }: { mtimeMs: number; size: number }, etag: string): string {
    etags.set(key, { mtimeMs, size, etag });
    return etag;
  }

  async function listed(key: string): Promise<ListedObject | undefined> {
    const path = join(realRoot, key);
    const stats = await unlessAbsent(() => stat(path));
    if (!stats) return undefined;
    const { mtimeMs, size } = stats;
    const known = etags.get(key);
    const isKnown = known?.mtimeMs === mtimeMs && known.size === size;
    const etag = isKnown ? known.etag : await unlessAbsent(() => md5(path, size));
    if (etag === undefined) return undefined;
    return { key, size, etag: remember(key, stats, etag), lastModified: wholeSeconds(mtimeMs) };
  }

  /** Returns the entries of a folder as keys in the archive's order. Those of folders end in `/`. */
  async function entriesOf(folder: string): Promise<readonly string[]> {
    if (folder === '') return ['data/'];
    if ((await fileOf(folder.slice(0, -1))) === undefined) return [];
    const entries = (await unlessAbsent(() => readdir(join(realRoot, folder), { withFileTypes: true }))) ?? [];
    return entries
      .filter((entry) => entry.isFile() || entry.isDirectory())
      .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
      .sort(compareKeys);
  }

  async function holdsFile(folder: string): Promise<boolean> {
    for (const entry of await entriesOf(folder)) if (!entry.endsWith('/') || (await holdsFile(entry))) return true;
    return false;
  }

  /** Yields the keys of a folder that a page may contain, in order. With a delimiter, a folder stands for its files. */
  async function* keysOf(folder: string, options: ListOptions): AsyncGenerator<string> {
    const { prefix, marker, delimiter } = options;
    for (const entry of await entriesOf(folder)) {
      const isBehind = compareKeys(entry, marker) <= 0 && !marker.startsWith(entry);
      const isOutside = !entry.startsWith(prefix) && !prefix.startsWith(entry);
      if (isBehind || isOutside) continue;
      const isRolledUp = delimiter === '/' && entry.length > prefix.length;
      if (!entry.endsWith('/')) yield entry;
      else if (!isRolledUp) yield* keysOf(entry, options);
      else if (await holdsFile(entry)) yield entry;
    }
  }

  return {
    async list(options) {
      const folder = options.prefix.slice(0, options.prefix.lastIndexOf('/') + 1);
      // One more key shows that the page is not the last, and one may be the folder that contains the marker.
      const enough = options.delimiter === '' || options.delimiter === '/' ? pageSize(options) + 2 : Infinity;
      const keys: string[] = [];
      for await (const key of keysOf(folder, options)) if (keys.push(key) === enough) break;
      const { keys: onPage, ...page } = pageOf(keys, options);
      const found = new Map<string, ListedObject>();
      await forEachConcurrent(onPage, filesAtOnce, async (key) => {
        const object = await listed(key);
        if (object) found.set(key, object);
      });
      // A file that was deleted in the meantime is left out.
      return { contents: onPage.flatMap((key) => found.get(key) ?? []), ...page };
    },
    async open(key) {
      const path = await fileOf(key);
      if (path === undefined) return undefined;
      const stats = await unlessAbsent(() => stat(path));
      if (!stats?.isFile() || stats.size <= wholeInMemory) return undefined;
      const object = await listed(key);
      if (object === undefined) return undefined;
      const { size, etag, lastModified } = object;
      return { size, etag, lastModified, stream: () => createReadStream(path, { end: size - 1 }) };
    },
    async read(key) {
      const path = await fileOf(key);
      if (path === undefined) return undefined;
      return await unlessAbsent(async () => {
        await using file = await open(path);
        const stats = await file.stat();
        const body = await file.readFile();
        const known = etags.get(key);
        const isKnown = known?.mtimeMs === stats.mtimeMs && known.size === body.length;
        const etag = isKnown ? known.etag : remember(key, stats, hash('md5', body, 'hex'));
        return { body, etag, lastModified: wholeSeconds(stats.mtimeMs) };
      });
    },
  };
}

async function md5(path: string, size: number): Promise<string> {
  if (size <= wholeInMemory) return hash('md5', await readFile(path), 'hex');
  const digest = createHash('md5');
  await pipeline(createReadStream(path), digest);
  return digest.digest('hex');
}
