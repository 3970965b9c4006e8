import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { writeWhole } from '../../engine/disk.ts';
import { msOfDay, type Timeframe } from '../../exchange/timeframes.ts';
import type { Cadence } from '../../exchange/vocabulary.ts';
import { compareKeys } from '../../extract/archive/store.ts';
import type { BenchOptions } from './options.ts';

/** Archives of one cadence and timeframe for all symbols of a set. */
export interface Tree {
  readonly cadence: Cadence;
  readonly timeframe: Timeframe;
  /** ISO months or days. */
  readonly periods: readonly string[];
  /** True if the archives are listed without files, because nothing may request them. */
  readonly listedOnly?: boolean;
}

export interface ArchiveSet {
  readonly name: string;
  readonly symbols: readonly string[];
  readonly trees: readonly Tree[];
}

export interface MadeArchives {
  /** Contains `data/…` in the layout of the archive. */
  readonly directory: string;
  /** Every object: key, size, MD5 and publication time, tab-separated, in the archive's order. */
  readonly index: string;
  /** Keys of the zips that exist as files. */
  readonly zips: readonly string[];
  readonly bytes: number;
}

export const symbolNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => (i === 0 ? 'BTCUSDT' : `B${String(i).padStart(4, '0')}USDT`));

export const daysFrom = (first: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => new Date(Date.parse(first) + i * msOfDay).toISOString().slice(0, 10));

export const monthsFrom = (first: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) =>
    new Date(Date.UTC(Number(first.slice(0, 4)), Number(first.slice(5)) - 1 + i)).toISOString().slice(0, 7),
  );

/** Makes a set if it does not exist yet, on every core. The same set has the same bytes on every machine. */
export async function makeArchives(set: ArchiveSet, options: Pick<BenchOptions, 'directory'>): Promise<MadeArchives> {
  const directory = join(options.directory, 'archives', `${set.name}-${set.symbols.length}`);
  const index = join(directory, 'index.tsv');
  if (!existsSync(index)) {
    console.error(`making ${directory}`);
    rmSync(directory, { recursive: true, force: true });
    const parts = availableParallelism();
    const lines = await Promise.all(
      Array.from({ length: parts }, (_, part) => makePart({ set, directory, part, parts })),
    );
    const sorted = lines.flat().sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
    writeWhole(index, sorted.map((line) => `${line}\n`).join(''));
  }
  return { directory, index, ...filesOf(index, set) };
}

const keyOf = (line: string): string => line.slice(0, line.indexOf('\t'));

function filesOf(index: string, set: ArchiveSet): Pick<MadeArchives, 'zips' | 'bytes'> {
  const absent = set.trees
    .filter(({ listedOnly }) => listedOnly)
    .map(({ cadence, timeframe }) => new RegExp(`/${cadence}/klines/[^/]+/${timeframe}/`));
  const zips: string[] = [];
  let bytes = 0;
  for (const line of readFileSync(index, 'utf8').split('\n')) {
    const [key = '', size] = line.split('\t');
    if (!key.endsWith('.zip') || absent.some((pattern) => pattern.test(key))) continue;
    zips.push(key);
    bytes += Number(size);
  }
  return { zips, bytes };
}

/** The part of a worker: the symbols whose number modulo `parts` is `part`. */
export interface PartOfSet {
  readonly set: ArchiveSet;
  readonly directory: string;
  readonly part: number;
  readonly parts: number;
}

async function makePart(workerData: PartOfSet): Promise<readonly string[]> {
  const worker = new Worker(new URL('../write-archives.ts', import.meta.url), { workerData });
  const [lines] = (await once(worker, 'message')) as [readonly string[]];
  return lines;
}
