import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { readSums, sumsFile } from '../disk.ts';
import { backUp } from '../duckdb/index.ts';
import type { Extract, Freed } from '../extract.ts';
import { lockTarget } from './lock.ts';
import { refuseLost } from './lost.ts';
import type { TargetPaths } from './paths.ts';
import { recordFile, updateRecord } from './record.ts';

export interface Cleaned {
  readonly backup: string | undefined;
  readonly removed: readonly string[];
  /** The files still in the target's folder, and why each was kept. */
  readonly left: readonly { readonly file: string; readonly why: string }[];
  readonly freed: Freed;
}

/**
 * Removes what runs wrote and can build again: warehouse (a copy is kept), exports, artifacts, logs; with `extracts`,
 * also what these have staged and can fetch again, but not what they know about it. Files that no run wrote are kept.
 * @throws PipelineError WAREHOUSE_LOST if there should be a warehouse to copy, but there is none
 */
export async function cleanTarget(options: {
  readonly paths: TargetPaths;
  /** Names of the exports of the pipeline. */
  readonly exports: readonly string[];
  readonly extracts: readonly Extract[];
  readonly runId: string;
  readonly now: Date;
  readonly signal: AbortSignal;
}): Promise<Cleaned> {
  const { paths, extracts, runId, now, signal } = options;
  const freed = { files: 0, bytes: 0 };
  if (!existsSync(paths.root)) return { backup: undefined, removed: [], left: [], freed };
  await using lock = await lockTarget(paths.root, { command: 'pipeline clean', since: now, wait: false, signal });
  refuseLost(paths.warehouse);
  const backup = await backUp(paths, runId, { signal });
  lock.confirm();
  // Must come first: from here on, a missing warehouse is not a lost one.
  await updateRecord(paths.root, { warehouse: undefined });

  const removed = [
    ...(await removeExports(paths, options.exports)),
    ...(await removeWarehouse(paths)),
    ...(await removeMatching(path.join(paths.artifacts, 'compiled'), (name) => name.endsWith('.sql'))),
    ...(await removeMatching(path.join(paths.artifacts, 'failures'), (name) => name.endsWith('.csv'))),
    ...(await removeMatching(paths.artifacts, (name) => artifacts.has(whole(name)))),
    ...(await removeMatching(paths.logs, (name) => logName.test(name))),
  ];
  for (const extract of extracts) {
    const { files = 0, bytes = 0 } = (await extract.clean?.({ stagingDir: paths.staging, signal })) ?? {};
    freed.files += files;
    freed.bytes += bytes;
  }
  return { backup, removed, left: await whatIsLeft(paths), freed };
}

const artifacts: ReadonlySet<string> = new Set(['definitions.json', 'graph.json', 'run.json']);
/** The log names made by `createRunId`. */
const logName = /^\d{8}T\d{6}Z-[0-9a-f]{4}\.log$/;
/** Returns the final name of a file whose name ends in `.part`. */
const whole = (name: string): string => name.replace(/\.part$/, '');

async function removeExports({ exports: folder }: TargetPaths, names: readonly string[]): Promise<readonly string[]> {
  const { sums } = await readSums(folder);
  const own = new Set([...names.map((name) => `${name}.parquet`), ...sums.keys(), sumsFile]);
  return removeMatching(folder, (name) => own.has(whole(name)));
}

async function removeWarehouse({ root, warehouse, publishing }: TargetPaths): Promise<readonly string[]> {
  const own = ['', '.wal', '.left', '.tmp', '.compact', '.compact.wal'];
  const files = [...own.map((suffix) => `${path.basename(warehouse)}${suffix}`), path.basename(publishing)];
  return removeMatching(root, (name) => files.includes(name));
}

/** Removes the matching entries of a folder, and the folder if it is then empty; returns what it removed. */
async function removeMatching(folder: string, matches: (name: string) => boolean): Promise<readonly string[]> {
  const names = await namesIn(folder);
  const own = names.filter(matches);
  for (const name of own) await rm(path.join(folder, name), { recursive: true });
  if (own.length < names.length || !existsSync(folder)) return own.map((name) => path.join(folder, name));
  await rmdir(folder).catch(() => {}); // keeps a link to a folder
  return [folder];
}

async function whatIsLeft(paths: TargetPaths): Promise<Cleaned['left']> {
  const known: Readonly<Record<string, string>> = {
    [paths.backups]: 'the backups',
    [paths.staging]: 'staged files; clean --staging removes those that can be fetched again',
    [recordFile(paths.root)]: 'the archive that the target belongs to',
  };
  const folders = new Set([paths.exports, paths.artifacts, paths.logs]);
  const left: { file: string; why: string }[] = [];
  for (const name of await namesIn(paths.root)) {
    const file = path.join(paths.root, name);
    if (name.startsWith('run.lock')) continue;
    const inside = folders.has(file) ? (await namesIn(file)).map((one) => path.join(file, one)) : [];
    for (const one of inside.length > 0 ? inside : [file])
      left.push({ file: one, why: known[one] ?? 'it was not written by a run' });
  }
  return left;
}

const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).sort();
