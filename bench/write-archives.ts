import { msOfHour } from '../exchange/timeframes.ts';
/** The worker that writes a part of an archive set and returns the lines of the index. */

import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { deflateRawSync } from 'node:zlib';
import { type ArchiveKey, archiveName, formatKey, periodOf } from '../exchange/keys.ts';
import { zipOf } from '../extract/sample/zip-writer.ts';
import type { PartOfSet, Tree } from './support/archive-set.ts';
import { klinesCsv } from './support/klines.ts';

const { set, directory, part, parts } = workerData as PartOfSet;

const line = (key: string, size: number, md5: string, published: string): string =>
  [key, size, md5, published].join('\t');

/** 08:30 on the following day. */
const publishedAt = (key: ArchiveKey): string => new Date((periodOf(key)?.end ?? 0) + 8.5 * msOfHour).toISOString();

/** Real archives have a CHECKSUM file next to each zip, without a final newline. */
function write(key: ArchiveKey): readonly string[] {
  const name = archiveName(key);
  const path = join(directory, formatKey(key));
  const csv = klinesCsv(key);
  const zip = zipOf(`${name}.csv`, csv, deflateRawSync(csv));
  const checksum = `${hash('sha256', zip)}  ${name}.zip`;
  writeFileSync(path, zip);
  writeFileSync(`${path}.CHECKSUM`, checksum);
  const published = publishedAt(key);
  return [
    line(formatKey(key), zip.length, hash('md5', zip), published),
    line(`${formatKey(key)}.CHECKSUM`, checksum.length, hash('md5', checksum), published),
  ];
}

function list(key: ArchiveKey): readonly string[] {
  const published = publishedAt(key);
  return [formatKey(key), `${formatKey(key)}.CHECKSUM`].map((it) => line(it, 60_000, hash('md5', it), published));
}

function linesOf(symbol: string, { cadence, timeframe, periods, listedOnly }: Tree): readonly string[] {
  const keys = periods.map((period): ArchiveKey => {
    return { instrument_type: 'futures-um', cadence, timeframe, symbol, period };
  });
  if (listedOnly) return keys.flatMap(list);
  const [first] = keys;
  if (first !== undefined) mkdirSync(dirname(join(directory, formatKey(first))), { recursive: true });
  return keys.flatMap(write);
}

const symbols = set.symbols.filter((_, i) => i % parts === part);
parentPort?.postMessage(symbols.flatMap((symbol) => set.trees.flatMap((tree) => linesOf(symbol, tree))));
