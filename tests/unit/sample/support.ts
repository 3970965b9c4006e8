import { createHash } from 'node:crypto';
import { Open } from 'unzipper';
import { formatKey } from '../../../exchange/keys.ts';
import type { Timeframe } from '../../../exchange/timeframes.ts';
import type { Cadence, InstrumentType } from '../../../exchange/vocabulary.ts';
import type { ListedObject, ObjectStore } from '../../../extract/archive/store.ts';
import { defaultAsOf } from '../../../extract/sample/cases.ts';
import { createSampleStore } from '../../../extract/sample/sample-store.ts';

export const sampleAt = (asOf: string, seed?: string): ObjectStore =>
  createSampleStore({ asOf: new Date(asOf), ...(seed !== undefined && { seed }) });

/** The sample as a run on the target `sample` sees it. */
export const sample = sampleAt(defaultAsOf);

/** Every object whose key starts with `prefix`. */
export async function listAll(store: ObjectStore, prefix = ''): Promise<readonly ListedObject[]> {
  const objects: ListedObject[] = [];
  for (;;) {
    const marker = objects.at(-1)?.key ?? '';
    const page = await store.list({ prefix, delimiter: '', marker, maxKeys: 1_000 });
    objects.push(...page.contents);
    if (!page.truncated) return objects;
  }
}

export const keyOf = (
  cadence: Cadence,
  symbol: string,
  timeframe: Timeframe,
  period: string,
  instrument_type: InstrumentType = 'futures-um',
): string => formatKey({ instrument_type, cadence, symbol, timeframe, period });

/** The symbols, dates or months that follow a prefix. */
export async function prefixesOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const { commonPrefixes } = await store.list({ prefix, delimiter: '/', marker: '', maxKeys: 1_000 });
  return commonPrefixes.map((name) => name.slice(prefix.length, -1));
}

/** The periods of one series, including unpadded ones. */
export async function periodsOf(
  store: ObjectStore,
  cadence: Cadence,
  symbol: string,
  timeframe: Timeframe,
): Promise<readonly string[]> {
  const start = keyOf(cadence, symbol, timeframe, '').slice(0, -'.zip'.length);
  const keys = (await listAll(store, start)).map(({ key }) => key);
  return keys.filter((key) => key.endsWith('.zip')).map((key) => key.slice(start.length, -'.zip'.length));
}

/** The only member of an archive's zip. */
export async function textOf(
  store: ObjectStore,
  cadence: Cadence,
  symbol: string,
  timeframe: Timeframe,
  period: string,
  market?: InstrumentType,
): Promise<string> {
  const object = await store.read(keyOf(cadence, symbol, timeframe, period, market));
  if (!object) throw new Error(`the sample has no ${cadence} ${timeframe} archive of ${symbol} for ${period}`);
  const { files } = await Open.buffer(object.body);
  const [member] = files;
  if (!member || files.length > 1) throw new Error(`${files.length} members`);
  return (await member.buffer()).toString();
}

const rowsOfText = (text: string): readonly (readonly string[])[] =>
  text
    .split(/\r?\n/)
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(','));

export const rowsOf = async (...archive: Parameters<typeof textOf>): Promise<readonly (readonly string[])[]> =>
  rowsOfText(await textOf(...archive));

export const dateOfRow = ([openTime]: readonly string[]): string =>
  new Date(Number(openTime)).toISOString().slice(0, 10);

/** One digest of everything that a listing says: keys, sizes, times, and MD5s, which cover every byte. */
export async function digestOf(store: ObjectStore): Promise<string> {
  const digest = createHash('sha256');
  for (const { key, etag, size, lastModified } of await listAll(store))
    digest.update(`${key} ${etag} ${size} ${lastModified.getTime()}\n`);
  return digest.digest('hex');
}

/** Every date of `[from, to)`. */
export function daysBetween(from: string, to: string): readonly string[] {
  const [first, end] = [Date.parse(from), Date.parse(to)];
  return Array.from({ length: (end - first) / 86_400_000 }, (_, i) =>
    new Date(first + i * 86_400_000).toISOString().slice(0, 10),
  );
}

/** The part of a store below a prefix. */
export const below = (store: ObjectStore, prefix: string): ObjectStore => ({
  list: async (options) => await store.list({ ...options, prefix: prefix + options.prefix }),
  read: async (key) => await store.read(key),
});
