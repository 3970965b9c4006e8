import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { PipelineError } from '../../engine/index.ts';
import { type Cadence, formatKey, type InstrumentType, type Series, seriesId } from '../archive/keys.ts';
import { nameOfPathComponent, pathComponent } from '../archive/path-component.ts';
import type { Timeframe } from '../archive/timeframes.ts';
import { writeWhole } from '../disk.ts';
import { isIntact, seal } from '../staging/seal.ts';

/** A kline archive as the listing names it. */
export interface ListedObject {
  readonly key: string;
  /** `2025-06-17` or `2025-06`. */
  readonly period: string;
  readonly size_bytes: number;
  readonly etag: string;
  /** ISO 8601, UTC. */
  readonly last_modified: string;
  /** As-of of the run that first saw the object in this state, ISO 8601. */
  readonly listed_at: string;
}

/** What is known of a series without reading its objects. */
export interface SeriesHead {
  /** As-of of the last run that listed it from its start. */
  readonly listed_whole_at: string;
  readonly objects: number;
  /** Changes when an object comes, goes or changes; not with `listed_at`. */
  readonly digest: string;
}

/**
 * One file a series: the head as JSON, then a line for each object, the newest first, so that a look at the first
 * page of the file answers whether the end of the series has changed. It is written whole or not at all. The head has a
 * checksum of all of it and of the series that it is of.
 */
export const seriesFile = (directory: string, { instrument_type, cadence, timeframe, symbol }: Series): string =>
  join(directory, instrument_type, cadence, timeframe, `${pathComponent(symbol)}.tsv`);

/** A series and what is known of it. */
export interface ListedSeries {
  readonly series: Series;
  readonly head: SeriesHead;
}

/**
 * Every series that has a state, in the order of their folders and names; of those in `known` the head is at hand.
 * @throws PipelineError STAGING_DAMAGED for a state that cannot be used: without it the series would seem to be gone
 */
export function storedSeries(directory: string, known: readonly ListedSeries[] = []): readonly ListedSeries[] {
  const heads = new Map(known.map(({ series, head }) => [seriesId(series), head]));
  const found: ListedSeries[] = [];
  for (const instrument_type of namesIn(directory) as InstrumentType[]) {
    for (const cadence of namesIn(join(directory, instrument_type)) as Cadence[]) {
      for (const timeframe of namesIn(join(directory, instrument_type, cadence)) as Timeframe[]) {
        for (const name of namesIn(join(directory, instrument_type, cadence, timeframe))) {
          if (!name.endsWith('.tsv')) continue;
          const series = { instrument_type, cadence, timeframe, symbol: nameOfPathComponent(basename(name, '.tsv')) };
          const file = seriesFile(directory, series);
          const head = heads.get(seriesId(series)) ?? peekSeries(file)?.head;
          if (head === undefined) throw damaged(file);
          found.push({ series, head });
        }
      }
    }
  }
  return found;
}

/** Forgets the series beside these: a symbol that is no longer among the prefixes has no objects any more. */
export function keepSeries(directory: string, series: readonly Series[]): void {
  const files = new Set(series.map((one) => seriesFile(directory, one)));
  for (const folder of new Set([...files].map((file) => dirname(file)))) {
    for (const name of namesIn(folder)) {
      const file = `${folder}${sep}${name}`;
      if (!files.has(file)) rmSync(file);
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function digestOf(objects: readonly ListedObject[]): string {
  const lines = objects.map((it) => `${it.key}\t${it.etag}\t${it.size_bytes}\t${it.last_modified}\n`);
  return hash('md5', lines.join(''));
}

/** The line of an object without the time at which it was first seen so. */
const stateOf = (it: ListedObject): string => `${it.period}\t${it.size_bytes}\t${it.etag}\t${it.last_modified}\t`;

/** `objects` ascend by period. */
export function writeSeries(file: string, head: SeriesHead, objects: readonly ListedObject[]): void {
  const lines = objects.map((it) => `${stateOf(it)}${it.listed_at}\n`);
  const body = lines.reverse().join('');
  const stored: StoredHead = { ...head, bytes: Buffer.byteLength(body, 'latin1') };
  writeWhole(file, Buffer.from(`${seal(JSON.stringify(stored), placeOf(file, body))}\n${body}`, 'latin1'));
}

/** What a look at the first bytes of a state tells. */
export interface SeriesPeek {
  readonly head: SeriesHead;
  /** Period of the newest object. */
  readonly newest: string | undefined;
  /** Whether these, ascending, are all objects of this period and later; it knows those of the last two weeks. */
  isWhole(period: string, objects: readonly ListedObject[]): boolean;
}

/** Holds a state of some 600 objects whole. One for all, since each look is over before the next begins. */
const peekBuffer = Buffer.alloc(64 * 1024);
/** Bytes that hold the head and some fifteen objects. */
const firstPage = 2048;

/**
 * `undefined` where there is no state that can be used. A large one is verified when its objects are read: to read all
 * states whole takes longer than a listing with nothing new.
 */
export function peekSeries(file: string): SeriesPeek | undefined {
  let length: number;
  let size: number;
  try {
    const descriptor = openSync(file, 'r');
    try {
      length = readSync(descriptor, peekBuffer, 0, peekBuffer.length, 0);
      size = length < peekBuffer.length ? length : fstatSync(descriptor).size;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const page = peekBuffer.toString('latin1', 0, Math.min(length, firstPage));
  const [first = '', ...lines] = page.split('\n').slice(0, -1);
  const stored = parseHead(first);
  if (stored === undefined) return undefined;
  const { bytes, ...head } = stored;
  if (bytes !== undefined && size !== first.length + 1 + bytes) return undefined;
  if (length === size && objectsIn(file, peekBuffer.toString('latin1', 0, length)) === undefined) return undefined;
  return {
    head,
    newest: lines[0]?.slice(0, lines[0].indexOf('\t')),
    isWhole(period, objects) {
      const since = lines.findIndex((line) => line.slice(0, period.length) < period);
      const count = since < 0 ? lines.length : since;
      return count === objects.length && objects.every((it, at) => lines[count - 1 - at]?.startsWith(stateOf(it)));
    },
  };
}

/**
 * All objects of a series, ascending by period.
 * @throws PipelineError STAGING_DAMAGED; the next run that lists the series lists it whole
 */
export function readObjects(file: string, series: Series): readonly ListedObject[] {
  const objects = intactObjects(file, series);
  if (objects === undefined) throw damaged(file);
  return objects;
}

/** As `readObjects`; `undefined` where the state is damaged, which is emptied, so that it counts as none from now on. */
export function intactObjects(file: string, series: Series): readonly ListedObject[] | undefined {
  const text = readFileSync(file, 'latin1');
  const lines = objectsIn(file, text);
  const objects = lines && parseObjects(series, lines);
  // A state that was written before there were checksums has this digest alone.
  if (objects !== undefined && digestOf(objects) === parseHead(text.slice(0, text.indexOf('\n')))?.digest)
    return inOrder(objects);
  writeWhole(file, '');
  return undefined;
}

const damaged = (file: string) =>
  new PipelineError('STAGING_DAMAGED', 'what is known of this listing was damaged since it was written', {
    file,
    hint: 'list everything whole again: pnpm pipeline run --relist',
  });

/** The lines of the objects, where the checksum is that of the whole text. */
function objectsIn(file: string, text: string): readonly string[] | undefined {
  const start = text.indexOf('\n') + 1;
  const body = text.slice(start);
  // A head that tells the length of its lines has a checksum as well.
  if (parseHead(text.slice(0, Math.max(0, start - 1)))?.bytes !== undefined && !text.includes(',"crc32":"'))
    return undefined;
  return isIntact(text.slice(0, Math.max(0, start - 1)), placeOf(file, body))
    ? body.split('\n').slice(0, -1)
    : undefined;
}

/** What else the checksum of a head covers: which series the file is of, by its path, and the lines of the objects. */
const placeOf = (file: string, body: string): string => `${file.split(/[\\/]/).slice(-4).join('/')}\n${body}`;

interface StoredHead extends SeriesHead {
  /** Of the lines of the objects; missing of a state that was written before there were checksums. */
  readonly bytes?: number;
}

function parseHead(line: string): StoredHead | undefined {
  try {
    const { listed_whole_at, objects, digest, bytes }: Partial<StoredHead> = JSON.parse(line);
    if (typeof listed_whole_at !== 'string' || typeof digest !== 'string') return undefined;
    if (objects === undefined || !Number.isInteger(objects)) return undefined;
    return { listed_whole_at, objects, digest, ...(bytes !== undefined && { bytes }) };
  } catch {
    return undefined;
  }
}

/** The objects as they stand in the file, from its end. */
function parseObjects(series: Series, lines: readonly string[]): ListedObject[] {
  const objects: ListedObject[] = [];
  for (let at = lines.length - 1; at >= 0; at--) {
    const [period = '', size = '', etag = '', last_modified = '', listed_at = ''] = (lines[at] as string).split('\t');
    const key = formatKey({ ...series, period });
    objects.push({ key, period, size_bytes: Number(size), etag, last_modified, listed_at });
  }
  return objects;
}

/** Earlier versions stored a key as often as it was listed, in the order of the listing (A29). */
function inOrder(objects: readonly ListedObject[]): readonly ListedObject[] {
  if (objects.every(({ period }, at) => at === 0 || period > (objects[at - 1] as ListedObject).period)) return objects;
  const latest = new Map<string, ListedObject>();
  for (const object of objects) {
    const before = latest.get(object.period);
    if (before === undefined || before.last_modified <= object.last_modified) latest.set(object.period, object);
  }
  return [...latest.values()].sort((a, b) => (a.period < b.period ? -1 : 1));
}
