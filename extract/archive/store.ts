import type { Readable } from 'node:stream';

/** An archive, wherever its objects are stored. The operations are those of S3: ListObjects v1 and GET. */
export interface ObjectStore {
  list(options: ListOptions): Promise<ListPage>;
  /** Returns `undefined` if the object does not exist. */
  read(key: string): Promise<StoredObject | undefined>;
  /** Opens an object that should not be kept in memory. Returns `undefined` if `read` should be used. */
  open?(key: string): Promise<StreamedObject | undefined>;
}

export interface ListOptions {
  readonly prefix: string;
  /** Keys that contain it after the prefix are grouped into common prefixes. Empty for no grouping. */
  readonly delimiter: string;
  /** Any string. The page starts strictly after it. */
  readonly marker: string;
  /** Objects and common prefixes together, limited to 1 to 1000. */
  readonly maxKeys: number;
}

export interface ObjectInfo {
  /** Lower-case hex MD5 of the bytes, without quotes. */
  readonly etag: string;
  /** Whole seconds. */
  readonly lastModified: Date;
}

export interface ListedObject extends ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

export interface StoredObject extends ObjectInfo {
  readonly body: Buffer;
}

export interface StreamedObject extends ObjectInfo {
  readonly size: number;
  stream(): Readable;
}

interface PageEnd {
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
  /** The marker of the next page. Only set with a delimiter; without one it is the last key. */
  readonly nextMarker: string | undefined;
}

export interface ListPage extends PageEnd {
  readonly contents: readonly ListedObject[];
}

const largestPage = 1_000;
export const pageSize = ({ maxKeys }: Pick<ListOptions, 'maxKeys'>): number =>
  Math.max(1, Math.min(maxKeys, largestPage));

/** Returns the rank of a UTF-16 unit in the order of UTF-8 bytes, in which surrogates (above U+FFFF) come last. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/**
 * Compares keys by their UTF-8 bytes, as the archive does. `<` on strings compares UTF-16 units, which differs above
 * U+FFFF. The first `same` units are known to be equal.
 */
export function compareKeys(a: string, b: string, same = 0): number {
  const length = Math.min(a.length, b.length);
  for (let i = same; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Returns the first index, from `start` on, for which `isBefore` is false. All keys before it must give true. */
function firstIndex(keys: readonly string[], start: number, isBefore: (key: string) => boolean): number {
  let [low, high] = [start, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(keys[middle] ?? '')) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns one page of keys that ascend in the order of `compareKeys`. */
export function pageOf(keys: readonly string[], options: ListOptions): PageEnd & { readonly keys: readonly string[] } {
  const { prefix, delimiter, marker } = options;
  const size = pageSize(options);
  const page: string[] = [];
  const commonPrefixes: string[] = [];
  let last: string | undefined;
  let truncated = false;
  let i = firstIndex(keys, 0, (key) => compareKeys(key, prefix) < 0 || compareKeys(key, marker) <= 0);
  for (let key = keys[i]; key?.startsWith(prefix); key = keys[i]) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const common = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    const isBehind = common !== undefined && compareKeys(common, marker) <= 0;
    if (!isBehind) {
      if (page.length + commonPrefixes.length === size) {
        truncated = true;
        break;
      }
      last = common ?? key;
      (common === undefined ? page : commonPrefixes).push(last);
    }
    i = common === undefined ? i + 1 : firstIndex(keys, i + 1, (other) => other.startsWith(common));
  }
  return { keys: page, commonPrefixes, truncated, nextMarker: truncated && delimiter !== '' ? last : undefined };
}
