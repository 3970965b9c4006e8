import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeWhole } from '../../engine/index.ts';
import { formatKey, type Series, seriesId } from '../../exchange/keys.ts';
import type { Timeframe } from '../../exchange/timeframes.ts';
import type { Cadence, InstrumentType } from '../../exchange/vocabulary.ts';
import { SourceError } from '../failure.ts';
import { formatCrc, isIntact, seal } from '../staging/crc.ts';
import { nameOfPathComponent, pathComponent } from '../staging/paths.ts';

/** A kline archive as the listing describes it. */
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

/** The facts about a series that can be known without reading its objects. */
export interface SeriesHead {
  /** As-of of the last run that listed the series from its start. */
  readonly listed_whole_at: string;
  readonly objects: number;
  /** Changes when an object is added, removed or changed, but not with `listed_at`. */
  readonly digest: string;
}

/**
 * Returns the file of a series' state. It contains the head as JSON, then one line per object, newest first, so that
 * reading the first page of the file is enough to tell if the end of the series has changed. It is written atomically.
 * The head contains a checksum of the lines, and another one of itself and of the name of the series.
 */
export const seriesFile = (directory: string, { instrument_type, cadence, timeframe, symbol }: Series): string =>
  join(directory, instrument_type, cadence, timeframe, `${pathComponent(symbol)}.tsv`);

/** A series and what is known about it. */
export interface ListedSeries {
  readonly series: Series;
  readonly head: SeriesHead;
}

/**
 * Returns every series that has a state, in the order of their folders and names. The heads of series in `known` are
 * taken from there instead of being read.
 * @throws PipelineError STAGING_DAMAGED if a state cannot be used: ignoring it would make the series disappear
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
          const head = heads.get(seriesId(series)) ?? peekSeries(seriesFile(directory, series))?.head;
          if (head === undefined) throw damaged(seriesFile(directory, series));
          found.push({ series, head });
        }
      }
    }
  }
  return found;
}

/** Removes the state of all other series in the same folders: a symbol that is no longer listed has no objects. */
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

/** Returns the line of an object without its `listed_at`. */
const stateOf = (it: ListedObject): string => `${it.period}\t${it.size_bytes}\t${it.etag}\t${it.last_modified}\t`;

/** Writes the state of a series. `objects` ascend by period. */
export function writeSeries(file: string, head: SeriesHead, objects: readonly ListedObject[]): void {
  const lines = objects.map((it) => `${stateOf(it)}${it.listed_at}\n`);
  const body = lines.reverse().join('');
  const bytes = Buffer.from(body, 'latin1');
  const stored: StoredHead = { ...head, bytes: bytes.length, lines_crc: formatCrc(crc32(bytes)) };
  writeWhole(file, Buffer.concat([Buffer.from(`${seal(JSON.stringify(stored), placeOf(file))}\n`, 'latin1'), bytes]));
}

/** The facts in the first bytes of a state. */
export interface SeriesPeek {
  readonly head: SeriesHead;
  /** Period of the newest object. */
  readonly newest: string | undefined;
  /**
   * True if `objects`, in ascending order, are exactly the known objects of this period and later. `period` must be
   * within about two weeks of the newest object, since only that many lines are read.
   */
  isWhole(period: string, objects: readonly ListedObject[]): boolean;
}

/** Large enough for the head and about fifteen objects. It is shared, since reads are synchronous. */
const peekBuffer = Buffer.alloc(2048);

/**
 * Reads the first bytes of a state. Returns `undefined` if there is no usable state. Only the head is verified here;
 * the objects are verified when they are read, since reading all states in full would take a tenth of a run without
 * news.
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
  const [first = '', ...lines] = peekBuffer.toString('latin1', 0, length).split('\n').slice(0, -1);
  const stored = intactHead(file, first);
  if (stored === undefined) return undefined;
  const { bytes, lines_crc: _, ...head } = stored;
  if (bytes !== undefined && size !== first.length + 1 + bytes) return undefined;
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
 * Returns all objects of a series, ascending by period.
 * @throws PipelineError STAGING_DAMAGED; the next run that lists the series lists it from its start
 */
export function readObjects(file: string, series: Series): readonly ListedObject[] {
  const objects = intactObjects(file, series);
  if (objects === undefined) throw damaged(file);
  return objects;
}

/** Like `readObjects`, but returns `undefined` if the state is damaged, and empties it so that it is not used again. */
export function intactObjects(file: string, series: Series): readonly ListedObject[] | undefined {
  const bytes = readFileSync(file);
  const start = bytes.indexOf('\n') + 1;
  const head = intactHead(file, bytes.toString('latin1', 0, Math.max(0, start - 1)));
  const lines = bytes.subarray(start);
  if (head !== undefined && (head.lines_crc === undefined || head.lines_crc === formatCrc(crc32(lines)))) {
    const objects = parseObjects(series, lines.toString('latin1').split('\n').slice(0, -1));
    // A state that was written before checksums were introduced has only this digest.
    if (digestOf(objects) === head.digest) return inOrder(objects);
  }
  writeWhole(file, '');
  return undefined;
}

const damaged = (file: string) =>
  new SourceError('STAGING_DAMAGED', 'the stored listing of this series has been damaged since it was written', {
    file,
    hint: 'list everything from the start again: pnpm pipeline run --relist',
  });

/** Returns the end of a path, which names the series. The checksum of a head covers it too. */
const placeOf = (file: string): string => file.split(/[\\/]/).slice(-4).join('/');

interface StoredHead extends SeriesHead {
  /** Size and checksum of the objects' lines. States written before checksums were introduced lack them. */
  readonly bytes?: number;
  readonly lines_crc?: string;
}

function intactHead(file: string, line: string): StoredHead | undefined {
  const head = isIntact(line, placeOf(file)) ? parseHead(line) : undefined;
  // A head that has the size of its lines must have a checksum as well.
  return head?.bytes !== undefined && !line.includes(',"crc32":"') ? undefined : head;
}

function parseHead(line: string): StoredHead | undefined {
  try {
    const { listed_whole_at, objects, digest, bytes, lines_crc }: Partial<StoredHead> = JSON.parse(line);
    if (typeof listed_whole_at !== 'string' || typeof digest !== 'string') return undefined;
    if (objects === undefined || !Number.isInteger(objects)) return undefined;
    const ofLines = bytes !== undefined && lines_crc !== undefined && { bytes, lines_crc };
    return { listed_whole_at, objects, digest, ...ofLines };
  } catch {
    return undefined;
  }
}

/** Parses the lines of objects in reverse, so that the oldest object comes first. */
function parseObjects(series: Series, lines: readonly string[]): ListedObject[] {
  const objects: ListedObject[] = [];
  for (let at = lines.length - 1; at >= 0; at--) {
    const [period = '', size = '', etag = '', last_modified = '', listed_at = ''] = (lines[at] as string).split('\t');
    const key = formatKey({ ...series, period });
    objects.push({ key, period, size_bytes: Number(size), etag, last_modified, listed_at });
  }
  return objects;
}

/** Sorts objects and removes repeated keys: earlier versions stored every entry in the order of the listing (A29). */
function inOrder(objects: readonly ListedObject[]): readonly ListedObject[] {
  if (objects.every(({ period }, at) => at === 0 || period > (objects[at - 1] as ListedObject).period)) return objects;
  const latest = new Map<string, ListedObject>();
  for (const object of objects) {
    const before = latest.get(object.period);
    if (before === undefined || before.last_modified <= object.last_modified) latest.set(object.period, object);
  }
  return [...latest.values()].sort((a, b) => (a.period < b.period ? -1 : 1));
}
