import { hash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { type Cadence, formatKey, type InstrumentType, type Series, seriesId } from '../archive/keys.ts';
import { nameOfPathComponent, pathComponent } from '../archive/path-component.ts';
import type { Timeframe } from '../archive/timeframes.ts';
import { writeWhole } from '../disk.ts';

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
 * page of the file answers whether the end of the series has changed. It is written whole or not at all.
 */
export const seriesFile = (directory: string, { instrument_type, cadence, timeframe, symbol }: Series): string =>
  join(directory, instrument_type, cadence, timeframe, `${pathComponent(symbol)}.tsv`);

/** A series and what is known of it. */
export interface ListedSeries {
  readonly series: Series;
  readonly head: SeriesHead;
}

/** Every series that has a state, in the order of their folders and names; of those in `known` the head is at hand. */
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
          if (head !== undefined) found.push({ series, head });
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
  const lines = objects.map((it) => `${stateOf(it)}${it.listed_at}`);
  writeWhole(file, `${[JSON.stringify(head), ...lines.reverse()].join('\n')}\n`);
}

/** What a look at the first bytes of a state tells. */
export interface SeriesPeek {
  readonly head: SeriesHead;
  /** Period of the newest object. */
  readonly newest: string | undefined;
  /** Whether these, ascending, are all objects of this period and later; it knows those of the last two weeks. */
  isWhole(period: string, objects: readonly ListedObject[]): boolean;
}

/** Holds the head and some fifteen objects. One for all, since each look is over before the next begins. */
const peekBuffer = Buffer.alloc(2048);

/** `undefined` where there is no state that can be used. */
export function peekSeries(file: string): SeriesPeek | undefined {
  let length: number;
  try {
    const descriptor = openSync(file, 'r');
    try {
      length = readSync(descriptor, peekBuffer, 0, peekBuffer.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [first = '', ...lines] = peekBuffer.toString('latin1', 0, length).split('\n').slice(0, -1);
  const head = parseHead(first);
  if (head === undefined) return undefined;
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

/** All objects of a series, ascending by period. */
export function readObjects(file: string, series: Series): readonly ListedObject[] {
  return parseObjects(series, readFileSync(file, 'latin1').split('\n').slice(1, -1));
}

function parseHead(line: string): SeriesHead | undefined {
  try {
    const head: Partial<SeriesHead> = JSON.parse(line);
    const known = typeof head.listed_whole_at === 'string' && typeof head.digest === 'string';
    return known && Number.isInteger(head.objects) ? (head as SeriesHead) : undefined;
  } catch {
    return undefined;
  }
}

function parseObjects(series: Series, lines: readonly string[]): ListedObject[] {
  const objects: ListedObject[] = [];
  for (let at = lines.length - 1; at >= 0; at--) {
    const [period = '', size = '', etag = '', last_modified = '', listed_at = ''] = (lines[at] as string).split('\t');
    const key = formatKey({ ...series, period });
    objects.push({ key, period, size_bytes: Number(size), etag, last_modified, listed_at });
  }
  return objects;
}
